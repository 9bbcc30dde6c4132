"""The status subresource, and when the generation counts."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.place import Api, fields, refusal, service
from conformance.pools import defined, pool

LENT = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}


async def test_status_is_not_taken_on_create(api: Api) -> None:
    """The status that a client sends on a create is dropped."""
    made = await api.made(api.services, {**service(), "status": LENT})
    assert made["status"] == {"loadBalancer": {}}
    path = await defined(api)
    assert "status" not in await api.made(path, {**pool(api), "status": {"free": 1}})


async def test_main_writes_leave_the_status(api: Api) -> None:
    """A write of the object changes no status; the rest of it is done."""
    await api.made(api.services, service())
    main = await api.rest.patch(f"{api.services}/web", {"status": LENT, "spec": {"loadBalancerIP": "192.0.2.9"}})
    assert (main.json["status"], main.json["spec"]["loadBalancerIP"]) == ({"loadBalancer": {}}, "192.0.2.9")


async def test_status_writes_leave_the_spec(api: Api) -> None:
    """A write of the status changes no spec, without a word; of a Service it changes labels and annotations."""
    await api.made(api.services, service(loadBalancerIP="192.0.2.9"))
    meta = {"annotations": {"a": "b"}, "labels": {"x": "y"}}
    body = {"status": LENT, "spec": {"sessionAffinity": "ClientIP"}, "metadata": meta}
    found = (await api.rest.patch(f"{api.services}/web/status", body)).json
    assert (found["spec"]["sessionAffinity"], found["spec"]["loadBalancerIP"]) == ("None", "192.0.2.9")
    assert found["metadata"]["annotations"] == {"a": "b"}
    assert found["metadata"]["labels"] == {"app": "web", "x": "y"}
    assert (await api.rest.get(f"{api.services}/web/status")).json == found


async def test_status_writes_of_custom_resources(api: Api) -> None:
    """A write of a custom resource's status changes neither spec nor labels nor generation."""
    path = await defined(api)
    await api.made(path, pool(api))
    body = {"status": {"free": 3}, "spec": {"mode": "a"}, "metadata": {"labels": {"a": "b"}}}
    found = (await api.rest.patch(f"{path}/p/status", body)).json
    assert (found["status"], "mode" in found["spec"], found["metadata"]["generation"]) == ({"free": 3}, False, 1)
    assert "labels" not in found["metadata"]


async def test_status_can_be_put(api: Api) -> None:
    """A PUT of a Service's status needs no version, and without a status it empties it."""
    await api.made(api.services, service())
    path = f"{api.services}/web/status"
    lent = await api.rest.put(path, {**service(), "status": LENT})
    assert lent.json["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.9"
    assert (await api.rest.put(path, service())).json["status"] == {"loadBalancer": {}}


async def test_status_methods(api: Api) -> None:
    """A status is neither created nor deleted: 405."""
    await api.made(api.services, service())
    for method in ("POST", "DELETE"):
        assert refusal(await api.rest.ask(method, f"{api.services}/web/status", {})) == (405, "MethodNotAllowed")


async def test_status_is_validated(api: Api) -> None:
    """The status of a custom resource is held to its schema (422), and unknown fields of it are dropped."""
    path = await defined(api)
    await api.made(path, pool(api))
    assert fields(await api.rest.patch(f"{path}/p/status", {"status": {"free": "x"}})) == ["status.free"]
    found = await api.rest.patch(f"{path}/p/status", {"status": {"fri": 1}})
    assert (found.status, found.json.get("status", {})) == (200, {})


async def test_default_ip_mode(api: Api) -> None:
    """An address in `status.loadBalancer.ingress` gets `ipMode: VIP`."""
    await api.made(api.services, service())
    found = await api.rest.patch(f"{api.services}/web/status", {"status": LENT})
    assert found.json["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.9", "ipMode": "VIP"}]


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"ip": "here"}, "ip"),
        ({"ip": "010.0.0.1"}, "ip"),
        ({"ip": "192.0.2.9", "ipMode": "Odd"}, "ipMode"),
        ({"hostname": "a.b", "ipMode": "VIP"}, "ipMode"),
        ({"hostname": "x y"}, "hostname"),
        ({"hostname": "192.0.2.1"}, "hostname"),
    ],
    ids=str,
)
async def test_ingress_that_cannot_be(api: Api, entry: dict[str, Any], field: str) -> None:
    """An ingress whose address, host name or ipMode cannot be is a 422 that names it."""
    await api.made(api.services, service())
    answer = await api.rest.patch(f"{api.services}/web/status", {"status": {"loadBalancer": {"ingress": [entry]}}})
    assert fields(answer) == [f"status.loadBalancer.ingress[0].{field}"]


async def test_ingress_of_other_types(api: Api) -> None:
    """A Service that is no LoadBalancer takes no ingress: 422."""
    await api.made(api.services, service(type="ClusterIP"))
    answer = await api.rest.patch(f"{api.services}/web/status", {"status": LENT})
    assert fields(answer) == ["status.loadBalancer.ingress"]
    told = "may only be used when `spec.type` is 'LoadBalancer'"
    assert answer.json["details"]["causes"][0]["message"] == f"Forbidden: {told}"


async def test_generation_of_custom_resources(api: Api) -> None:
    """The generation of a custom resource counts changes of the spec, not of metadata or status, and no empty ones."""
    path = await defined(api)
    made = await api.made(path, pool(api))
    seen = [made["metadata"]["generation"]]
    for where, change in (
        ("", {"spec": {"mode": "b"}}),
        ("", {"spec": {"mode": "b"}}),
        ("", {"metadata": {"labels": {"q": "r"}}}),
        ("", {"status": {"free": 9}}),
        ("/status", {"status": {"free": 3}}),
        ("", {"spec": {"weight": 3}}),
    ):
        seen.append((await api.rest.patch(f"{path}/p{where}", change)).json["metadata"]["generation"])
    assert seen == [1, 2, 2, 2, 2, 2, 3]


async def test_generation_of_built_in_kinds(api: Api) -> None:
    """Services and ConfigMaps have no generation."""
    for path, body in ((api.services, service()), (api.configs, {"metadata": {"name": "a"}})):
        made = await api.made(path, body)
        assert "generation" not in made["metadata"]
