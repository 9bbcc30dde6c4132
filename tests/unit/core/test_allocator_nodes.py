"""Nodes' own addresses in pools: given to nobody new, and taken from nobody."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.world import configured, pool, service
from pylb.core.allocation import requests
from pylb.core.allocation.allocator import Decision, decide
from pylb.core.allocation.ledger import Ledger
from pylb.core.model import NodeName
from pylb.core.ranges import parse_address
from pylb.core.reasons import Reason

STANDARD = configured(pool("p", "10.77.0.100-10.77.0.110", "fd77::100-fd77::110"))
SHARE = "metallb.io/allow-shared-ip"


def given(decision: Decision) -> list[str]:
    return [str(address) for address in decision.allocation.addresses] if decision.allocation else []


def told(decision: Decision) -> list[str]:
    return [f"{notice.type} {notice.reason}: {notice.message}" for notice in decision.notices]


N1 = {parse_address("10.77.0.100"): NodeName("n1"), parse_address("10.77.0.102"): NodeName("n2")}


def test_a_nodes_own_address_is_given_to_nobody() -> None:
    """Neither to who asks for any, nor to who shares."""
    ledger, found = Ledger(), []
    keyed = {"annotations": {SHARE: "k"}}
    for one in (service("a"), service("b"), service("c"), service("d", 80, **keyed), service("e", 81, **keyed)):
        decision = decide(STANDARD, ledger, one, None, N1)
        assert decision.allocation is not None
        ledger.assign(one.key, requests.use(one), decision.allocation)
        found += given(decision)
    assert [text.rpartition(".")[2] for text in found] == ["101", "103", "104", "105", "105"]
    alone = configured(pool("p", "10.77.0.100/32"))
    assert decide(alone, Ledger(), service("a"), None, N1).reason is Reason.NO_FREE_ADDRESS


def test_who_pins_a_nodes_own_address_waits_and_learns_whose_it_is() -> None:
    decision = decide(STANDARD, Ledger(), service("a", load_balancer_ip="10.77.0.102"), None, N1)
    assert (given(decision), decision.reason) == ([], Reason.NODE_ADDRESS)
    says = 'requested loadBalancer IP(s) ["10.77.0.102"] is the address of node ["n2"] itself: ask for another'
    assert told(decision) == [f'Warning AllocationFailed: Failed to allocate IP for "default/a": {says}']


@pytest.mark.parametrize("fields", [{}, {"load_balancer_ip": "10.77.0.102"}])
def test_who_has_a_nodes_own_address_keeps_it_and_is_warned(fields: dict[str, Any]) -> None:
    """A node that joins, or whose object is wrong, moves no Service."""
    decision = decide(STANDARD, Ledger(), service("a", ingress=("10.77.0.102",), **fields), None, N1)
    assert (given(decision), decision.reason) == (["10.77.0.102"], None)
    [text] = told(decision)
    assert text.startswith('Warning NodeAddress: "10.77.0.102" is the address of node "n2" itself')
