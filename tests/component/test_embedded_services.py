"""Services on the embedded API server: defaults, families, addresses, node ports, status; and scale."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.rest import Rest
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
