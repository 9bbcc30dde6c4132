"""What a round of the controller decides, writes and tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes.world import configured, pool, service
from pylb.controller.reconcile import Books, Outcome, Wanted, wanted
from pylb.controller.writer import patch
from pylb.core.config import Config
from pylb.core.model import Service
from pylb.core.reasons import Reason
from pylb.core.requests import ALLOCATED_FROM

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
    assert patch(target, "u") == {
        "metadata": {"uid": "u", "annotations": {ALLOCATED_FROM: None}},
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
