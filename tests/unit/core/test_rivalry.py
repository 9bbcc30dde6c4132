"""When somebody else counts as a second writer of a Service's status, and when pylb writes again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.world import service
from pylb.core.model import Service
from pylb.core.notices import second_writer
from pylb.core.rivalry import OURS, QUIET_S, SEEN_WITHIN_S, UNNAMED, Contest, Rivals

WEB = service("web")
OURS_SAYS = replace(WEB, ingress=("10.0.0.1",), recorder=OURS, status_managers=(OURS,))
DECIDED = ("10.0.0.1",)


def by(who: str, *ingress: str, managers: tuple[str, ...] = ()) -> Service:
    return replace(WEB, ingress=ingress, recorder=who, status_managers=managers or ((who,) if who else ()))


METALLB = by("controller", "10.0.0.9")


def fight(rivals: Rivals, at: float, other: Service = METALLB) -> Contest | None:
    return rivals.observe(OURS_SAYS, other, DECIDED, at)


def test_twice_within_ten_seconds_is_a_contest_that_names_the_other() -> None:
    rivals = Rivals()
    assert fight(rivals, 100.0) is None
    assert not rivals.holds(WEB.key)
    assert fight(rivals, 100.0 + SEEN_WITHIN_S) == Contest("controller", ("10.0.0.9",), 110.0 + QUIET_S)
    assert rivals.holds(WEB.key)


def test_twice_in_a_longer_time_is_none_and_the_last_two_count() -> None:
    rivals = Rivals()
    assert [fight(rivals, at) is not None for at in (0.0, 10.5, 21.5, 31.0)] == [False, False, False, True]


def test_it_is_told_once_and_lasts_until_the_other_was_quiet() -> None:
    rivals = Rivals()
    fight(rivals, 0.0)
    fight(rivals, 1.0)
    assert fight(rivals, 300.0, by("", managers=(OURS,))) is None, "told before"
    assert rivals.contests[WEB.key] == Contest("controller", (), 300.0 + QUIET_S)
    assert rivals.lapsed(299.0 + QUIET_S) == []
    assert rivals.lapsed(300.0 + QUIET_S) == [WEB.key]
    assert not rivals.holds(WEB.key)
    assert fight(rivals, 1000.0) is None, "it needs two again"
    assert fight(rivals, 1001.0) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OURS_SAYS, by(OURS, "10.0.0.2")),  # an earlier decision of ours, or an earlier leader's
        (
            by(
                "",
            ),
            by("controller", "10.0.0.1"),
        ),  # it agrees
        (METALLB, METALLB),  # something else of it changed
        (OURS_SAYS, replace(WEB, type="ClusterIP")),  # emptied by the API server
    ],
    ids=["ours", "agrees", "unchanged", "another type"],
)
def test_what_is_nobodys_fight(old: Service, new: Service) -> None:
    rivals = Rivals()
    assert [rivals.observe(old, new, DECIDED, at) for at in (0.0, 1.0, 2.0)] == [None] * 3


def test_where_no_name_is_left_what_was_sent_is_ours() -> None:
    rivals = Rivals()
    rivals.sent(WEB.key, ("10.0.0.7",))
    rivals.sent(WEB.key, ())
    for at, one in enumerate((by("", "10.0.0.7"), by(""), by("", "10.0.0.7"))):
        assert fight(rivals, float(at), one) is None
    assert fight(rivals, 4.0, by("", "10.0.0.8")) is None
    contest = fight(rivals, 5.0, by("", "10.0.0.8"))
    assert contest is not None
    assert contest.by == UNNAMED


def test_who_removes_an_address_is_named_by_the_other_managers_of_the_status() -> None:
    rivals = Rivals()
    gone = by("", managers=(OURS, "k3s"))
    fight(rivals, 0.0, gone)
    contest = fight(rivals, 1.0, gone)
    assert contest is not None
    assert (contest.by, contest.wrote) == ("k3s", ())


def test_services_have_nothing_to_do_with_each_other_and_are_forgotten() -> None:
    rivals = Rivals()
    fight(rivals, 0.0)
    other = replace(METALLB, key=service("other").key)
    assert rivals.observe(replace(OURS_SAYS, key=other.key), other, DECIDED, 1.0) is None
    rivals.forget(WEB.key)
    assert fight(rivals, 2.0) is None


def test_the_warning_names_the_other_and_both_addresses() -> None:
    told = second_writer("controller", ["10.0.0.9"], ["10.0.0.1"], QUIET_S)
    assert told.type == "Warning"
    assert told.message.startswith(
        "\"controller\" (as MetalLB's controller is called) writes this Service's status, too: 10.0.0.9, where pylb wrote "
        "10.0.0.1; pylb leaves it alone until nobody else wrote it for 10 min"
    )
    assert '"x" writes' in second_writer("x", [], [], QUIET_S).message
