"""What a round of the controller decides, writes and tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes.world import configured, pool, service
from pylb.controller import standing
from pylb.controller.reconcile import Books, Outcome, Wanted, wanted
from pylb.controller.writer import Task, patch
from pylb.core.allocation.requests import ALLOCATED_FROM
from pylb.core.config.loader import Config, Problem
from pylb.core.model import ObjectRef, Service
from pylb.core.ranges import parse_address
from pylb.core.reasons import Reason

POOL = configured(pool("p", "10.0.0.0/30"))
ONE = configured(pool("p", "10.0.0.1/32"))


def settle(books: Books, config: Config, *services: Service) -> dict[str, Outcome]:
    present = {one.key: one for one in services}
    return {outcome.service.name: outcome for outcome in books.settle(config, present, present)}


def given(outcome: Outcome) -> list[str]:
    allocation = outcome.decision.allocation
    return [str(address) for address in allocation.addresses] if allocation else []


def test_who_waits_gets_what_another_frees_in_the_same_round() -> None:
    books = Books()
    settle(books, ONE, service("a"), service("b"))
    assert set(books.waiting) == {"default/b"}
    outcomes = settle(books, ONE, service("a", type="ClusterIP"), service("b"))
    assert (given(outcomes["a"]), given(outcomes["b"])) == ([], ["10.0.0.1"])
    assert not books.waiting


def test_who_waits_gets_what_a_deleted_one_had() -> None:
    books = Books()
    settle(books, ONE, service("a"), service("b"))
    freed = books.forget(service("a").key)
    assert freed is not None
    outcomes = {o.service.name: o for o in books.settle(ONE, {service("b").key: service("b")}, [])}
    assert given(outcomes["b"]) == ["10.0.0.1"]


def test_nothing_is_told_twice_and_news_is_told() -> None:
    books = Books()
    first = settle(books, ONE, service("a"), service("b"))
    assert [len(first[name].notices) for name in "ab"] == [1, 1]
    again = settle(books, ONE, service("a"), service("b"))
    assert [again[name].notices for name in "ab"] == [(), ()]
    other = settle(books, ONE, service("a"), service("b", load_balancer_ip="10.9.9.9"))
    assert "is not allowed in config" in other["b"].notices[0].message


def test_a_shrunk_pool_takes_nobodys_recorded_address_away() -> None:
    """z may keep .2, so a, whose .1 is gone from the pool, must not be given .2 although it comes first."""
    books = Books()
    held = [service("a", ingress=("10.0.0.1",)), service("z", ingress=("10.0.0.2",))]
    outcomes = settle(books, configured(pool("p", "10.0.0.2-10.0.0.3")), *held)
    assert (given(outcomes["a"]), given(outcomes["z"])) == (["10.0.0.3"], ["10.0.0.2"])


def test_the_last_pool_deleted_says_so() -> None:
    """MetalLB clears the address without a word here."""
    books = Books()
    settle(books, POOL, service("a"))
    outcome = settle(books, configured(), service("a"))["a"]
    assert [notice.reason for notice in outcome.notices] == ["ClearAssignment", "AllocationFailed"]
    assert outcome.decision.reason is Reason.NO_POOL


@pytest.mark.parametrize(
    ("ingress", "annotation", "expected"),
    [
        ((), None, Wanted(("10.0.0.0",), "p")),
        (("10.0.0.0",), "p", None),
        (("10.0.0.0",), None, Wanted(("10.0.0.0",), "p")),
        (("10.0.0.3",), "q", Wanted(("10.0.0.0",), "p")),
    ],
)
def test_only_what_does_not_stand_there_is_written(
    ingress: tuple[str, ...], annotation: str | None, expected: Any
) -> None:
    books = Books()
    settle(books, POOL, service("a"))
    annotations = {ALLOCATED_FROM: annotation} if annotation else {}
    present = replace(service("a"), ingress=ingress, annotations=annotations)
    outcome = settle(books, POOL, present)["a"]
    assert wanted(present, outcome.decision) == expected


def test_another_class_is_never_written() -> None:
    foreign = service("a", load_balancer_class="other", ingress=("1.2.3.4",))
    outcome = settle(Books(), POOL, foreign)["a"]
    assert wanted(foreign, outcome.decision) is None


def test_a_service_that_is_no_load_balancer_any_more_is_cleared() -> None:
    was = service("a", type="ClusterIP", ingress=("10.0.0.0",), annotations={ALLOCATED_FROM: "p"})
    target = wanted(was, settle(Books(), POOL, was)["a"].decision)
    assert target == Wanted((), None)
    assert patch(Task("u", "7", target)) == {
        "metadata": {"uid": "u", "resourceVersion": "7", "annotations": {ALLOCATED_FROM: None}},
        "status": {"loadBalancer": {"ingress": None}},
    }


def test_adopting_gives_nobody_a_second_address_that_another_has() -> None:
    """a comes first and would like an IPv6 address too; the lowest one is recorded with b."""
    loaded = configured(pool("p", "10.0.0.0/30", "fd00::/126"))
    a = service("a", dual=True, family_policy="PreferDualStack", ingress=("10.0.0.0",))
    b = service("b", v6=True, ingress=("fd00::",))
    outcomes = settle(Books(), loaded, a, b)
    assert (given(outcomes["a"]), given(outcomes["b"])) == (["10.0.0.0", "fd00::1"], ["fd00::"])


@pytest.mark.parametrize(
    ("present", "lost"),
    [
        (service("a", dual=True, family_policy="PreferDualStack"), ()),
        (service("a", load_balancer_ip="10.0.0.3"), ("10.0.0.0",)),
        (service("a", type="ClusterIP"), ("10.0.0.0",)),
    ],
)
def test_only_what_is_gone_is_lost(present: Service, lost: tuple[str, ...]) -> None:
    books, loaded = Books(), configured(pool("p", "10.0.0.0/30", "fd00::/126"))
    settle(books, loaded, service("a"))
    outcome = settle(books, loaded, present)["a"]
    assert outcome.moved
    assert outcome.lost == lost


def test_nothing_is_remembered_of_who_is_gone() -> None:
    books = Books()
    settle(books, ONE, service("a"), service("b"), service("c", type="ClusterIP"))
    for name in "abc":
        books.forget(service(name).key)
    assert (books.decisions, books.waiting, dict(books.ledger.allocations)) == ({}, {}, {})


def test_who_prefers_two_families_gets_the_second_when_it_becomes_free() -> None:
    books = Books()
    loaded = configured(pool("p", "10.0.0.0/30", "fd00::1/128"))
    taker, wisher = service("a", v6=True), service("b", dual=True, family_policy="PreferDualStack")
    outcomes = settle(books, loaded, taker, wisher)
    assert (given(outcomes["a"]), given(outcomes["b"])) == (["fd00::1"], ["10.0.0.0"])
    books.forget(taker.key)
    outcomes = {one.service.name: one for one in books.settle(loaded, {wisher.key: wisher}, [])}
    assert given(outcomes["b"]) == ["10.0.0.0", "fd00::1"]


GAPS = (Problem(ObjectRef("IPAddressPool", "n", "broken"), "", "nonsense"),)
HELD = {
    "in no pool that is known": service("a", ingress=("10.9.9.9",)),
    "of a pool that is not known": service(
        "a", ingress=("10.0.0.2",), annotations={"metallb.io/address-pool": "broken", ALLOCATED_FROM: "p"}
    ),
    "whose wish is in no pool that is known": service(
        "a", ingress=("10.0.0.2",), load_balancer_ip="10.9.9.9", annotations={ALLOCATED_FROM: "p"}
    ),
}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_while_a_part_is_not_known_nobody_loses_an_address(held: Service) -> None:
    """Nor does anybody else get it; its Service is told once; with a whole configuration all is as ever."""
    books, others = Books(), [service(name) for name in "bcde"]
    present = {one.key: one for one in (held, *others)}
    outcomes = {one.service.name: one for one in books.settle(POOL, present, present, GAPS)}
    assert wanted(held, outcomes["a"].decision) is None
    assert [(one.type, one.reason) for one in outcomes["a"].notices] == [("Warning", "ConfigurationError")]
    assert "IPAddressPool n/broken: nonsense" in outcomes["a"].notices[0].message
    assert not {*held.ingress} & {address for one in others for address in given(outcomes[one.name])}
    assert books.settle(POOL, present, present, GAPS)[0].notices == ()
    after = {one.service.name: one for one in books.settle(POOL, present, present)}
    assert after["a"].decision.reason is not Reason.CONFIG_INVALID
    assert (given(after["a"]) == list(held.ingress)) is (POOL.pool_of(map(parse_address, held.ingress)) is not None)


def test_who_waits_while_a_part_is_not_known_is_told_why() -> None:
    books, late = Books(), service("late", annotations={"metallb.io/address-pool": "broken"})
    [outcome] = books.settle(POOL, {late.key: late}, [late.key], GAPS)
    assert [one.reason for one in outcome.notices] == ["AllocationFailed", "ConfigurationError"]
    assert [one.notices for one in books.settle(POOL, {late.key: late}, [late.key], GAPS)] == [()]


def test_who_is_no_load_balancer_any_more_loses_its_address_all_the_same() -> None:
    books, held = Books(), service("a", ingress=("10.9.9.9",))
    books.settle(POOL, {held.key: held}, [held.key], GAPS)
    changed = replace(held, type="ClusterIP")
    [outcome] = books.settle(POOL, {held.key: changed}, [held.key], GAPS)
    assert wanted(changed, outcome.decision) == Wanted((), None)


WEB = service("web")
REFUSED = Wanted(("10.0.0.0",), "p")


def refused(books: Books, config: Config, one: Service, target: Wanted = REFUSED) -> Outcome:
    settle(books, config, one)
    return books.refuse(config, one, target, "it is invalid")


def test_what_the_api_server_refuses_is_given_back_and_said_and_not_given_again() -> None:
    books = Books()
    outcome = refused(books, POOL, WEB)
    assert (given(outcome), outcome.lost, outcome.decision.reason) == ([], ("10.0.0.0",), Reason.NO_ADDRESS)
    [notice] = outcome.notices
    says = 'Failed to allocate IP for "default/web": the API server refuses ["10.0.0.0"]: it is invalid; change the'
    assert (notice.reason, notice.message.startswith(says)) == ("AllocationFailed", True)
    assert set(books.waiting) == {WEB.key}
    again = settle(books, configured(pool("p", "10.0.0.0/30")), WEB, service("late"))
    assert (given(again["web"]), again["web"].notices, given(again["late"])) == ([], (), ["10.0.0.0"])


@pytest.mark.parametrize(
    ("config", "one"),
    [
        (configured(pool("p", "10.0.0.0/29")), WEB),
        (POOL, replace(WEB, annotations={"changed": "yes"})),
        (POOL, replace(WEB, uid="another")),
    ],
)
def test_it_is_tried_again_once_the_service_or_the_pools_change(config: Config, one: Service) -> None:
    books = Books()
    refused(books, POOL, WEB)
    outcome = settle(books, config, one)["web"]
    assert (given(outcome), books.refused) == (["10.0.0.0"], {})


def test_a_refused_change_leaves_the_service_what_its_status_goes_on_to_say() -> None:
    """Else the next Service would be given an address that another one shows."""
    books, moved = Books(), replace(WEB, ingress=("10.0.0.1",), load_balancer_ip="10.0.0.2")
    outcome = refused(books, POOL, moved, Wanted(("10.0.0.2",), "p"))
    assert (given(outcome), outcome.lost) == (["10.0.0.1"], ("10.0.0.2",))
    late = settle(books, POOL, moved, service("a"), service("b"))
    assert sorted(given(late["a"]) + given(late["b"])) == ["10.0.0.0", "10.0.0.2"]


def test_a_refused_change_leaves_nothing_that_is_another_services_by_now() -> None:
    books, moved = Books(), replace(WEB, ingress=("10.0.0.1",), load_balancer_ip="10.0.0.2")
    settle(books, POOL, moved)
    other = service("other", load_balancer_ip="10.0.0.1")
    settle(books, POOL, moved, other)
    assert given(books.refuse(POOL, moved, Wanted(("10.0.0.2",), "p"), "no")) == []
    assert set(books.ledger.allocations) == {other.key}


def test_a_refused_removal_gives_nothing_away() -> None:
    books, gone = Books(), replace(WEB, ingress=("10.9.9.9",), load_balancer_ip="10.9.9.9")
    before = settle(books, POOL, gone)["web"].decision
    outcome = books.refuse(POOL, gone, Wanted((), None), "no")
    assert (outcome.decision, outcome.notices) == (before, ())


def test_another_ip_mode_is_written_over() -> None:
    """kube-proxy would leave the address alone, and no load balancer stands in front of the nodes."""
    raw = {
        "metadata": {"namespace": "default", "name": "web", "annotations": {ALLOCATED_FROM: "p"}},
        "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"]},
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.0", "ipMode": "VIP"}]}},
    }
    good = standing.read(raw)
    raw["status"]["loadBalancer"]["ingress"][0]["ipMode"] = "Proxy"  # type: ignore[index]
    bad = standing.read(raw)
    decision = settle(Books(), POOL, bad)["web"].decision
    assert (good == bad, standing.shown(good), standing.shown(bad).ingress) == (
        False,
        good,
        ("10.0.0.0 (ipMode Proxy)",),
    )
    assert (wanted(good, decision), wanted(bad, decision)) == (None, REFUSED)
