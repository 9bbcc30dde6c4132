"""Services: defaults, addresses, node ports, changes of type."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.place import Api, fields, service


def ports(found: dict[str, Any]) -> list[int]:
    """The node ports of a Service."""
    return [port["nodePort"] for port in found["spec"]["ports"]]


async def test_service_defaults(api: Api) -> None:
    """A new LoadBalancer has its defaults, one cluster address and a node port for each port."""
    made = await api.made(api.services, service())
    spec = made["spec"]
    number = spec["ports"][0].pop("nodePort")
    assert 30_000 <= number <= 32_767
    assert spec.pop("clusterIPs") == [spec.pop("clusterIP")]
    assert spec == {
        "type": "LoadBalancer",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None",
        "externalTrafficPolicy": "Cluster",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "allocateLoadBalancerNodePorts": True,
    }
    assert made["status"] == {"loadBalancer": {}}


async def test_defaults_by_type(api: Api) -> None:
    """A ClusterIP has no external fields, a headless one the address None, an ExternalName no address at all."""
    inner = (await api.made(api.services, service("a", type="ClusterIP")))["spec"]
    assert not {"externalTrafficPolicy", "allocateLoadBalancerNodePorts"} & inner.keys()
    assert "nodePort" not in inner["ports"][0]
    bare = (await api.made(api.services, service("b", type="ClusterIP", clusterIP="None", selector={"a": "b"})))["spec"]
    assert (bare["clusterIP"], bare["clusterIPs"], bare["ipFamilies"]) == ("None", ["None"], ["IPv4"])
    outer = (await api.made(api.services, service("c", type="ExternalName", externalName="example.com")))["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"} & outer.keys()
    quiet = (await api.made(api.services, service("d", allocateLoadBalancerNodePorts=False)))["spec"]
    assert "nodePort" not in quiet["ports"][0]
    sticky = (await api.made(api.services, service("e", sessionAffinity="ClientIP")))["spec"]
    assert sticky["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10_800}}


async def test_families_of_a_headless_service_without_a_selector(api: Api) -> None:
    """A headless Service without a selector is of both families."""
    made = await api.made(api.services, service(type="ClusterIP", clusterIP="None"))
    assert made["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
    assert made["spec"]["ipFamilyPolicy"] == "RequireDualStack"


async def test_dual_stack(api: Api) -> None:
    """Families and addresses follow `ipFamilyPolicy`, on create and when it changes; the first address stays."""
    dual = (await api.made(api.services, service(ipFamilyPolicy="PreferDualStack")))["spec"]
    assert dual["ipFamilies"] == ["IPv4", "IPv6"]
    assert [":" in ip for ip in dual["clusterIPs"]] == [False, True]
    six = (await api.made(api.services, service("six", ipFamilies=["IPv6"])))["spec"]
    assert (":" in six["clusterIP"], six["ipFamilies"]) == (True, ["IPv6"])
    one = (await api.rest.patch(f"{api.services}/web", {"spec": {"ipFamilyPolicy": "SingleStack"}})).json["spec"]
    assert (one["clusterIPs"], one["ipFamilies"]) == ([dual["clusterIP"]], ["IPv4"])
    two = (await api.rest.patch(f"{api.services}/web", {"spec": {"ipFamilyPolicy": "RequireDualStack"}})).json["spec"]
    assert (two["clusterIPs"][0], len(two["clusterIPs"])) == (dual["clusterIP"], 2)


async def test_updates_keep_allocations(api: Api) -> None:
    """A PUT that leaves out addresses and node ports keeps them."""
    made = await api.made(api.services, service(ipFamilyPolicy="PreferDualStack"))
    again = await api.rest.put(f"{api.services}/web", service(ipFamilyPolicy="PreferDualStack"))
    assert again.json["spec"] == made["spec"]


async def test_changes_of_type(api: Api) -> None:
    """From LoadBalancer to ClusterIP the external fields and the status go, and the address stays; it can be changed back."""
    made = await api.made(api.services, service(externalTrafficPolicy="Local", loadBalancerClass="example.io/a"))
    path = f"{api.services}/web"
    await api.rest.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}})
    inner = (await api.rest.patch(path, {"spec": {"type": "ClusterIP"}})).json
    gone = {"externalTrafficPolicy", "allocateLoadBalancerNodePorts", "healthCheckNodePort", "loadBalancerClass"}
    assert not gone & inner["spec"].keys()
    assert "nodePort" not in inner["spec"]["ports"][0]
    assert inner["status"] == {"loadBalancer": {}}
    assert inner["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    back = (await api.rest.patch(path, {"spec": {"type": "LoadBalancer"}})).json
    assert (ports(back)[0] >= 30_000, back["spec"]["externalTrafficPolicy"]) == (True, "Cluster")
    named = (await api.rest.patch(path, {"spec": {"type": "ExternalName", "externalName": "a.b"}})).json
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & named["spec"].keys()


async def test_health_check_ports(api: Api) -> None:
    """A LoadBalancer with policy Local has a healthCheckNodePort of its own; with policy Cluster it goes."""
    made = await api.made(api.services, service(externalTrafficPolicy="Local"))
    assert 30_000 <= made["spec"]["healthCheckNodePort"] <= 32_767
    assert made["spec"]["healthCheckNodePort"] not in ports(made)
    path, change = f"{api.services}/web", {"spec": {"healthCheckNodePort": 30_999}}
    assert fields(await api.rest.patch(path, change)) == ["spec.healthCheckNodePort"]
    found = await api.rest.patch(path, {"spec": {"externalTrafficPolicy": "Cluster"}})
    assert "healthCheckNodePort" not in found.json["spec"]


async def test_addresses_that_are_taken(api: Api) -> None:
    """A cluster address that another Service has is a 422; it is free again after a delete."""
    address = (await api.made(api.services, service()))["spec"]["clusterIP"]
    answer = await api.rest.post(api.services, service("other", clusterIP=address))
    assert fields(answer) == ["spec.clusterIPs"]
    told = f'Invalid value: ["{address}"]: failed to allocate IP {address}: provided IP is already allocated'
    assert answer.json["details"]["causes"][0]["message"] == told
    await api.rest.delete(f"{api.services}/web")
    assert (await api.rest.post(api.services, service("other", clusterIP=address))).status == 201


async def test_node_ports_that_are_taken(api: Api) -> None:
    """A node port that another Service has is a 422, for either protocol; one Service may use it for both."""
    taken = ports(await api.made(api.services, service()))[0]
    for protocol in ("TCP", "UDP"):
        wanted = [{"port": 1, "nodePort": taken, "protocol": protocol}]
        answer = await api.rest.post(api.services, service("other", ports=wanted))
        assert fields(answer) == ["spec.ports[0].nodePort"]
        told = f"Invalid value: {taken}: provided port is already allocated"
        assert answer.json["details"]["causes"][0]["message"] == told
    await api.rest.delete(f"{api.services}/web")
    both = [{"port": 1, "nodePort": taken, "protocol": p, "name": p.lower()} for p in ("TCP", "UDP")]
    assert ports(await api.made(api.services, service("other", ports=both))) == [taken, taken]


async def test_dry_runs_take_nothing(api: Api) -> None:
    """A dry run of a create allocates nothing: what it asked for is still free."""
    spec = (await api.made(api.services, service()))["spec"]
    wanted = service(clusterIP=spec["clusterIP"], ports=[{"port": 80, "nodePort": spec["ports"][0]["nodePort"]}])
    await api.rest.delete(f"{api.services}/web")
    assert (await api.rest.post(f"{api.services}?dryRun=All", wanted)).status == 201
    assert (await api.made(api.services, wanted))["spec"]["clusterIP"] == spec["clusterIP"]


A, B = {"port": 1, "name": "a"}, {"port": 2, "name": "a"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"ports": []}, "spec.ports"),
        ({"ports": [{"port": 0}]}, "spec.ports[0].port"),
        ({"ports": [{}]}, "spec.ports[0].port"),
        ({"ports": [{"port": 1, "targetPort": 70_000}]}, "spec.ports[0].targetPort"),
        ({"ports": [{"port": 1, "targetPort": "UPPER"}]}, "spec.ports[0].targetPort"),
        ({"ports": [{"port": 1}, {"port": 2}]}, "spec.ports[0].name"),
        ({"ports": [A, B]}, "spec.ports[1].name"),
        ({"ports": [A, {**A, "name": "b"}]}, "spec.ports[1]"),
        ({"ports": [{"port": 1, "nodePort": 80}]}, "spec.ports[0].nodePort"),
        ({"ports": [{**A, "nodePort": 31_779}, {**B, "name": "b", "nodePort": 31_779}]}, "spec.ports[1].nodePort"),
        ({"ports": [{"port": 1, "protocol": "ICMP"}]}, "spec.ports[0].protocol"),
        ({"type": "ClusterIP", "ports": [{"port": 1, "nodePort": 30_555}]}, "spec.ports[0].nodePort"),
        ({"type": "Balancer"}, "spec.type"),
        ({"externalTrafficPolicy": "Nearby"}, "spec.externalTrafficPolicy"),
        ({"type": "ClusterIP", "externalTrafficPolicy": "Local"}, "spec.externalTrafficPolicy"),
        ({"internalTrafficPolicy": "x"}, "spec.internalTrafficPolicy"),
        ({"sessionAffinity": "x"}, "spec.sessionAffinity"),
        ({"type": "ClusterIP", "allocateLoadBalancerNodePorts": False}, "spec.allocateLoadBalancerNodePorts"),
        ({"type": "NodePort", "loadBalancerClass": "a/b"}, "spec.loadBalancerClass"),
        ({"loadBalancerClass": "not a class"}, "spec.loadBalancerClass"),
        ({"type": "ClusterIP", "healthCheckNodePort": 30_777}, "spec.healthCheckNodePort"),
        ({"loadBalancerSourceRanges": ["x"]}, "spec.LoadBalancerSourceRanges[0]"),
        ({"externalIPs": ["x"]}, "spec.externalIPs[0]"),
        ({"type": "ExternalName"}, "spec.externalName"),
        ({"clusterIP": "10.0.0.1"}, "spec.clusterIPs"),
        ({"clusterIP": "here"}, "spec.clusterIPs[0]"),
        ({"clusterIP": "None"}, "spec.clusterIPs[0]"),
        ({"clusterIPs": ["10.96.7.7"]}, "spec.clusterIPs"),
        ({"clusterIP": "10.96.7.7", "clusterIPs": ["10.96.7.8"]}, "spec.clusterIPs"),
        ({"ipFamilies": ["IPv5"]}, "spec.ipFamilies[0]"),
        ({"ipFamilyPolicy": "Nope"}, "spec.ipFamilyPolicy"),
    ],
    ids=str,
)
async def test_services_that_cannot_be(api: Api, spec: dict[str, Any], field: str) -> None:
    """A Service that cannot be is a 422 that names the field."""
    assert field in fields(await api.rest.post(api.services, service(**spec)))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"clusterIP": "10.96.9.9", "clusterIPs": ["10.96.9.9"]}, "spec.clusterIPs[0]"),
        ({"type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"]}, "spec.clusterIPs[0]"),
        ({"loadBalancerClass": "a.io/c"}, "spec.loadBalancerClass"),
    ],
    ids=str,
)
async def test_changes_that_cannot_be(api: Api, spec: dict[str, Any], field: str) -> None:
    """A Service keeps its cluster address, and while it is a LoadBalancer its class: another is a 422."""
    await api.made(api.services, service())
    assert fields(await api.rest.patch(f"{api.services}/web", {"spec": spec})) == [field]
