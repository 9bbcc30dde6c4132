"""From Services and EndpointSlices to the rules of a node. That the rules do what they say: tests/lab."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Any

import pytest

from pylb.lab.datapath import Backend, Front, fronts, ruleset

PODS = IPv4Network("10.244.0.0/16")


def service(name: str = "web", **changes: Any) -> dict[str, Any]:
    spec = {
        "type": "LoadBalancer",
        "clusterIP": "10.96.0.10",
        "clusterIPs": ["10.96.0.10"],
        "externalTrafficPolicy": "Cluster",
        "ports": [{"port": 80, "protocol": "TCP"}],
        **changes,
    }
    ingress = spec.pop("ingress", ["10.77.0.100"])
    status = {"loadBalancer": {"ingress": [{"ip": ip} for ip in ingress]}}
    return {"metadata": {"namespace": "default", "name": name}, "spec": spec, "status": status}


def piece(*endpoints: dict[str, Any], name: str = "web", port: int = 8080, **changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "default", "name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"port": port, "protocol": "TCP"}],
        "endpoints": list(endpoints),
        **changes,
    }


def endpoint(address: str, node: str = "n1", **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "nodeName": node, "conditions": conditions}


ONE = Backend("10.244.1.2", 8080, "n1")
TWO = Backend("10.244.2.2", 8080, "n2")


def backends(*pieces: dict[str, Any], of: dict[str, Any] | None = None) -> tuple[Backend, ...]:
    (front,) = fronts([of or service()], pieces)
    return front.backends


def test_a_service_with_its_slices() -> None:
    found = fronts([service()], [piece(endpoint("10.244.2.2", "n2"), endpoint("10.244.1.2"))])
    assert found == (
        Front("default/web", "tcp", 80, ("10.96.0.10",), ("10.77.0.100",), local=False, backends=(ONE, TWO)),
    )
    assert found[0].on("n2") == (TWO,)


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([endpoint("10.244.1.2", ready=True), endpoint("10.244.2.2", "n2", ready=False)], (ONE,)),
        ([endpoint("10.244.1.2"), endpoint("10.244.2.2", "n2", ready=False, serving=True, terminating=True)], (ONE,)),
        ([endpoint("10.244.2.2", "n2", ready=False, serving=True, terminating=True)], (TWO,)),
        ([endpoint("10.244.2.2", "n2", ready=False, serving=True)], ()),
        ([endpoint("fd00::1")], ()),
        ([], ()),
    ],
)
def test_which_endpoints_serve(endpoints: list[dict[str, Any]], expected: tuple[Backend, ...]) -> None:
    assert backends(piece(*endpoints)) == expected


def test_several_slices_are_one_and_those_of_others_are_not() -> None:
    others = piece(endpoint("10.244.9.9"), name="other")
    six = piece(endpoint("10.244.9.9"), addressType="IPv6")
    assert backends(piece(endpoint("10.244.1.2")), piece(endpoint("10.244.2.2", "n2")), others, six) == (ONE, TWO)


def test_a_port_is_matched_by_name_and_protocol() -> None:
    both = [{"name": "http", "port": 8080, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    asked = service(ports=[{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}])
    tcp, udp = fronts([asked], [piece(endpoint("10.244.1.2"), ports=both)])
    assert (tcp.protocol, tcp.port, tcp.backends) == ("tcp", 80, (ONE,))
    assert (udp.protocol, udp.port, udp.backends) == ("udp", 53, (Backend("10.244.1.2", 53, "n1"),))


def test_what_is_not_served_is_left_out() -> None:
    headless = service(clusterIP="None", clusterIPs=["None"], ingress=[])
    sctp = service(ports=[{"port": 80, "protocol": "SCTP"}])
    named = {"metadata": {"namespace": "default", "name": "x"}, "spec": {"type": "ExternalName"}}
    six = service(clusterIP="fd00::1", clusterIPs=["fd00::1"], ingress=["fd77::100"])
    assert fronts([headless, sctp, named, six], []) == ()


def elements(rules: str, name: str) -> dict[str, str]:
    """A map of the rules, or a set with empty values."""
    found = re.search(rf"(?:map|set) {name} {{ type [^;]*; (?:elements = {{ (.*?) }} )?}}", rules)
    assert found, rules
    pairs = (entry.partition(" : goto ") for entry in (found[1] or "").split(", ") if entry)
    return {key: chain for key, _, chain in pairs}


def chain(rules: str, name: str) -> str:
    found = re.search(rf"chain {name} {{ (.*) }}", rules)
    assert found, rules
    return found[1]


def test_policy_cluster_sends_from_any_node_to_all_and_masks_what_comes_from_outside() -> None:
    rules = ruleset("n3", fronts([service()], [piece(endpoint("10.244.1.2"), endpoint("10.244.2.2", "n2"))]), PODS)
    assert elements(rules, "outside") == {"10.96.0.10 . tcp . 80": "all-0", "10.77.0.100 . tcp . 80": "all-0"}
    assert elements(rules, "inside") == {"10.96.0.10 . tcp . 80": "pods-0", "10.77.0.100 . tcp . 80": "pods-0"}
    choice = "dnat ip to numgen inc mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 };"
    assert chain(rules, "all-0") == f"meta mark set meta mark or 0x4000; meta l4proto tcp {choice}"
    assert chain(rules, "pods-0") == f"meta l4proto tcp {choice}"
    assert elements(rules, "refused") == {}


def test_policy_local_sends_to_the_nodes_own_pods_unmasked_and_drops_elsewhere() -> None:
    wanted = fronts([service(externalTrafficPolicy="Local")], [piece(endpoint("10.244.1.2"))])
    here, elsewhere = ruleset("n1", wanted, PODS), ruleset("n2", wanted, PODS)
    assert elements(here, "outside")["10.77.0.100 . tcp . 80"] == "local-0"
    assert "mark" not in chain(here, "local-0")
    assert elements(elsewhere, "outside")["10.77.0.100 . tcp . 80"] == "nobody"
    assert elements(elsewhere, "inside")["10.77.0.100 . tcp . 80"] == "pods-0", "pods reach it from anywhere"
    assert elements(elsewhere, "outside")["10.96.0.10 . tcp . 80"] == "all-0", "its cluster address has no policy"


def test_without_endpoints_it_is_refused() -> None:
    rules = ruleset("n1", fronts([service()], []), PODS)
    assert set(elements(rules, "refused")) == {"10.96.0.10 . tcp . 80", "10.77.0.100 . tcp . 80"}
    assert elements(rules, "outside") == elements(rules, "inside") == {}


def test_a_pod_that_reaches_itself_is_masked_on_its_own_node_alone() -> None:
    wanted = fronts([service()], [piece(endpoint("10.244.1.2"), endpoint("10.244.2.2", "n2"))])
    assert set(elements(ruleset("n1", wanted, PODS), "hairpins")) == {"10.244.1.2 . 10.244.1.2"}
    assert elements(ruleset("n3", wanted, PODS), "hairpins") == {}


def test_the_same_objects_in_another_order_give_the_same_rules() -> None:
    services = [service("a", ingress=["10.77.0.101"]), service("b", clusterIPs=["10.96.0.11"])]
    pieces = [piece(endpoint("10.244.1.2"), name="a"), piece(endpoint("10.244.2.2", "n2"), name="b")]
    there = ruleset("n1", fronts(services, pieces), PODS)
    back = ruleset("n1", fronts(reversed(services), reversed(pieces)), PODS)
    assert there == back


def test_the_table_is_replaced_as_a_whole() -> None:
    assert ruleset("n1", (), PODS).startswith("table ip pylb_lab { }\ndelete table ip pylb_lab\ntable ip pylb_lab {\n")
