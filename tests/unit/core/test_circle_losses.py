"""What a node tells of those that it watched and lost, and what it does when the LAN was cut."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from fakes.circles import LATER, ME, OURS, THEIRS, One
from pylb.core.ownership.beats import INTERVAL, STRIDE, Beat, Loss, State
from pylb.core.ownership.circle import MAX_LOSSES, NEAR, NEWS, SPREAD
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.evidence import Verdict
from pylb.core.ownership.peers import DEADLINE, MISSED

ADDRESS, CLAIM = ip_address("10.0.0.1"), Claim(ME, 3)


@pytest.fixture
def one() -> One:
    made = One(99)
    made.settle()
    return made


def test_of_who_was_watched_and_fell_silent_all_are_told_at_the_deadline(one: One) -> None:
    lost, *_ = one.circle.beside(ME, LATER)
    now = LATER + MISSED + 0.01
    one.hear((node for node in one.others if node != lost), LATER + 2 * INTERVAL)
    one.watch(now)
    assert one.peer(lost).is_doubted
    assert one.circle.losses == {}
    now = LATER + one.peer(lost).deadline
    assert now == pytest.approx(LATER + DEADLINE)
    one.watch(now)
    assert one.circle.losses == {lost: Loss(THEIRS, one.peer(lost).sequence)}
    assert len(one.told(now)) >= len(one.others) - 2 * NEAR
    one.circle.judged(one.peer(lost), Verdict.SERVES, now + 9.0)
    assert one.circle.losses == {lost: Loss(THEIRS, one.peer(lost).sequence, Verdict.SERVES)}
    one.watch(now + 9.0 + SPREAD)
    assert lost not in one.circle.losses


def test_who_is_heard_again_is_lost_no_more(one: One) -> None:
    lost, *_ = one.circle.beside(ME, LATER)
    others = [node for node in one.others if node != lost]
    one.hear(others, LATER + 0.2)
    for seconds in (0.3, 0.5):
        one.watch(LATER + seconds)
    assert set(one.circle.losses) == {lost}
    one.hear(one.others, LATER + 0.6)
    one.watch(LATER + 0.6)
    assert one.circle.losses == {}
    assert lost in one.circle.beside(ME, LATER + 0.6)


def test_of_who_was_not_watched_nothing_is_told(one: One) -> None:
    far = next(node for node in one.others if node not in one.circle.beside(ME, LATER))
    peer, now = one.peer(far), LATER + one.circle.slack + MISSED + 0.1
    one.hear((node for node in one.others if node != far), now)
    for _ in range(20):
        one.watch(now)
    assert peer.is_doubted
    one.circle.judged(peer, Verdict.GONE, now)
    one.watch(now)
    assert one.circle.losses == {}


def test_a_beat_tells_of_so_many_that_were_lost_at_most() -> None:
    """The last ones: those before were told already."""
    one = One(99)
    for number in range(MAX_LOSSES + 3):
        one.settle(LATER + number)
        now = LATER + number + MISSED + 0.01
        lost = next(node for node in one.circle.beside(ME, now - MISSED) if node not in one.circle.losses)
        one.hear((node for node in one.others if node != lost), now)
        one.watch(now)
        one.circle.judged(one.peer(lost), Verdict.GONE, now)
    assert len(one.circle.losses) <= MAX_LOSSES


@pytest.mark.parametrize(("lost_at", "is_told"), [(LATER + 1.0, True), (LATER + 3.0, False)])
def test_after_a_cut_what_was_claimed_since_is_told_to_all(one: One, lost_at: float, is_told: bool) -> None:
    one.turn(LATER + 2.0)
    one.circle.compare({}, {ADDRESS: CLAIM})
    later = LATER + 20.0
    one.hear(one.others, later)
    for _ in range(NEWS):
        one.told(later)
    one.circle.meet(lost_at)
    assert (one.told(later) == set(one.others) - set(one.circle.beside(ME, later))) is is_told


@pytest.mark.parametrize(("silent", "is_split"), [(1, False), (24, False), (25, True), (99, True)])
def test_of_so_many_that_are_silent_it_is_the_lan_that_is_cut(one: One, silent: int, is_split: bool) -> None:
    assert one.circle.is_split(one.others[:silent]) is is_split


def test_who_is_called_lost_tells_all_that_it_is_there(one: One) -> None:
    near = set(one.circle.beside(ME, LATER))
    one.circle.note(Beat(one.others[0], THEIRS, 9 * STRIDE, State.ACTIVE, lost={ME: Loss(OURS, 1)}), False)
    assert one.told(LATER) == set(one.others) - near
