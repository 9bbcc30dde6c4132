"""Beats in any order and repetition: what makes a peer live, and what does not."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pylb.core.model import NodeName
from pylb.core.ownership.beats import INTERVAL, STRIDE, Ack, Beat, State
from pylb.core.ownership.peers import MAX_DEADLINE, MAX_SENT, MISSED, Peers

N1 = NodeName("n1")
BEATS = st.builds(
    lambda node, incarnation, number, state, acked: (node, incarnation, number * STRIDE, state, acked),
    st.sampled_from([NodeName("n2"), NodeName("n3")]),
    st.integers(1, 3),
    st.integers(1, 12),
    st.sampled_from(State),
    st.booleans(),
)


@given(st.lists(st.one_of(BEATS, st.integers(1, 4)), max_size=80))
def test_only_what_is_newer_renews_and_only_who_heard_us_lives(steps: list[Any]) -> None:
    peers, now, number = Peers(N1, 1, 0.0), 0.0, 0
    named: set[tuple[NodeName, int]] = set()  # incarnations that named a beat of ours
    for step in steps:
        if isinstance(step, int):
            now += step * INTERVAL
            number += STRIDE
            peers.sent(number, now)
            continue
        node, incarnation, sequence, state, acked = step
        known = peers.get(node)
        before = (known.incarnation, known.sequence, known.heard) if known is not None else None
        acks = {N1: Ack(1, number)} if acked and number else {}
        named |= {(node, incarnation)} if acks else set()
        heard = peers.hear(Beat(node, incarnation, sequence, state, acks=acks), now)
        after = peers.get(node)
        if heard is None and after is not None and before is not None:
            assert (after.incarnation, after.sequence, after.heard) == before
        if before is not None and after is not None and after.incarnation == before[0]:
            assert after.sequence >= before[1], "a sequence never goes back"
        for peer in peers:
            assert (peer.node, peer.incarnation) in named, "it named a beat of ours"
            assert not peer.is_fresh(now) or now < peer.sign + MISSED + MAX_DEADLINE


@given(st.lists(BEATS, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_a_recording_of_all_that_was_ever_said_changes_nothing(steps: list[Any], chance: Any) -> None:
    """Played in any order, when what it names of ours is long past; incarnations came one after the other."""
    peers = Peers(N1, 1, 0.0)
    peers.sent(STRIDE, 0.0)
    acks = {N1: Ack(1, STRIDE)}
    said = [Beat(*step[:4], acks=acks) for step in sorted(steps, key=lambda step: int(step[1]))]
    for beat in said:
        peers.hear(beat, 0.1)
    before = {peer.node: (peer.incarnation, peer.sequence, peer.heard) for peer in peers}
    for number in range(2, MAX_SENT + 2):
        peers.sent(number * STRIDE, number * INTERVAL)
    chance.shuffle(said)
    assert [peers.hear(beat, 9.0) for beat in said] == [None] * len(said)
    assert {peer.node: (peer.incarnation, peer.sequence, peer.heard) for peer in peers} == before
