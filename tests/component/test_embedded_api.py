"""The embedded API server over HTTP: what it stores, answers and refuses, as the real one does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.rest import Rest
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
