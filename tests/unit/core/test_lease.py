"""The rule of the Lease: when it may be taken, what a holder may do, and what makes him stop."""

from __future__ import annotations

import pytest

from pylb.core import lease
from pylb.core.lease import Claim, Identity, Look, Put, Record, Wait
from pylb.kube.dial import USER_TIMEOUT_MS

ME = Identity("c", "1", unique=True)
MINE, OTHER = str(ME), "d_7"
T = 1000.0


def held(holder: str, version: str = "5", **more: float) -> Record:
    return Record(holder, version, acquired="then", transitions=3, **more)  # type: ignore[arg-type]  # only numbers


def leader() -> Claim:
    """One that leads since T."""
    claim = Claim(ME)
    claim.looked(None, T)
    claim.granted(held(MINE), T, T + 0.1)
    return claim


def follower(record: Record) -> Claim:
    claim = Claim(ME)
    claim.looked(Record("x_0", "0"), T - 100)
    claim.looked(record, T)
    return claim


def test_the_arithmetic_of_the_docstring() -> None:
    """With clocks that differ by 1 % each, all that a holder sent is over before another may take the Lease."""
    drift = 0.01
    over = lease.SEND_FOR * (1 + drift) + lease.FLIGHT * (1 + drift)
    free = lease.DURATION * (1 - drift)
    assert over + 0.75 < free
    assert lease.RENEW_EVERY < lease.SEND_FOR / 1.5, "a renewal may come late"
    assert USER_TIMEOUT_MS <= 1000 * lease.FLIGHT, "what a frozen process sent is over by then, too"


def test_the_lease_is_read_before_anything_is_done() -> None:
    assert Claim(ME).plan(T) == Look()


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (None, Put(MINE, None, "", 0)),
        (held(""), Put(MINE, "5", "", 4)),
        (held(MINE), Put(MINE, "5", "then", 3)),  # our own, whose answer was lost
        (held("c_0"), Put(MINE, "5", "", 4)),  # an earlier life of the same pod
    ],
)
def test_what_is_free_is_taken_at_once(record: Record | None, wanted: Put) -> None:
    claim = Claim(ME)
    claim.looked(record, T)
    assert claim.plan(T) == wanted
    assert (claim.leads, claim.left(T)) == (False, 0.0)


@pytest.mark.parametrize(
    ("record", "wait"),
    [
        (held(OTHER), lease.DURATION),
        (held(OTHER, duration=3), lease.DURATION),
        (held(OTHER, duration=30), 30),
        (held(OTHER, duration=1e9), lease.FOREIGN_MAX),
        (held("c_9"), lease.DURATION),  # of our name, but it came while we run
        (held("cc_0"), lease.DURATION),
    ],
)
def test_anothers_is_waited_for(record: Record, wait: float) -> None:
    claim = follower(record)
    assert claim.plan(T) == Wait(wait)
    assert claim.plan(T + wait - 0.01) == Wait(pytest.approx(0.01))
    assert isinstance(claim.plan(T + wait), Put)


@pytest.mark.parametrize("tell", ["looked", "told"])
def test_each_change_is_waited_for_anew_and_no_other_word_is(tell: str) -> None:
    claim = follower(held(OTHER))
    getattr(claim, tell)(held(OTHER), T + 5)
    assert claim.plan(T + 5) == Wait(lease.DURATION - 5)
    getattr(claim, tell)(held(OTHER, "6"), T + 6)
    assert claim.plan(T + 6) == Wait(lease.DURATION)


def test_a_lease_that_vanished_may_still_be_somebodys() -> None:
    claim = follower(held(OTHER))
    claim.told(None, T + 1)
    assert claim.holder == ""
    assert claim.plan(T + 1) == Wait(lease.DURATION)
    assert claim.plan(T + 1 + lease.DURATION) == Put(MINE, None, "", 4)


def test_a_name_that_others_may_have_too_is_not_taken_from() -> None:
    claim = Claim(Identity("c", "1"))
    claim.looked(held("c_0"), T)
    assert claim.plan(T) == Wait(lease.DURATION)


def test_a_holder_writes_for_a_while_after_it_sent_its_last_renewal() -> None:
    claim = leader()
    assert claim.left(T + 1) == lease.SEND_FOR - 1
    assert claim.left(T + lease.SEND_FOR) <= 0
    assert claim.holds(T + lease.SEND_FOR)
    assert not claim.holds(T + lease.DURATION)


def test_a_renewal_counts_from_when_it_was_sent() -> None:
    """An answer that was read after a stall lets nothing through."""
    claim = leader()
    claim.granted(held(MINE, "6"), T + 2, T + 60)
    assert claim.leads
    assert claim.left(T + 60) < 0
    assert claim.plan(T + 60) == Put(MINE, "6", "then", 3)


def test_renewals_come_in_their_rhythm() -> None:
    claim = leader()
    assert claim.plan(T) == Wait(lease.RENEW_EVERY)
    assert claim.plan(T + lease.RENEW_EVERY) == Put(MINE, "5", "then", 3)


def test_a_refused_renewal_stops_all_writing_until_it_is_known_why() -> None:
    claim = leader()
    claim.refused()
    assert (claim.left(T + 1), claim.plan(T + 1)) == (0.0, Look())
    claim.looked(held(MINE, "6"), T + 1)
    assert claim.left(T + 1) == lease.SEND_FOR - 1
    claim.refused()
    claim.looked(held(OTHER, "7"), T + 2)
    assert (claim.leads, claim.left(T + 2), claim.plan(T + 2)) == (False, 0.0, Wait(lease.DURATION))


def test_an_unanswered_renewal_takes_nothing_away_yet() -> None:
    claim = leader()
    claim.unanswered()
    assert (claim.left(T + 1), claim.plan(T + 1)) == (lease.SEND_FOR - 1, Look())


@pytest.mark.parametrize("record", [held(OTHER, "9"), held("", "9"), None])
def test_a_watch_that_shows_somebody_else_stops_a_holder_until_it_has_looked(record: Record | None) -> None:
    """What a watch tells may be old."""
    claim = leader()
    claim.told(record, T + 1)
    assert (claim.leads, claim.left(T + 1), claim.plan(T + 1)) == (True, 0.0, Look())
    claim.looked(held(MINE, "6"), T + 1)
    assert claim.left(T + 1) > 0


def test_a_watch_that_shows_ones_own_renewal_is_no_news() -> None:
    claim = leader()
    claim.told(held(MINE, "4"), T + 1)
    assert (claim.left(T + 1), claim.plan(T + 2)) == (lease.SEND_FOR - 1, Put(MINE, "5", "then", 3))


def test_who_ends_writes_no_more_and_gives_the_lease_back() -> None:
    claim = leader()
    claim.close()
    assert (claim.left(T), claim.plan(T + 5)) == (0.0, Wait(lease.DURATION))
    assert claim.give_back() == Put("", "5", "then", 3)
    claim.granted(held("", "6"), T + 1, T + 1)
    assert (claim.leads, claim.give_back()) == (False, None)


def test_a_follower_has_nothing_to_give_back() -> None:
    claim = follower(held(OTHER))
    claim.close()
    assert claim.give_back() is None


@pytest.mark.parametrize("transitions", [2**31 - 1, 2**40])
def test_who_takes_a_lease_that_counts_no_further_takes_it_all_the_same(transitions: int) -> None:
    """It is an int32 of the API server's, and anybody may have written it."""
    claim = Claim(ME)
    claim.looked(Record("", "5", transitions=transitions), T)
    assert claim.plan(T) == Put(MINE, "5", "", 2**31 - 1)
