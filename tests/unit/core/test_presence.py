"""When a node takes part, when it distrusts itself, and who else is there."""

from __future__ import annotations

from ipaddress import ip_network

from pylb.core.model import NodeName
from pylb.core.ownership.beats import STRIDE, Ack, Beat, State
from pylb.core.ownership.effects import Down, Lost, Stalled, Up
from pylb.core.ownership.presence import FLAPS, LISTEN, LISTEN_AGAIN, STALL_LIMIT, Presence
from pylb.core.ownership.segment import Link

ME, PEER = NodeName("me"), NodeName("peer")
ETH0 = Link("eth0", b"\x02", (ip_network("10.0.0.0/8"),))


def joined(at: float = LISTEN) -> Presence:
    presence = Presence(ME, 1, 0.0)
    presence.ready(True, 0.0)
    presence.use([ETH0], 0.0)
    ticks(presence, 0.0, at)
    assert presence.join(at)
    presence.effects.clear()
    return presence


def ticks(presence: Presence, start: float, end: float) -> None:
    """Let time pass without a stall."""
    for i in range(round((end - start) / 0.05) + 1):
        presence.tick(start + i * 0.05)


def hear(presence: Presence, number: int, now: float, state: State = State.ACTIVE) -> None:
    segment = presence.segments["eth0"]
    segment.peers.sent(number * STRIDE, now)
    peer = segment.peers.hear(Beat(PEER, 5, number * STRIDE, state, "eth0", acks={ME: Ack(1, number * STRIDE)}), now)
    assert peer is not None
    presence.note(peer, now)


def test_a_new_speaker_listens_first() -> None:
    presence = Presence(ME, 1, 0.0)
    presence.ready(True, 0.0)
    presence.use([ETH0], 0.0)
    ticks(presence, 0.0, LISTEN - 0.05)
    assert not presence.join(LISTEN - 0.01)
    assert presence.join(LISTEN)
    assert presence.state is State.ACTIVE
    assert Up(ME) in presence.effects


def test_without_a_link_or_what_it_needs_it_takes_no_part() -> None:
    presence = Presence(ME, 1, 0.0)
    presence.ready(True, 0.0)
    assert not presence.join(60.0)
    presence.use([ETH0], 60.0)
    presence.ready(False, 61.0)
    assert not presence.join(70.0)


def test_a_stall_sends_it_back_to_listening() -> None:
    presence = joined()
    now = LISTEN + STALL_LIMIT + 0.01
    assert not presence.may_rely(now)
    assert presence.tick(now) > STALL_LIMIT
    assert presence.state is State.JOINING
    assert [type(effect) for effect in presence.effects] == [Stalled, Down]
    assert not presence.join(now + LISTEN_AGAIN - 0.01)
    assert presence.join(now + LISTEN_AGAIN)


def test_just_below_the_limit_nothing_happens() -> None:
    presence = joined()
    assert presence.may_rely(LISTEN + STALL_LIMIT - 0.01)
    assert presence.tick(LISTEN + STALL_LIMIT - 0.01) == 0.0
    assert presence.state is State.ACTIVE


def test_losing_the_last_link_is_being_cut_off() -> None:
    presence = joined()
    presence.use([], 1.0)
    assert presence.effects == [Down(ME, Lost.CUT_OFF)]
    assert [link.name for link in presence.away] == ["eth0"]
    presence.use([ETH0], 2.0)
    assert not presence.join(2.0 + LISTEN_AGAIN - 0.01)
    assert presence.away == []


def test_a_link_that_came_up_is_listened_to_before_anything_is_taken_there() -> None:
    presence = joined()
    other = Link("eth1", b"\x03", (ip_network("172.16.0.0/12"),))
    ticks(presence, LISTEN, 2.0)
    presence.use([ETH0, other], 2.0)
    new = presence.segments["eth1"]
    assert not presence.may_take(ME, [new], 2.0 + LISTEN_AGAIN - 0.01)
    assert presence.may_take(ME, [new], 2.0 + LISTEN_AGAIN)
    assert not presence.may_take(ME, [], 9.0)


def test_a_peer_comes_and_goes() -> None:
    presence = joined()
    hear(presence, 1, 1.0)
    hear(presence, 2, 1.1)
    assert presence.members == [PEER]
    segment = presence.segments["eth0"]
    presence.watch(segment, 3.0)
    assert presence.members == []
    (up, down) = presence.effects
    assert up == Up(PEER)
    assert isinstance(down, Down)
    assert (down.node, down.cause) == (PEER, Lost.SILENT)


def test_one_that_flaps_is_no_candidate_for_a_while() -> None:
    presence = joined()
    segment = presence.segments["eth0"]
    for i in range(FLAPS):
        hear(presence, 10 * i + 1, 5.0 * i + 1.0)
        presence.watch(segment, 5.0 * i + 4.0)
    now = 5.0 * FLAPS
    hear(presence, 90, now)
    assert not presence.may_take(PEER, [segment], now)


def test_one_that_only_listens_takes_nothing() -> None:
    presence = joined()
    hear(presence, 1, 1.0, State.JOINING)
    assert not presence.may_take(PEER, [presence.segments["eth0"]], 1.1)
