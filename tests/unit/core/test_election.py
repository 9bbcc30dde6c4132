"""Who announces: MetalLB's order, and a reason for everybody who is not in line."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from fakes.world import advertisement, configured, endpoints, nodes, pool, service
from pylb.core.model import Endpoint, Node, NodeName
from pylb.core.ownership.election import EXCLUDE_LABEL, Candidate, elect, rank
from pylb.core.reasons import Reason

VIP = ip_address("10.77.0.100")
NAMES = ("n1", "n2", "n3")


@pytest.mark.parametrize(
    ("address", "order"),
    [
        ("192.168.1.240", "pi-a,node3,pi-b,node1,node2"),
        ("192.168.1.241", "node1,node3,node2,pi-a,pi-b"),
        ("2001:db8::1", "pi-a,pi-b,node3,node2,node1"),
    ],
)
def test_the_order_is_metallbs(address: str, order: str) -> None:
    """Vectors computed with MetalLB's own sort."""
    names = ("node1", "node2", "node3", "pi-a", "pi-b")
    assert ",".join(rank(ip_address(address), [Candidate(NodeName(name)) for name in names])) == order


def test_a_preference_beats_the_hash() -> None:
    line = rank(VIP, [Candidate(NodeName("n3")), Candidate(NodeName("n1"), score=5)])
    assert line == ("n1", "n3")


def test_the_observed_owner_is_n3() -> None:
    verdict = elect(
        configured(pool("p", "10.77.0.100/32")), service("web"), [VIP], endpoints("n1"), nodes(*NAMES), NAMES
    )
    assert verdict.winner == "n3"
    assert verdict.interfaces_of(NodeName("n3")) is None


@pytest.mark.parametrize(
    ("fields", "adverts", "ends", "reason"),
    [
        ({}, None, [], Reason.NO_ENDPOINT),
        ({}, None, [Endpoint(NodeName("n1"), servable=False)], Reason.NO_ENDPOINT),
        ({}, (), endpoints("n1"), Reason.NO_ADVERTISEMENT),
        (
            {},
            (advertisement(serviceSelectors=[{"matchLabels": {"a": "b"}}]),),
            endpoints("n1"),
            Reason.NO_ADVERTISEMENT,
        ),
        (
            {"annotations": {"metallb.universe.tf/allow-shared-ip": ""}},
            (advertisement(serviceSelectors=[{}]),),
            endpoints("n1"),
            Reason.SHARED_WITH_SERVICE_SELECTORS,
        ),
        ({}, (advertisement(nodeSelectors=[{"matchLabels": {"a": "b"}}]),), endpoints("n1"), Reason.NODE_NOT_SELECTED),
        ({"traffic_policy": "Local"}, None, endpoints("elsewhere"), Reason.NO_ENDPOINT_ON_NODE),
    ],
)
def test_why_nobody_announces(fields: dict, adverts: tuple | None, ends: list[Endpoint], reason: Reason) -> None:
    loaded = configured(pool("p", "10.77.0.100/32"), adverts=adverts)
    verdict = elect(loaded, service("web", **fields), [VIP], ends, nodes(*NAMES), NAMES)
    assert (verdict.winner, verdict.reason) == (None, reason)


@pytest.mark.parametrize(
    ("node", "alive", "reason"),
    [
        (Node(NodeName("n3"), {EXCLUDE_LABEL: ""}), NAMES, Reason.NODE_EXCLUDED),
        (Node(NodeName("n3"), network_unavailable=True), NAMES, Reason.NODE_NETWORK_UNAVAILABLE),
        (Node(NodeName("n3")), ("n1", "n2"), Reason.NOT_ALIVE),
    ],
)
def test_why_a_node_is_not_in_line(node: Node, alive: tuple[str, ...], reason: Reason) -> None:
    everyone = {**nodes("n1", "n2"), node.name: node}
    loaded = configured(pool("p", "10.77.0.100/32"))
    verdict = elect(loaded, service("web"), [VIP], endpoints("n1"), everyone, alive)
    assert verdict.winner == "n1"
    assert verdict.excluded == {"n3": reason}


def test_a_node_that_is_not_ready_still_announces() -> None:
    """MetalLB looks at neither readiness nor cordons: the speaker's own life decides."""
    everyone = {**nodes("n1"), NodeName("n3"): Node(NodeName("n3"), ready=False)}
    loaded = configured(pool("p", "10.77.0.100/32"))
    assert elect(loaded, service("web"), [VIP], endpoints("n1"), everyone, NAMES).winner == "n3"


def test_local_policy_takes_nodes_with_an_endpoint() -> None:
    loaded = configured(pool("p", "10.77.0.100/32"))
    local = service("web", traffic_policy="Local")
    assert elect(loaded, local, [VIP], endpoints("n2"), nodes(*NAMES), NAMES).ranking == ("n2",)


def test_interfaces_of_the_winners_advertisements_add_up() -> None:
    adverts = (advertisement("a", interfaces=["eth0"]), advertisement("b", interfaces=["eth1"]))
    loaded = configured(pool("p", "10.77.0.100/32"), adverts=adverts)
    verdict = elect(loaded, service("web"), [VIP], endpoints("n1"), nodes(*NAMES), NAMES)
    assert all(verdict.interfaces_of(name) == {"eth0", "eth1"} for name in verdict.ranking)


def test_a_nodes_own_address_is_never_answered_for() -> None:
    """A pool that holds it would take the node off the LAN."""
    everyone = {**nodes("n1", "n3"), NodeName("n2"): Node(NodeName("n2"), internal_ips=(VIP,))}
    verdict = elect(configured(pool("p", "10.77.0.100/32")), service("web"), [VIP], endpoints("n1"), everyone, NAMES)
    assert (verdict.winner, verdict.reason) == (None, Reason.NODE_ADDRESS)
