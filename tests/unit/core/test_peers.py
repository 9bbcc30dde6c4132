"""Whom a node hears, when that is fresh, and how long the silence may be."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.beats import INTERVAL, STRIDE, Ack, Beat, State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.peers import DEADLINE, MAX_DEADLINE, Peer, Peers

ME, PEER, THIRD = NodeName("me"), NodeName("peer"), NodeName("third")
OURS, THEIRS = 7, 8  # incarnations


def beat(number: int, acked: int | None = None, incarnation: int = THEIRS, **more: Mapping[NodeName, Ack]) -> Beat:
    acks = {} if acked is None else {ME: Ack(OURS, acked * STRIDE)}
    acks.update(more.get("acks", {}))
    return Beat(PEER, incarnation, number * STRIDE, State.ACTIVE, acks=acks)


def acquainted(now: float = 1.0) -> Peers:
    """Peers that have one, confirmed at a time."""
    peers = Peers(ME, OURS, 0.0)
    peers.sent(STRIDE, now - 0.1)
    assert peers.hear(beat(1, 1), now) is not None
    return peers


def known(peers: Peers) -> Peer:
    found = peers.get(PEER)
    assert found is not None
    return found


def test_a_new_incarnation_counts_once_it_names_a_beat_of_ours() -> None:
    peers = Peers(ME, OURS, 0.0)
    assert peers.hear(beat(1), 1.0) is None
    assert peers.get(PEER) is None
    peers.sent(STRIDE, 1.05)
    assert peers.hear(beat(2, 1), 1.1) is not None
    assert known(peers).is_fresh(1.2)


def test_an_unconfirmed_speaker_is_told_that_it_is_heard() -> None:
    peers = Peers(ME, OURS, 0.0)
    peers.hear(beat(3), 1.0)
    assert peers.acks(1.1) == {PEER: Ack(THEIRS, 3 * STRIDE)}


@pytest.mark.parametrize("number", [0, 1])
def test_a_late_or_repeated_beat_changes_nothing(number: int) -> None:
    peers = acquainted()
    assert peers.hear(beat(number, 1), 1.5) is None
    assert known(peers).heard == 1.0
    assert peers.stale == 1


def test_a_beat_of_the_incarnation_before_is_stale() -> None:
    peers = acquainted()
    peers.sent(2 * STRIDE, 2.0)
    assert peers.hear(beat(1, 2, incarnation=9), 2.1) is not None
    assert peers.hear(beat(50, 2), 2.2) is None
    assert known(peers).incarnation == 9


def test_what_was_heard_before_a_stall_confirms_nothing() -> None:
    peers = acquainted()
    peers.start_anew(5.0)
    assert not known(peers).is_fresh(5.0)
    assert peers.hear(beat(2, 1), 5.1) is None  # names a beat of before
    peers.sent(2 * STRIDE, 5.1)
    assert peers.hear(beat(3, 2), 5.2) is not None


def test_claims_of_a_beat_that_is_not_confirmed_are_not_taken_over() -> None:
    peers = acquainted()
    peers.start_anew(5.0)
    before = known(peers).claims
    claims = {ip_address("10.0.0.1"): Claim(PEER, 1)}
    peers.hear(Beat(PEER, THEIRS, 9 * STRIDE, State.ACTIVE, claims=claims), 5.1)
    assert known(peers).claims is before


def test_the_word_of_another_keeps_a_silent_node_alive_but_not_heard() -> None:
    peers = acquainted()
    peers.sent(2 * STRIDE, 1.9)
    word = Beat(THIRD, 3, STRIDE, State.ACTIVE, acks={ME: Ack(OURS, 2 * STRIDE), PEER: Ack(THEIRS, 9 * STRIDE)})
    assert peers.hear(word, 2.0) is not None
    assert known(peers).is_fresh(2.1)
    assert not known(peers).is_heard(2.1)


def test_the_same_word_again_is_no_news() -> None:
    peers = acquainted()
    peers.sent(2 * STRIDE, 1.9)
    for number, now in ((1, 2.0), (2, 3.0)):
        acks = {ME: Ack(OURS, 2 * STRIDE), PEER: Ack(THEIRS, 9 * STRIDE)}
        peers.hear(Beat(THIRD, 3, number * STRIDE, State.ACTIVE, acks=acks), now)
    assert known(peers).word == 2.0


def test_the_deadline_of_steady_beats_is_the_shortest() -> None:
    peers = acquainted()
    for number in range(2, 60):
        peers.hear(beat(number), 1.0 + (number - 1) * INTERVAL)
    assert known(peers).deadline == pytest.approx(DEADLINE, abs=0.01)


def test_lost_and_late_beats_make_it_longer_up_to_a_maximum() -> None:
    lossy, late = acquainted(), acquainted()
    for number in range(2, 200):
        if number % 5:
            lossy.hear(beat(number), 1.0 + number * INTERVAL)
        late.hear(beat(number), 1.0 + number * 3.0)
    assert 0.6 < known(lossy).deadline < 1.2
    assert known(late).deadline == MAX_DEADLINE


def test_an_outage_is_no_weather() -> None:
    peers = acquainted()
    peers.hear(beat(2), 30.0)
    assert known(peers).lost == 0.0
