"""Kinds with rules of their own: Events, Secrets, Leases, Nodes, Pods."""

from __future__ import annotations

from typing import Any

from conformance.place import JSON, Api, fields, refusal
from fakes.rest import STRATEGIC


def event(api: Api, **about: str) -> JSON:
    """An Event of a Service."""
    involved = {"kind": "Service", "namespace": api.namespace, "name": "w", **about}
    return {"metadata": {"generateName": "web."}, "involvedObject": involved, "reason": "R", "type": "Normal"}


async def test_events_of_other_namespaces(api: Api) -> None:
    """An Event lives in its object's namespace: 422 elsewhere."""
    answer = await api.rest.post(api.own("events"), event(api, namespace="other"))
    assert fields(answer) == ["involvedObject.namespace"]
    told = 'Invalid value: "other": does not match event.namespace'
    assert answer.json["details"]["causes"][0]["message"] == told


async def test_events_of_cluster_wide_objects(api: Api) -> None:
    """An Event of an object without a namespace lives in `default`."""
    bare = event(api)
    bare["involvedObject"] = {"kind": "Node", "name": "n"}
    assert fields(await api.rest.post(api.own("events"), bare)) == ["involvedObject.namespace"]
    assert (await api.rest.post("/api/v1/namespaces/default/events?dryRun=All", bare)).status == 201


async def test_events_are_selected(api: Api) -> None:
    """Events are selected by their object, reason and type, as `kubectl describe` does."""
    await api.made(api.own("events"), event(api))
    await api.made(api.own("events"), event(api, name="other"))
    for selector in ("involvedObject.name%3Dw,involvedObject.kind%3DService", "reason%3DR,involvedObject.name%3Dw"):
        found = (await api.rest.get(f"{api.own('events')}?fieldSelector={selector}")).json["items"]
        assert [item["involvedObject"]["name"] for item in found] == ["w"]


async def test_events_count(api: Api) -> None:
    """An Event can be patched to count again."""
    made = await api.made(api.own("events"), {**event(api), "count": 1})
    path = api.own("events", made["metadata"]["name"])
    change = {"count": 2, "lastTimestamp": "2026-01-01T00:00:00Z"}
    assert (await api.rest.patch(path, change, STRATEGIC)).json["count"] == 2


async def test_secrets(api: Api) -> None:
    """A Secret is Opaque by default, `stringData` becomes base64 in `data`, and what is no base64 is a 400."""
    made = await api.made(api.own("secrets"), {"metadata": {"name": "s"}, "stringData": {"a": "hi"}})
    assert (made["data"], made["type"], "stringData" in made) == ({"a": "aGk="}, "Opaque", False)
    wrong = await api.rest.post(api.own("secrets"), {"metadata": {"name": "t"}, "data": {"a": "%"}})
    assert refusal(wrong) == (400, "BadRequest")


async def test_leases(api: Api) -> None:
    """Of two who take a Lease at the same version, one gets it and the other a 409."""
    leases = api.own("leases", group="coordination.k8s.io")
    spec: JSON = {"holderIdentity": "a", "leaseDurationSeconds": 5, "renewTime": "2026-01-01T00:00:00.000000Z"}
    made = await api.made(leases, {"metadata": {"name": "l"}, "spec": spec})
    assert made["spec"] == spec
    taken = [{**made, "spec": {**spec, "holderIdentity": who}} for who in "bc"]
    assert [(await api.rest.put(f"{leases}/l", body)).status for body in taken] == [200, 409]
    assert (await api.rest.get(f"{leases}/l")).json["spec"]["holderIdentity"] == "b"


async def test_bad_leases(api: Api) -> None:
    """A Lease of no length is a 422."""
    leases = api.own("leases", group="coordination.k8s.io")
    answer = await api.rest.post(leases, {"metadata": {"name": "l"}, "spec": {"leaseDurationSeconds": 0}})
    assert fields(answer) == ["spec.leaseDurationSeconds"]


async def test_nodes(api: Api) -> None:
    """A Node brings its own status on create; conditions are patched by their type."""
    name = f"n-{api.namespace}"
    status: Any = {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Other", "status": "True"}]}
    made = await api.wide("/api/v1/nodes", {"metadata": {"name": name}, "status": status})
    assert [c["status"] for c in made["status"]["conditions"]] == ["False", "True"]
    change = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    patched = (await api.rest.patch(f"/api/v1/nodes/{name}/status", change, STRATEGIC)).json["status"]["conditions"]
    assert {"Ready": "True", "Other": "True"}.items() <= {c["type"]: c["status"] for c in patched}.items()


async def test_pods_that_cannot_be(api: Api) -> None:
    """A pod without containers, or a container without a name or an image, is a 422 that names the field."""
    cases: list[tuple[Any, str]] = [
        ([], "spec.containers"),
        ([{"name": "c"}], "spec.containers[0].image"),
        ([{"image": "i"}], "spec.containers[0].name"),
        ([{"name": "c", "image": "i", "ports": [{"containerPort": 0}]}], "spec.containers[0].ports[0].containerPort"),
    ]
    for containers, field in cases:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
        body = {"metadata": {"name": "d"}, "spec": spec}
        assert f"spec.template.{field}" in fields(await api.rest.post(api.own("deployments", group="apps"), body))


async def test_workloads_that_cannot_be(api: Api) -> None:
    """A Deployment's selector matches its template (422), and never changes (422)."""
    path = api.own("deployments", group="apps")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    body: JSON = {"metadata": {"name": "d"}, "spec": {"replicas": 0, "template": template}}
    assert "spec.selector" in fields(await api.rest.post(path, body))
    body["spec"]["selector"] = {"matchLabels": {"a": "c"}}
    assert fields(await api.rest.post(path, body)) == ["spec.template.metadata.labels"]
    body["spec"]["selector"] = {"matchLabels": {"a": "b"}}
    await api.made(path, body)
    change = {"spec": {"selector": {"matchLabels": {"x": "y"}}, "template": {"metadata": {"labels": {"x": "y"}}}}}
    assert "spec.selector" in fields(await api.rest.patch(f"{path}/d", change))
    assert fields(await api.rest.patch(f"{path}/d", {"spec": {"replicas": -1}})) == ["spec.replicas"]
