"""The embedded API server over HTTP: what it stores, answers and refuses, as the real one does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.rest import APPLY, JSON_PATCH, MERGE, STRATEGIC, Rest
from pylb.embedded import http
from pylb.embedded.server import Options, Server, serve

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


async def test_a_created_service_is_completed_as_the_real_server_does(rest: Rest) -> None:
    """Metadata and defaults; the status that a client sends on create is not taken."""
    answer = await rest.post(SERVICES, {**service(), "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
    assert answer.status == 201
    made = answer.json
    meta, spec = made["metadata"], made["spec"]
    assert meta["namespace"] == "default"
    assert {"uid", "creationTimestamp", "resourceVersion"} <= meta.keys()
    assert "generation" not in meta, "Services have none"
    assert made["status"] == {"loadBalancer": {}}
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30000}]
    told = (spec["ipFamilies"], spec["ipFamilyPolicy"], spec["externalTrafficPolicy"], spec["internalTrafficPolicy"])
    assert told == (["IPv4"], "SingleStack", "Cluster", "Cluster")
    assert spec["allocateLoadBalancerNodePorts"] is True
    assert (await rest.get(f"{SERVICES}/web")).json == made


async def test_dual_stack_and_what_an_update_keeps(rest: Rest) -> None:
    """Families and addresses follow the policy; an update that leaves them out keeps addresses and node ports."""
    dual = (await rest.post(SERVICES, service(ipFamilyPolicy="PreferDualStack"))).json["spec"]
    assert dual["ipFamilies"] == ["IPv4", "IPv6"]
    assert [":" in ip for ip in dual["clusterIPs"]] == [False, True]
    six = (await rest.post(SERVICES, service("six", ipFamilies=["IPv6"]))).json["spec"]
    assert ":" in six["clusterIP"]
    again = await rest.put(f"{SERVICES}/web", service(ipFamilyPolicy="PreferDualStack"))
    assert again.json["spec"]["clusterIPs"] == dual["clusterIPs"]
    assert again.json["spec"]["ports"] == dual["ports"]
    single = (await rest.patch(f"{SERVICES}/web", {"spec": {"type": "ClusterIP"}})).json["spec"]
    assert "nodePort" not in single["ports"][0]
    assert "externalTrafficPolicy" not in single
    headless = (await rest.post(SERVICES, service("bare", type="ClusterIP", clusterIP="None"))).json["spec"]
    assert headless["clusterIPs"] == ["None"]
    local = (await rest.post(SERVICES, service("local", externalTrafficPolicy="Local"))).json["spec"]
    assert local["healthCheckNodePort"] not in [p["nodePort"] for p in local["ports"]]


async def test_addresses_and_node_ports_are_free_again_after_a_delete_and_a_dry_run_takes_none(rest: Rest) -> None:
    """What is taken follows the store."""
    dry = (await rest.ask("POST", f"{SERVICES}?dryRun=All", service())).json["spec"]
    first = (await rest.post(SERVICES, service())).json["spec"]
    assert (dry["clusterIP"], dry["ports"]) == (first["clusterIP"], first["ports"])
    taken = await rest.post(SERVICES, service("other", clusterIP=first["clusterIP"]))
    assert taken.status == 422
    await rest.delete(f"{SERVICES}/web")
    assert (await rest.post(SERVICES, service("other", clusterIP=first["clusterIP"]))).status == 201


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"ports": []}, "spec.ports"),
        ({"ports": [{"port": 0}]}, "spec.ports[0].port"),
        ({"ports": [{"port": 1}, {"port": 2}]}, "spec.ports[0].name"),
        ({"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]}, "spec.ports[1].name"),
        ({"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]}, "spec.ports[1]"),
        ({"ports": [{"port": 1, "nodePort": 80}]}, "spec.ports[0].nodePort"),
        ({"ports": [{"port": 1, "protocol": "ICMP"}]}, "spec.ports[0].protocol"),
        ({"type": "Balancer"}, "spec.type"),
        ({"externalTrafficPolicy": "Nearby"}, "spec.externalTrafficPolicy"),
        ({"clusterIP": "10.0.0.1"}, "spec.clusterIPs[0]"),
        ({"clusterIP": "here"}, "spec.clusterIPs[0]"),
        ({"ipFamilies": ["IPv5"]}, "spec.ipFamilies[0]"),
    ],
)
async def test_a_service_that_cannot_be_is_refused_by_field(rest: Rest, spec: dict[str, Any], field: str) -> None:
    """422 with the field in details.causes."""
    answer = await rest.post(SERVICES, service(**spec))
    assert answer.status == 422, answer.body
    assert answer.json["reason"] == "Invalid"
    assert field in [cause["field"] for cause in answer.json["details"]["causes"]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 5000 + b"]" * 5000,
        json.dumps({"metadata": "x"}).encode(),
        json.dumps({"metadata": {"name": 3}}).encode(),
        json.dumps({"metadata": {"name": "a", "labels": {"a": 1}}}).encode(),
        json.dumps({"metadata": {"name": "a", "annotations": "x"}}).encode(),
        json.dumps({"metadata": {"name": "a"}, "spec": {"ports": "80"}}).encode(),
        json.dumps({"metadata": {"name": "a"}, "spec": {"ports": [80]}}).encode(),
        json.dumps({"metadata": {"name": "a"}, "spec": []}).encode(),
        json.dumps({"metadata": {"name": "a"}, "kind": "Pod"}).encode(),
        json.dumps({"metadata": {"name": "a", "namespace": "kube-system"}}).encode(),
    ],
)
async def test_what_cannot_be_read_is_400(rest: Rest, body: bytes) -> None:
    """And never a fault of the server: the fixture looks for those."""
    assert (await rest.ask("POST", SERVICES, body)).status == 400


async def test_names(rest: Rest) -> None:
    """generateName makes free names; bad names are 422."""
    made = [(await rest.post(CONFIGS, {"metadata": {"generateName": "c-"}})).json["metadata"]["name"] for _ in range(3)]
    assert len(set(made)) == 3
    assert all(name.startswith("c-") and len(name) == 7 for name in made)
    for name in ("", "Upper", "-a", "a" * 254):
        assert (await rest.post(CONFIGS, {"metadata": {"name": name}})).status == 422, name
    assert (await rest.post(SERVICES, service("1st"))).status == 422, "Services are DNS labels of RFC 1035"


async def test_refusals_by_code(rest: Rest) -> None:
    """404 in its kinds, 405, 409, 501."""
    missing = await rest.get(f"{SERVICES}/none")
    assert (missing.status, missing.json["reason"]) == (404, "NotFound")
    assert missing.json["message"] == 'services "none" not found'
    for unknown in ("/api/v1/things", "/apis/no.io/v1/things", "/nonsense", "/api/v1/namespaces/default/services/a/b"):
        answer = await rest.get(unknown)
        assert (answer.status, answer.body) == (404, b"404 page not found\n"), unknown
    nowhere = await rest.post("/api/v1/namespaces/nowhere/services", service())
    assert (nowhere.status, nowhere.json["message"]) == (404, 'namespaces "nowhere" not found')
    await rest.post(SERVICES, service())
    twice = await rest.post(SERVICES, service())
    assert (twice.status, twice.json["reason"]) == (409, "AlreadyExists")
    assert (await rest.ask("PUT", SERVICES, service())).status == 405
    assert (await rest.post("/api/v1/services", service())).status == 405
    lacking = await rest.get("/apis/batch/v1/jobs")
    assert (lacking.status, lacking.json["reason"]) == (501, "NotImplemented")


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


async def test_status_is_apart(rest: Rest) -> None:
    """A main write changes no status, a status write no spec; annotations of built-in kinds go through status."""
    await rest.post(SERVICES, service())
    path, lent = f"{SERVICES}/web", {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}
    main = await rest.patch(path, {"status": lent, "spec": {"loadBalancerIP": "192.0.2.9"}})
    assert main.json["status"] == {"loadBalancer": {}}
    body = {"status": lent, "spec": {"loadBalancerIP": ""}, "metadata": {"annotations": {"a": "b"}}}
    status = (await rest.patch(f"{path}/status", body)).json
    assert status["spec"]["loadBalancerIP"] == "192.0.2.9"
    assert status["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.9", "ipMode": "VIP"}]
    assert status["metadata"]["annotations"] == {"a": "b"}
    wrong = await rest.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": [{"ip": "here"}]}}})
    assert (wrong.status, wrong.json["details"]["causes"][0]["field"]) == (422, "status.loadBalancer.ingress[0].ip")
    await rest.post(SERVICES, service("inner", type="ClusterIP"))
    assert (await rest.patch(f"{SERVICES}/inner/status", {"status": lent})).status == 422


async def test_lists_in_pages(rest: Rest, server: Server) -> None:
    """limit, continue, remainingItemCount; a token is good until its version is forgotten (410)."""
    for name in "edcba":
        await rest.post(CONFIGS, config(name))
    names: list[str] = []
    token, left = "", []
    while True:
        page = (await rest.get(f"{CONFIGS}?limit=2&continue={token}")).json
        assert page["kind"] == "ConfigMapList"
        names += [item["metadata"]["name"] for item in page["items"]]
        left.append(page["metadata"].get("remainingItemCount"))
        if not (token := page["metadata"].get("continue", "")):
            break
        await rest.post(CONFIGS, config(f"early-{len(names)}"))
    assert [name for name in names if len(name) == 1] == [*"abcde"]
    assert left[0] == 3
    assert left[-1] is None
    old = (await rest.get(f"{CONFIGS}?limit=1")).json["metadata"]["continue"]
    await rest.post(CONFIGS, config("late"))
    server.faults.compact()
    answer = await rest.get(f"{CONFIGS}?limit=1&continue={old}")
    assert (answer.status, answer.json["reason"]) == (410, "Expired")
    assert (await rest.get(f"{CONFIGS}?continue=nonsense")).status == 400
    assert (await rest.get(f"{CONFIGS}?resourceVersion=abc")).status == 400
    future = await rest.get(f"{CONFIGS}?resourceVersion=99999999")
    assert (future.status, future.json["details"]["causes"][0]["reason"]) == (504, "ResourceVersionTooLarge")


async def test_selectors(rest: Rest) -> None:
    """Labels and fields; what the real server does not select by is 400."""
    for name, labels in (("a", {"tier": "x"}), ("b", {"tier": "y"}), ("c", {})):
        await rest.post(CONFIGS, config(name, **labels))

    async def chosen(query: str) -> str:
        return "".join(item["metadata"]["name"] for item in (await rest.get(f"{CONFIGS}?{query}")).json["items"])

    assert await chosen("labelSelector=tier%3Dx") == "a"
    assert await chosen("labelSelector=tier+in+(x,y)") == "ab"
    assert await chosen("labelSelector=tier!%3Dx") == "bc"
    assert await chosen("labelSelector=!tier") == "c"
    assert await chosen("fieldSelector=metadata.name%3Db") == "b"
    assert await chosen("fieldSelector=metadata.name!%3Db,metadata.namespace%3Ddefault") == "ac"
    assert (await rest.get(f"{CONFIGS}?labelSelector=tier%3D%3D%3D")).status == 400
    assert (await rest.get(f"{CONFIGS}?fieldSelector=data.a%3D1")).status == 400


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


async def test_events_secrets_and_leases(rest: Rest) -> None:
    """An Event lives beside its object; stringData becomes data; a Lease is an ordinary object."""
    event = {
        "metadata": {"generateName": "web."},
        "involvedObject": {"kind": "Service", "namespace": "other", "name": "w"},
    }
    answer = await rest.post("/api/v1/namespaces/default/events", event)
    assert (answer.status, answer.json["details"]["causes"][0]["field"]) == (422, "involvedObject.namespace")
    event["involvedObject"] = {"kind": "Service", "namespace": "default", "name": "w"}
    assert (await rest.post("/api/v1/namespaces/default/events", event)).status == 201
    found = await rest.get("/api/v1/events?fieldSelector=involvedObject.name%3Dw,involvedObject.kind%3DService")
    assert len(found.json["items"]) == 1
    secrets = "/api/v1/namespaces/default/secrets"
    made = (await rest.post(secrets, {"metadata": {"name": "s"}, "stringData": {"a": "hi"}})).json
    assert (made["data"], made["type"], "stringData" in made) == ({"a": "aGk="}, "Opaque", False)
    assert (await rest.post(secrets, {"metadata": {"name": "t"}, "data": {"a": "%"}})).status == 400
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 5}}
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    version = (await rest.post(leases, lease)).json["metadata"]["resourceVersion"]
    taken = {**lease, "metadata": {"name": "l", "resourceVersion": version}, "spec": {"holderIdentity": "b"}}
    assert [(await rest.put(f"{leases}/l", taken)).status for _ in range(2)] == [200, 409]


async def test_tables(rest: Rest) -> None:
    """What kubectl prints: cells, definitions, partial objects."""
    await rest.post(SERVICES, service())
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    table = (await rest.get(f"{SERVICES}?labelSelector=app%3Dweb", accept=accept)).json
    assert table["kind"] == "Table"
    names = [c["name"] for c in table["columnDefinitions"]]
    row = dict(zip(names, table["rows"][0]["cells"], strict=True))
    assert (row["Name"], row["Type"], row["External-IP"], row["Port(s)"]) == (
        "web",
        "LoadBalancer",
        "<pending>",
        "80:30000/TCP",
    )
    assert row["Age"] in ("0s", "1s", "2s")
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def test_discovery_of_versions_groups_and_openapi(rest: Rest) -> None:
    """What kubectl and client libraries ask first."""
    assert (await rest.get("/version")).json["major"] == "1"
    assert (await rest.get("/readyz")).body == b"ok"
    core = (await rest.get("/api/v1")).json
    assert core["groupVersion"] == "v1"
    rows = {row["name"]: row for row in core["resources"]}
    assert rows["services"]["shortNames"] == ["svc"]
    assert "shortNames" not in rows["services/status"]
    assert "apps" in [group["name"] for group in (await rest.get("/apis")).json["groups"]]
    assert (await rest.get("/apis/apps")).json["preferredVersion"]["groupVersion"] == "apps/v1"
    assert (await rest.get("/apis/none.io/v1")).status == 404
    index = (await rest.get("/openapi/v3")).json["paths"]
    document = (await rest.get(index["api/v1"]["serverRelativeURL"])).json
    patch = document["paths"]["/api/v1/namespaces/{namespace}/services/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "", "version": "v1", "kind": "Service"}
    assert {p["name"] for p in patch["parameters"]} >= {"dryRun", "fieldValidation"}


async def test_scale(rest: Rest) -> None:
    """The scale subresource, read and written both ways."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    body = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    path = "/apis/apps/v1/namespaces/default/deployments"
    assert (await rest.post(path, body)).json["spec"]["replicas"] == 1
    scale = (await rest.get(f"{path}/d/scale")).json
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == ("Scale", {"replicas": 1}, "a=b")
    assert (await rest.patch(f"{path}/d/scale", {"spec": {"replicas": 3}})).json["spec"]["replicas"] == 3
    stale = {**scale, "spec": {"replicas": 2}}
    assert (await rest.put(f"{path}/d/scale", stale)).status == 409
    assert (await rest.patch(f"{path}/d/scale", {"spec": {"replicas": -1}})).status == 422
    assert (await rest.get(f"{path}/d")).json["metadata"]["generation"] == 2


async def test_tokens() -> None:
    """Without the token nothing but health and version is answered."""
    async with serve(Options(token="right")) as server:
        assert (await Rest(server.url, "right").get(SERVICES)).status == 200
        for client in (Rest(server.url), Rest(server.url, "wrong"), Rest(server.url, "rightt")):
            answer = await client.get(SERVICES)
            assert (answer.status, answer.json["reason"]) == (401, "Unauthorized")
            assert (await client.get("/readyz")).status == 200


async def test_bodies_are_bounded(rest: Rest) -> None:
    """3 MiB are taken (as a body), a byte more is 413; protobuf of other kinds is 415 with a hint."""
    big = json.dumps({**config("big"), "data": {"a": "x" * (http.MAX_BODY - 500)}}).encode()
    assert (await rest.ask("POST", CONFIGS, big)).status == 201
    answer = await rest.ask("POST", CONFIGS, big + b" " * 500)
    assert answer.status == 413
    envelope = b"k8s\x00\x0a\x0c\x0a\x02v1\x12\x06Widget\x12\x00"
    refused = await rest.ask("POST", CONFIGS, envelope, "application/vnd.kubernetes.protobuf")
    assert refused.status == 415
    assert "JSON" in refused.json["message"]
    assert (await rest.ask("POST", CONFIGS, b"k8s\x00\xff", "application/vnd.kubernetes.protobuf")).status == 400


async def test_garbage_on_the_wire_is_answered_and_the_server_lives(server: Server, rest: Rest) -> None:
    """Not HTTP, half a request, a head without end."""
    host, port = server.addresses[0]
    for raw in (b"\x16\x03\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 70_000, b"POST / HTTP/1.1\r\n"):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(raw)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
    assert (await rest.get("/readyz")).status == 200


async def test_faults_that_tests_can_order(server: Server, rest: Rest) -> None:
    """Some requests fail, the rest are answered."""
    server.faults.fail_next(2, 503, "GET .*services")
    assert (await rest.get(CONFIGS)).status == 200
    assert [(await rest.get(SERVICES)).status for _ in range(3)] == [503, 503, 200]
    assert server.faults.failed == 2
