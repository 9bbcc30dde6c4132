"""Peers that seldom beat to this node: how long they may be silent, and what the word of those who watch them does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.beats import INTERVAL, STRIDE, Ack, Beat, Loss, State
from pylb.core.ownership.evidence import Verdict
from pylb.core.ownership.peers import DEADLINE, HEARS, MAX_SENT, MISSED, NAMED, OVERTAKEN, Peer, Peers

ME, NEAR, FAR = NodeName("me"), NodeName("near"), NodeName("far")
OURS, THEIRS = 7, 8  # incarnations
SLACK = 4.0  # s
SAID = 3 * STRIDE  # the newest sequence of all at 1.0


def hear(peers: Peers, node: NodeName, sequence: int, now: float, **more: object) -> Peer | None:
    peers.sent(sequence, now - 0.05)
    beat = Beat(node, THEIRS, sequence, State.ACTIVE, acks={ME: Ack(OURS, sequence)}, **more)  # type: ignore[arg-type]
    return peers.hear(beat, now)


@pytest.fixture
def peers() -> Peers:
    """One that is watched and one that is not, both heard at 1.0."""
    made = Peers(ME, OURS, 0.0)
    for node in (NEAR, FAR):
        hear(made, node, 2 * STRIDE, 0.5)
    made.arrange(frozenset({NEAR}), SLACK, 0.8)
    for node in (NEAR, FAR):
        hear(made, node, SAID, 1.0)
    return made


def tell(peers: Peers, lost: Mapping[NodeName, Loss], now: float) -> None:
    """The watched one, which beat as it should, tells of a loss."""
    known(peers, NEAR).heard = now - INTERVAL
    hear(peers, NEAR, known(peers, NEAR).sequence + STRIDE, now, lost=lost)


def known(peers: Peers, node: NodeName = FAR) -> Peer:
    found = peers.get(node)
    assert found is not None
    return found


def test_who_is_not_watched_may_be_silent_for_longer(peers: Peers) -> None:
    assert (known(peers, NEAR).is_fresh(1.0 + MISSED - 0.01), known(peers, NEAR).is_fresh(1.0 + MISSED + 0.01)) == (
        True,
        False,
    )
    far = known(peers)
    assert (far.is_fresh(1.0 + SLACK + MISSED - 0.01), far.is_fresh(1.0 + SLACK + MISSED + 0.01)) == (True, False)
    assert far.deadline == pytest.approx(DEADLINE + SLACK)
    assert peers.hears_us(FAR, 1.0 + HEARS + SLACK)
    assert not peers.hears_us(NEAR, 1.0 + HEARS)


def test_its_rhythm_says_nothing_of_the_weather(peers: Peers) -> None:
    hear(peers, FAR, SAID + STRIDE, 4.0)
    hear(peers, FAR, SAID + 2 * STRIDE, 4.01)
    assert (known(peers).jitter, known(peers).lost) == (0.0, 0.0)


def test_who_is_watched_from_now_on_has_the_time_to_hear_of_it(peers: Peers) -> None:
    peers.arrange(frozenset({NEAR, FAR}), SLACK, 3.0)
    far = known(peers)
    assert (far.is_fresh(3.0 + MISSED), far.is_fresh(3.0 + MISSED + INTERVAL + 0.01)) == (True, False)
    hear(peers, FAR, SAID + STRIDE, 3.1)
    assert far.jitter == 0.0, "the pause before it was none of the weather's"


def test_who_is_watched_no_more_may_be_silent_again(peers: Peers) -> None:
    peers.arrange(frozenset(), SLACK, 1.1)
    assert known(peers, NEAR).is_fresh(1.0 + SLACK)


def test_who_is_heard_for_the_first_time_may_be_silent_too() -> None:
    peers = Peers(ME, OURS, 0.0)
    peers.arrange(frozenset({NEAR}), SLACK, 0.0)
    hear(peers, FAR, STRIDE, 1.0)
    assert known(peers).slack == SLACK


def loss(sequence: int = SAID, incarnation: int = THEIRS, verdict: Verdict = Verdict.OPEN) -> dict[NodeName, Loss]:
    return {FAR: Loss(incarnation, sequence, verdict)}


@pytest.mark.parametrize(
    ("lost", "at", "is_believed"),
    [
        (loss(), 2.0, True),
        (loss(verdict=Verdict.GONE), 2.0, True),
        (loss(SAID - STRIDE), 2.0, True),  # it missed the last ones
        (loss(), 1.0 + MISSED - 0.05, False),  # this node heard it just now
        (loss(incarnation=5), 2.0, False),  # it has started again since
        ({NEAR: Loss(THEIRS, SAID)}, 1.2, False),  # this node watches that one itself
        ({NodeName("stranger"): Loss(1, 1)}, 2.0, False),
    ],
)
def test_whose_loss_is_believed(peers: Peers, lost: dict[NodeName, Loss], at: float, is_believed: bool) -> None:
    tell(peers, lost, at)
    assert (not known(peers).is_fresh(at)) is is_believed
    assert known(peers).told == (Verdict.GONE if lost.get(FAR) == Loss(THEIRS, SAID, Verdict.GONE) else None)
    assert known(peers, NEAR).is_fresh(at)


def test_whoever_is_lost_is_to_be_asked_for_a_while_first(peers: Peers) -> None:
    tell(peers, loss(), 3.0)
    far = known(peers)
    assert far.sign + far.deadline == pytest.approx(3.0 - 2 * INTERVAL + DEADLINE)
    tell(peers, loss(), 3.1)
    assert far.sign == pytest.approx(3.0 - 2 * INTERVAL), "said again, it is no later"


def test_the_weather_of_those_that_are_watched_counts_for_the_lost(peers: Peers) -> None:
    known(peers, NEAR).lost, known(peers, NEAR).jitter = 0.2, 0.05
    tell(peers, loss(), 3.0)
    assert (known(peers).lost, known(peers).jitter) == (pytest.approx(0.2, rel=0.1), pytest.approx(0.05, rel=0.1))


def test_its_own_beat_ends_the_doubt_and_whatever_was_said_of_it(peers: Peers) -> None:
    tell(peers, loss(verdict=Verdict.GONE), 3.0)
    hear(peers, FAR, SAID + STRIDE, 3.1)
    far = known(peers)
    assert (far.is_fresh(3.1), far.told, far.slack) == (True, None, SLACK)


@pytest.mark.parametrize(("newer", "is_alive"), [(0, False), (OVERTAKEN, False), (OVERTAKEN + STRIDE, True)])
def test_anothers_word_of_it_ends_the_doubt_only_if_it_is_well_newer(peers: Peers, newer: int, is_alive: bool) -> None:
    """Whom it beat to last may tell of it for long after its end."""
    tell(peers, loss(), 3.0)
    third = NodeName("third")
    peers.sent(STRIDE, 3.0)
    acks = {ME: Ack(OURS, STRIDE), FAR: Ack(THEIRS, SAID + newer)}
    peers.hear(Beat(third, THEIRS, STRIDE, State.ACTIVE, acks=acks), 3.1)
    assert known(peers).is_fresh(3.1) is is_alive


def test_those_that_it_goes_to_are_named_as_heard_and_so_many_at_most() -> None:
    peers = Peers(ME, OURS, 0.0)
    nodes = [NodeName(f"n{number}") for number in range(NAMED + 8)]
    for node in nodes:
        hear(peers, node, STRIDE, 0.5)
    assert list(peers.acks(60.0, nodes[3:5])) == nodes[3:5], "however long ago: it seldom beats to this node"
    assert list(peers.acks(60.0, nodes)) == nodes[:NAMED]
    assert peers.acks(60.0, [NodeName("stranger")]) == {}


def test_a_new_incarnation_is_named_before_the_one_that_it_follows(peers: Peers) -> None:
    peers.hear(Beat(FAR, 99, STRIDE, State.JOINING), 2.0)
    assert peers.acks(2.0, [FAR]) == {FAR: Ack(99, STRIDE)}


def test_beats_are_remembered_until_those_that_seldom_hear_one_can_name_it() -> None:
    peers = Peers(ME, OURS, 0.0)
    hear(peers, FAR, STRIDE, 0.1)
    peers.arrange(frozenset(), SLACK, 0.1)
    for number in range(2, 2 + 4 * MAX_SENT):
        peers.sent(number * STRIDE, number * INTERVAL)
    now = (2 + 4 * MAX_SENT) * INTERVAL
    beat = Beat(FAR, THEIRS, 9 * STRIDE, State.ACTIVE, acks={ME: Ack(OURS, 2 * MAX_SENT * STRIDE)})
    peers.hear(beat, now)
    assert known(peers).acked == pytest.approx(2 * MAX_SENT * INTERVAL)


def test_where_all_beat_to_all_again_nobody_is_dead_for_it(peers: Peers) -> None:
    tell(peers, loss(), 3.0)
    peers.relax(3.1)
    assert known(peers).is_fresh(3.1 + MISSED - 0.01)
    assert not known(peers).is_fresh(3.1 + MISSED + 0.01)
