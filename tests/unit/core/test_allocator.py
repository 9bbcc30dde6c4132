"""Who gets which address, in MetalLB's words."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.world import configured, namespace, pool, service
from pylb.core.allocation import requests
from pylb.core.allocation.allocator import Decision, decide
from pylb.core.allocation.ledger import Ledger
from pylb.core.config.loader import Config
from pylb.core.model import Service
from pylb.core.reasons import Reason

STANDARD = pool("p", "10.77.0.100-10.77.0.110", "fd77::100-fd77::110")
ONLY_V4 = pool("p", "10.77.0.100-10.77.0.110")
PIN = "metallb.io/loadBalancerIPs"
SHARE = "metallb.io/allow-shared-ip"
POOL = "metallb.io/address-pool"


def play(config: Config, *services: Service) -> tuple[Ledger, Decision]:
    """Decide on each Service in turn, record it, and return the last decision."""
    ledger, decision = Ledger(), Decision(None)
    for one in services:
        decision = decide(config, ledger, one)
        if decision.allocation is not None:
            ledger.assign(one.key, requests.use(one), decision.allocation)
    return ledger, decision


def given(decision: Decision) -> list[str]:
    return [str(address) for address in decision.allocation.addresses] if decision.allocation else []


def told(decision: Decision) -> list[str]:
    return [f"{notice.type} {notice.reason}: {notice.message}" for notice in decision.notices]


@pytest.mark.parametrize(
    ("fields", "addresses", "texts"),
    [
        ({}, ["10.77.0.100"], ['Normal IPAllocated: Assigned IP ["10.77.0.100"]']),
        ({"load_balancer_ip": "10.77.0.105"}, ["10.77.0.105"], ['Normal IPAllocated: Assigned IP ["10.77.0.105"]']),
        (
            {"annotations": {"metallb.universe.tf/loadBalancerIPs": "10.77.0.107"}},
            ["10.77.0.107"],
            [
                "Warning deprecatedAnnotation: Service uses deprecated annotation metallb.universe.tf/loadBalancerIPs",
                'Normal IPAllocated: Assigned IP ["10.77.0.107"]',
            ],
        ),
        ({"dual": True, "family_policy": "RequireDualStack"}, ["10.77.0.100", "fd77::100"], None),
        ({"dual": True, "family_policy": "PreferDualStack"}, ["10.77.0.100", "fd77::100"], None),
        ({"family_policy": "PreferDualStack"}, ["10.77.0.100"], None),
        ({"v6": True}, ["fd77::100"], ['Normal IPAllocated: Assigned IP ["fd77::100"]']),
        ({"annotations": {POOL: "p"}}, ["10.77.0.100"], None),
        ({"annotations": {PIN: "fd77::101, 10.77.0.101"}, "dual": True}, ["fd77::101", "10.77.0.101"], None),
        ({"annotations": {PIN: "", "metallb.universe.tf/loadBalancerIPs": "10.77.0.9"}}, ["10.77.0.100"], None),
    ],
)
def test_gives_what_is_asked_for(fields: dict[str, Any], addresses: list[str], texts: list[str] | None) -> None:
    _, decision = play(configured(STANDARD), service("web", **fields))
    assert given(decision) == addresses
    assert texts is None or told(decision) == texts


@pytest.mark.parametrize(
    ("fields", "reason", "says"),
    [
        ({"load_balancer_ip": "10.99.0.1"}, Reason.ADDRESS_IN_NO_POOL, '["10.99.0.1"] is not allowed in config'),
        (
            {"annotations": {PIN: "not-an-ip"}},
            Reason.INVALID_REQUEST,
            'invalid metallb.io/loadBalancerIPs: "not-an-ip"',
        ),
        (
            {"annotations": {PIN: "10.77.0.101"}, "load_balancer_ip": "10.77.0.101"},
            Reason.INVALID_REQUEST,
            "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP",
        ),
        ({"annotations": {PIN: "10.77.0.101,10.77.0.102"}}, Reason.INVALID_REQUEST, "has the same family"),
        ({"annotations": {PIN: "10.77.0.1,10.77.0.2,10.77.0.3"}}, Reason.INVALID_REQUEST, "more than two addresses"),
        ({"annotations": {PIN: "fd77::101"}}, Reason.FAMILY_MISMATCH, "does not match the ipFamily of the service"),
        ({"annotations": {POOL: "nope"}}, Reason.POOL_NOT_FOUND, 'unknown pool "nope"'),
        ({"annotations": {POOL: "q"}, "load_balancer_ip": "10.77.0.101"}, Reason.ADDRESS_NOT_OF_POOL, "not compatible"),
        ({"cluster_ips": ("None",)}, Reason.NO_CLUSTER_IP, "no cluster IP"),
        ({"family_policy": "RequireDualStack"}, Reason.FAMILY_MISMATCH, "not enough clusterips [10.96.0.7]"),
    ],
)
def test_says_why_there_is_nothing(fields: dict[str, Any], reason: Reason, says: str) -> None:
    _, decision = play(configured(STANDARD), service("web", **fields))
    assert (given(decision), decision.reason) == ([], reason)
    assert told(decision)[-1].startswith('Warning AllocationFailed: Failed to allocate IP for "default/web": ')
    assert says in told(decision)[-1]


def test_without_pools_it_says_so() -> None:
    _, decision = play(configured(), service("web"))
    assert decision.reason is Reason.NO_POOL
    assert "no address pool is defined" in told(decision)[0]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"type": "ClusterIP"}, Reason.NOT_LOAD_BALANCER),
        ({"load_balancer_class": "other"}, Reason.OTHER_CLASS),
    ],
)
def test_what_is_not_pylbs(fields: dict[str, Any], reason: Reason) -> None:
    _, decision = play(configured(STANDARD), service("web", **fields))
    assert (decision.reason, decision.ignored, decision.notices) == (reason, reason is Reason.OTHER_CLASS, ())


@pytest.mark.parametrize(("held", "ignored"), [(False, True), (True, False)])
def test_who_serves_one_class_leaves_those_alone_that_never_had_it(held: bool, ignored: bool) -> None:
    """The class goes with the type, so a Service that turns into a ClusterIP shows by the ledger whose it was."""
    loaded, ledger = configured(STANDARD), Ledger()
    mine = service("web", load_balancer_class="mine")
    if held:
        allocation = decide(loaded, ledger, mine, "mine").allocation
        assert allocation
        ledger.assign(mine.key, requests.use(mine), allocation)
    assert decide(loaded, ledger, service("web", type="ClusterIP"), "mine").ignored is ignored


def test_a_pool_runs_out() -> None:
    _, decision = play(configured(pool("p", "10.77.0.100/32")), service("a"), service("b"))
    beginning = 'Warning AllocationFailed: Failed to allocate IP for "default/b": no available IPs; '
    assert told(decision) == [beginning + decision.fix]


def test_a_named_pool_runs_out_under_its_name() -> None:
    loaded = configured(pool("p", "10.77.0.100/32"))
    _, decision = play(loaded, service("a"), service("b", annotations={POOL: "p"}))
    assert decision.text == 'no available IPs in pool "p"'


@pytest.mark.parametrize(
    ("last", "reason", "says"),
    [
        ({"annotations": {SHARE: "k"}, "ports": 443}, None, None),
        (
            {"annotations": {SHARE: "k"}, "ports": 80},
            Reason.PORT_IN_USE,
            'port TCP/80 is already in use on "10.77.0.103"',
        ),
        (
            {"annotations": {SHARE: "other"}, "ports": 443},
            Reason.SHARING_KEY_DIFFERS,
            'can\'t change sharing key for "default/c", address also in use by default/a,default/b',
        ),
        ({"ports": 443}, Reason.SHARING_KEY_DIFFERS, "can't change sharing key"),
        (
            {"annotations": {SHARE: "k"}, "ports": 443, "traffic_policy": "Local", "selector": {"x": "y"}},
            Reason.SHARING_KEY_DIFFERS,
            None,
        ),
    ],
)
def test_sharing(last: dict[str, Any], reason: Reason | None, says: str | None) -> None:
    keyed = {"annotations": {SHARE: "k"}, "load_balancer_ip": "10.77.0.103"}
    port = last.pop("ports")
    third = service("c", port, load_balancer_ip="10.77.0.103", **last)
    _, decision = play(configured(STANDARD), service("a", 80, **keyed), service("b", 8080, **keyed), third)
    assert decision.reason is reason
    assert says is None or says in told(decision)[-1]
    assert bool(given(decision)) is (reason is None)


def test_an_address_in_use_names_who_has_it() -> None:
    pinned = {"load_balancer_ip": "10.77.0.105"}
    _, decision = play(configured(STANDARD), service("a", **pinned), service("b", **pinned))
    assert (decision.reason, decision.blockers) == (Reason.ADDRESS_IN_USE, ("default/a",))
    assert 'can\'t change sharing key for "default/b", address also in use by default/a' in told(decision)[0]


def test_sharing_without_a_pin_takes_the_lowest_address_that_fits() -> None:
    keyed = {"annotations": {SHARE: "k"}}
    _, decision = play(configured(STANDARD), service("a", 80, **keyed), service("b", 81, **keyed))
    assert given(decision) == ["10.77.0.100"]


def test_auto_assign_off_is_for_those_who_name_the_pool() -> None:
    loaded = configured(pool("p", "10.77.0.100/32", autoAssign=False))
    assert decide(loaded, Ledger(), service("a")).text == "no available IPs"
    assert given(decide(loaded, Ledger(), service("b", annotations={POOL: "p"}))) == ["10.77.0.100"]
    assert given(decide(loaded, Ledger(), service("c", load_balancer_ip="10.77.0.100"))) == ["10.77.0.100"]


def test_pools_for_this_service_come_first_by_priority() -> None:
    loaded = configured(
        pool("any", "10.0.0.0/30"),
        pool("last", "10.0.1.0/30", serviceAllocation={"namespaces": ["default"]}),
        pool("second", "10.0.2.0/30", serviceAllocation={"priority": 20, "namespaces": ["default"]}),
        pool("first", "10.0.3.0/30", serviceAllocation={"priority": 10}),
        pool("foreign", "10.0.4.0/30", serviceAllocation={"priority": 1, "namespaces": ["other"]}),
    )
    ledger, names = Ledger(), []
    for number in range(17):
        one = service(f"s{number}")
        decision = decide(loaded, ledger, one)
        if decision.allocation:
            ledger.assign(one.key, requests.use(one), decision.allocation)
        names.append(decision.allocation.pool if decision.allocation else None)
    assert names == ["first"] * 4 + ["second"] * 4 + ["last"] * 4 + ["any"] * 4 + [None]


def test_a_pool_for_others_refuses_its_name_and_its_addresses() -> None:
    closed = pool("p", "10.77.0.100/32", serviceAllocation={"namespaceSelectors": [{"matchLabels": {"team": "a"}}]})
    loaded = configured(closed, namespaces=[namespace("default", team="b"), namespace("ok", team="a")])
    for fields in ({"annotations": {POOL: "p"}}, {"load_balancer_ip": "10.77.0.100"}):
        decision = decide(loaded, Ledger(), service("web", **fields))
        assert decision.reason is Reason.POOL_NOT_ALLOWED
        assert "pool p not compatible for ip assignment" in told(decision)[0]
    assert given(decide(loaded, Ledger(), service("web", ns="ok"))) == ["10.77.0.100"]


def test_buggy_addresses_are_left_out_where_asked() -> None:
    loaded = configured(pool("p", "10.0.0.254-10.0.1.1", avoidBuggyIPs=True))
    _, decision = play(loaded, service("a"), service("b"))
    assert given(decision) == ["10.0.1.1"]
    assert decide(loaded, Ledger(), service("c", load_balancer_ip="10.0.1.0")).reason is Reason.ADDRESS_IN_NO_POOL


@pytest.mark.parametrize(
    ("fields", "pools", "addresses", "events"),
    [
        ({}, [STANDARD], ["10.77.0.109"], []),
        ({"load_balancer_ip": "10.77.0.101"}, [STANDARD], ["10.77.0.101"], ["IPAllocated"]),  # one step, old to new
        ({"load_balancer_ip": "10.99.0.1"}, [STANDARD], ["10.77.0.109"], ["AllocationFailed"]),
        ({"annotations": {POOL: "nope"}}, [STANDARD], ["10.77.0.109"], ["AllocationFailed"]),
        ({}, [pool("p", "10.77.0.100-10.77.0.105")], ["10.77.0.100"], ["ClearAssignment", "IPAllocated"]),
        (
            {"load_balancer_ip": "10.77.0.109"},
            [pool("p", "10.77.0.100/32")],
            [],
            ["ClearAssignment", "AllocationFailed"],
        ),
        ({"annotations": {POOL: "q"}}, [STANDARD, pool("q", "10.78.0.1/32")], ["10.78.0.1"], ["IPAllocated"]),
        ({"annotations": {PIN: "what"}}, [STANDARD], ["10.77.0.109"], ["LoadBalancerFailed"]),  # what it has stays
        ({}, [], [], ["ClearAssignment", "AllocationFailed"]),
        ({"v6": True}, [STANDARD], ["fd77::100"], ["IPAllocated"]),
        ({"dual": True, "family_policy": "PreferDualStack"}, [STANDARD], ["10.77.0.109", "fd77::100"], ["IPAllocated"]),
        ({"dual": True, "family_policy": "PreferDualStack"}, [ONLY_V4], ["10.77.0.109"], []),
    ],
)
def test_what_a_service_has_stays_while_it_may(
    fields: dict[str, Any], pools: list[dict[str, Any]], addresses: list[str], events: list[str]
) -> None:
    decision = decide(configured(*pools), Ledger(), service("web", ingress=("10.77.0.109",), **fields))
    assert given(decision) == addresses
    assert [notice.reason for notice in decision.notices] == events


def test_the_ledger_is_ahead_of_the_apis_echo() -> None:
    """Between a write and its echo the Service's status still says nothing; a lower address was freed meanwhile."""
    loaded, ledger = configured(STANDARD), Ledger()
    first, second = service("a"), service("b")
    for one in (first, second):
        decision = decide(loaded, ledger, one)
        assert decision.allocation
        ledger.assign(one.key, requests.use(one), decision.allocation)
    ledger.release(first.key)
    assert given(decide(loaded, ledger, second)) == ["10.77.0.101"]
    assert ledger.in_use(ledger.allocations[second.key].pool, 4) == 1


@pytest.mark.parametrize(
    ("spec", "addresses", "events"),
    [
        ({}, ["10.77.0.100"], ["LoadBalancerFailed"]),
        ({"serviceAllocation": {"namespaces": ["x"]}}, [], ["ClearAssignment", "AllocationFailed"]),
    ],
)
def test_a_pin_that_is_no_address_costs_a_shared_address_only_if_the_pool_forbids_it(
    spec: dict[str, Any], addresses: list[str], events: list[str]
) -> None:
    shared = {SHARE: "k"}
    ledger, _ = play(configured(STANDARD), service("a", 80, annotations=shared), service("b", 443, annotations=shared))
    assert len(ledger.users(ledger.allocations[service("b").key].addresses[0])) == 2
    loaded = configured({**STANDARD, "spec": {**STANDARD["spec"], **spec}})
    decision = decide(loaded, ledger, service("b", 443, annotations={**shared, PIN: "what"}))
    assert (given(decision), [notice.reason for notice in decision.notices]) == (addresses, events)
