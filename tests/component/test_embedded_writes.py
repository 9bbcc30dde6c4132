"""Writes on the embedded API server: patches, apply, locking, deletion and what goes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.rest import APPLY, JSON_PATCH, MERGE, STRATEGIC, Rest
from pylb.embedded.server import Server, serve

SERVICES = "/api/v1/namespaces/default/services"
CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that made no mistake of its own by the end of the test."""
    async with serve() as running:
        yield running
        assert running.problems == []


@pytest.fixture
def rest(server: Server) -> Rest:
    """A client of it."""
    return Rest(server.url)


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    """A Service of one port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], **spec},
    }


def config(name: str, **labels: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}


async def test_a_stale_version_is_a_conflict(rest: Rest) -> None:
    """Optimistic locking, in PUT, PATCH and DELETE; an update that changes nothing is no change."""
    old = (await rest.post(CONFIGS, config("a"))).json
    new = (await rest.put(f"{CONFIGS}/a", {**old, "data": {"a": "2"}})).json
    assert int(new["metadata"]["resourceVersion"]) > int(old["metadata"]["resourceVersion"])
    stale = await rest.put(f"{CONFIGS}/a", {**old, "data": {"a": "3"}})
    assert (stale.status, stale.json["reason"]) == (409, "Conflict")
    version = {"resourceVersion": old["metadata"]["resourceVersion"]}
    assert (await rest.patch(f"{CONFIGS}/a", {"metadata": version})).status == 409
    assert (await rest.delete(f"{CONFIGS}/a", {"preconditions": version})).status == 409
    assert (await rest.delete(f"{CONFIGS}/a", {"preconditions": {"uid": "other"}})).status == 409
    assert (await rest.put(f"{CONFIGS}/a", {**new, "metadata": {**new["metadata"], "uid": "other"}})).status == 409
    assert (await rest.put(f"{CONFIGS}/a", new)).json["metadata"] == new["metadata"]


async def test_the_four_patch_types(rest: Rest) -> None:
    """On a built-in kind."""
    path = f"{SERVICES}/web"
    await rest.post(SERVICES, service(ports=[{"port": 80, "name": "http"}]))
    merged = await rest.patch(path, {"spec": {"ports": [{"port": 443, "name": "https"}]}}, STRATEGIC)
    assert sorted(p["port"] for p in merged.json["spec"]["ports"]) == [80, 443]
    assert all(p["nodePort"] for p in merged.json["spec"]["ports"])
    replaced = await rest.patch(path, {"spec": {"ports": [{"port": 8443}]}}, MERGE)
    assert [p["port"] for p in replaced.json["spec"]["ports"]] == [8443]
    added = await rest.patch(path, [{"op": "add", "path": "/metadata/annotations", "value": {"a/b": "c"}}], JSON_PATCH)
    assert added.json["metadata"]["annotations"] == {"a/b": "c"}
    gone = await rest.patch(path, [{"op": "remove", "path": "/metadata/annotations/a~1b"}], JSON_PATCH)
    assert gone.json["metadata"]["annotations"] == {}
    tested = await rest.patch(path, [{"op": "test", "path": "/spec/type", "value": "NodePort"}], JSON_PATCH)
    assert tested.status == 422
    assert (await rest.patch(path, [{"op": "jump"}], JSON_PATCH)).status == 400
    assert (await rest.patch(path, {"spec": {}}, "application/json")).status == 415
    assert (await rest.patch(path, {"spec": {"loadBalancerIP": "192.0.2.1"}}, "text/plain")).status == 415


async def test_apply_creates_merges_and_removes_what_its_manager_dropped(rest: Rest) -> None:
    """Server-side apply without conflicts."""
    path = f"{SERVICES}/web?fieldManager=me"
    wanted = service(loadBalancerIP="192.0.2.1", selector={"app": "web"})
    wanted["metadata"]["labels"] = {"a": "1", "b": "2"}
    assert (await rest.patch(path, wanted, APPLY)).status == 201
    await rest.patch(f"{SERVICES}/web", {"metadata": {"labels": {"mine": "x"}}})
    del wanted["spec"]["loadBalancerIP"], wanted["metadata"]["labels"]["b"]
    again = await rest.patch(path, wanted, APPLY)
    assert again.status == 200
    assert "loadBalancerIP" not in again.json["spec"]
    assert again.json["metadata"]["labels"] == {"a": "1", "mine": "x"}
    assert again.json["spec"]["clusterIP"]
    assert (await rest.patch(f"{SERVICES}/web", wanted, APPLY)).status == 422, "a manager must be named"
    assert (await rest.ask("PATCH", path, b"a: &x [1]\nb: *x", APPLY)).status == 400, "aliases are refused"


async def test_deletes(rest: Rest) -> None:
    """Services come back as objects, others as a Status; a collection as its list."""
    await rest.post(SERVICES, service())
    assert (await rest.delete(f"{SERVICES}/web")).json["kind"] == "Service"
    for name in "abc":
        await rest.post(CONFIGS, config(name, tier="x" if name < "c" else "y"))
    one = (await rest.delete(f"{CONFIGS}/a")).json
    assert (one["kind"], one["status"], one["details"]["name"]) == ("Status", "Success", "a")
    many = (await rest.delete(f"{CONFIGS}?labelSelector=tier%3Dx")).json
    assert [item["metadata"]["name"] for item in many["items"]] == ["b"]
    assert [item["metadata"]["name"] for item in (await rest.get(CONFIGS)).json["items"]] == ["c"]


async def test_finalizers_hold_an_object_until_they_are_gone(rest: Rest) -> None:
    """deletionTimestamp first; none may be added then; the last one's end is the object's."""
    body = config("held")
    body["metadata"]["finalizers"] = ["example.io/a"]
    await rest.post(CONFIGS, body)
    marked = await rest.delete(f"{CONFIGS}/held")
    assert marked.json["metadata"]["deletionTimestamp"]
    more = {"metadata": {"finalizers": ["example.io/a", "example.io/b"]}}
    assert (await rest.patch(f"{CONFIGS}/held", more)).status == 422
    assert (await rest.patch(f"{CONFIGS}/held", {"metadata": {"finalizers": []}})).status == 200
    assert (await rest.get(f"{CONFIGS}/held")).status == 404


async def test_a_namespace_takes_all_that_is_in_it(rest: Rest) -> None:
    """At once, but what has a finalizer keeps it Terminating, and nothing new is taken in."""
    await rest.post("/api/v1/namespaces", {"metadata": {"name": "gone"}})
    inside = "/api/v1/namespaces/gone/configmaps"
    held = config("held")
    held["metadata"]["finalizers"] = ["example.io/a"]
    for body in (config("a"), held):
        await rest.post(inside, body)
    ending = (await rest.delete("/api/v1/namespaces/gone")).json
    assert ending["status"]["phase"] == "Terminating"
    assert [item["metadata"]["name"] for item in (await rest.get(inside)).json["items"]] == ["held"]
    refused = await rest.post(inside, config("new"))
    assert (refused.status, refused.json["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    assert (await rest.patch("/api/v1/namespaces/gone", {"metadata": {"labels": {"a": "b"}}})).status == 200
    await rest.patch(f"{inside}/held", {"metadata": {"finalizers": None}})
    assert (await rest.get("/api/v1/namespaces/gone")).status == 404
    assert (await rest.delete("/api/v1/namespaces/default")).status == 403


async def test_owned_objects_go_with_their_last_owner(rest: Rest) -> None:
    """And an object whose owner lives in another namespace goes at once, as the garbage collector does it."""
    owners = [(await rest.post(CONFIGS, config(name))).json["metadata"] for name in ("o1", "o2")]

    def owned(name: str, *by: dict[str, Any]) -> dict[str, Any]:
        body = config(name)
        refs = [{"apiVersion": "v1", "kind": "ConfigMap", "name": o["name"], "uid": o["uid"]} for o in by]
        body["metadata"]["ownerReferences"] = refs
        return body

    await rest.post(CONFIGS, owned("one", owners[0]))
    await rest.post(CONFIGS, owned("both", *owners))
    assert (await rest.post("/api/v1/namespaces/kube-system/configmaps", owned("far", owners[0]))).status == 201
    assert (await rest.get("/api/v1/namespaces/kube-system/configmaps/far")).status == 404
    await rest.delete(f"{CONFIGS}/o1")
    assert [(await rest.get(f"{CONFIGS}/{name}")).status for name in ("one", "both")] == [404, 200]
    await rest.post(CONFIGS, owned("kept", owners[1]))
    await rest.delete(f"{CONFIGS}/o2", {"propagationPolicy": "Orphan"})
    assert (await rest.get(f"{CONFIGS}/kept")).json["metadata"]["ownerReferences"] == []
