"""The heartbeat without a network: when beats go out, under which keys, and what becomes of datagrams that come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.arbiter import TICK, Arbiter
from pylb.core.ownership.beats import INTERVAL, STRIDE, State
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.core.ownership.presence import LISTEN
from pylb.speaker import beat as frame
from pylb.speaker import heartbeat as room
from pylb.speaker import surroundings
from pylb.speaker.datagram import MAX_MACS
from pylb.speaker.errors import Flaw
from pylb.speaker.heartbeat import Heartbeat
from pylb.speaker.keyring import Keyring
from pylb.speaker.links import Link
from pylb.speaker.wire import Peer

SECRET, OTHER = b"a secret", b"another secret"
PORT = 7946
NODES = {NodeName(f"n{number}"): f"10.0.0.{number}" for number in (1, 2)}


class Socket:
    """Stands for the UDP socket."""

    def __init__(self, address: str, port: int, take: Callable[[bytes, Peer], None]) -> None:
        self.take = take
        self.sent: list[tuple[bytes, Peer]] = []
        self.works, self.flushed, self.closed = True, 0, 0

    def send(self, datagram: bytes, peer: Peer) -> bool:
        self.sent.append((datagram, peer))
        return self.works

    def flush(self) -> int:
        self.flushed += 1
        return 0

    def close(self) -> None:
        self.closed += 1


class One:
    """A node and its heartbeat."""

    def __init__(self, name: str, secret: bytes, monkeypatch: pytest.MonkeyPatch, clock: Callable[[], float]) -> None:
        monkeypatch.setattr(room, "BeatSocket", Socket)
        monkeypatch.setattr(room, "clock", clock)
        node = NodeName(name)
        self.turns: list[float] = []
        self.untold: list[list[NodeName]] = []
        self.address = NODES[node]
        self.arbiter = Arbiter(node, int(name[1:]), 0.0)
        self.beats = Heartbeat(self.arbiter, Keyring(secret), self.turns.append, self.untold.append)
        self.beats.open(self.address, PORT)
        self.socket: Socket = self.beats._socket  # type: ignore[assignment]
        mac = b"\2\0\0\0\0" + bytes([int(name[1:])])
        link = Link(2, "eth0", mac, True, True, True, addresses=(IPv4Interface(f"{self.address}/24"),))
        self.beats.take_links((link,))
        self.arbiter.use([surroundings.as_core(link)], 0.0)
        self.arbiter.ready(True, 0.0)
        self.beats.send_to({address: other for other, address in NODES.items() if other != node}, PORT)


class Pair:
    """Two of them, and the time that they share."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, other: bytes = SECRET) -> None:
        self.now = 0.0
        self.n1, self.n2 = (
            One(name, secret, monkeypatch, lambda: self.now) for name, secret in (("n1", SECRET), ("n2", other))
        )

    def run(self, seconds: float) -> None:
        """Time passes; what is sent arrives at once."""
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            for sender, receiver in ((self.n1, self.n2), (self.n2, self.n1)):
                before = len(sender.socket.sent)
                sender.beats._turn(self.now)
                for datagram, _ in sender.socket.sent[before:]:
                    receiver.socket.take(datagram, (sender.address, PORT))


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Pair:
    return Pair(monkeypatch)


def numbers(one: One) -> list[int]:
    [key] = Keyring(SECRET).valid(0.0)
    return [frame.decode(datagram, key.signing).sequence for datagram, _ in one.socket.sent]


def test_beats_go_out_each_interval_and_time_passes_each_tick(pair: Pair) -> None:
    pair.run(0.5)
    assert (len(pair.n1.turns), len(pair.n1.socket.sent)) == (round(0.5 / TICK), round(0.5 / INTERVAL))
    assert {peer for _, peer in pair.n1.socket.sent} == {(NODES[NodeName("n2")], PORT)}
    assert numbers(pair.n1) == [STRIDE * number for number in range(1, 6)]


def test_what_changed_is_told_at_once(pair: Pair) -> None:
    pair.run(2 * LISTEN)
    before = len(pair.n1.socket.sent)
    pair.n1.beats._turn(pair.now)
    assert len(pair.n1.socket.sent) == before
    pair.n1.beats.beat_now()
    pair.n1.beats._turn(pair.now)
    pair.n1.arbiter.end(State.RESTARTING)
    pair.n1.beats._turn(pair.now)
    assert len(pair.n1.socket.sent) == before + 2


def test_two_that_hear_each_other_know_it(pair: Pair) -> None:
    pair.run(2 * LISTEN)
    assert (pair.n1.arbiter.presence.members, pair.n2.arbiter.presence.members) == (["n2"], ["n1"])
    assert pair.n1.beats.heard == len(pair.n2.socket.sent)
    [segment] = pair.n1.arbiter.presence.segments.values()
    assert segment.peers.hears_us(NodeName("n2"), pair.now)


def test_what_one_answers_for_is_what_the_other_hears(pair: Pair) -> None:
    addresses = [IPv4Address(f"10.0.0.{last}") for last in range(100, 200)]
    for one in (pair.n1, pair.n2):
        one.arbiter.follow([Line(address, (), Verdict(ranking=(*NODES,))) for address in addresses], {}, 0.0)
    pair.run(4 * LISTEN)
    assert set(pair.n1.arbiter.answered) == set(addresses)
    assert {pair.n2.arbiter.owner(address) for address in addresses} == {"n1"}


def test_a_datagram_of_another_key_is_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(monkeypatch, other=OTHER)
    pair.n1.beats.strangers.begin(0.0)
    pair.run(2.0)
    assert pair.n1.beats.refused == {Flaw.OTHER_KEY: len(pair.n2.socket.sent)}
    assert (pair.n1.beats.heard, pair.n1.arbiter.presence.members) == (0, [])
    assert [told for told in pair.n1.untold if told] == [["n2"]]


def test_noise_is_counted_and_nothing_else(pair: Pair) -> None:
    [key] = Keyring(SECRET).valid(0.0)
    datagram = frame.encode(frame.Beat(key.cluster, "n2", frame.State.ACTIVE, 1, 1), key.signing)
    for noise in (b"", b"hello" * 20, b"x" * 5000, datagram[:-1] + b"?"):
        pair.n1.socket.take(noise, ("10.0.0.2", PORT))
    assert sum(pair.n1.beats.refused.values()) == 4
    assert pair.n1.beats.heard == 0


def test_while_the_key_changes_beats_go_out_under_both(pair: Pair) -> None:
    pair.run(0.2)
    before = len(pair.n1.socket.sent)
    pair.n1.beats.keys.take(OTHER, pair.now)
    pair.run(INTERVAL)
    assert len(pair.n1.socket.sent) == before + 2
    assert pair.n2.beats.refused[Flaw.OTHER_KEY] == 1
    assert pair.n2.beats.heard == before + 1


def test_what_cannot_be_sent_is_counted(pair: Pair) -> None:
    pair.n1.socket.works = False
    pair.run(0.5)
    assert (pair.n1.beats.sent, pair.n1.beats.lost) == (0, len(pair.n1.socket.sent))


def test_a_replayed_datagram_renews_nothing(pair: Pair) -> None:
    pair.run(2 * LISTEN)
    datagram, _ = pair.n2.socket.sent[-1]
    peer = next(iter(pair.n1.arbiter.presence.segments.values())).peers.get(NodeName("n2"))
    assert peer is not None
    heard, pair.now = peer.heard, pair.now + 1.0
    pair.n1.socket.take(datagram, ("10.0.0.2", PORT))
    assert peer.heard == heard
    [segment] = pair.n1.arbiter.presence.segments.values()
    assert segment.peers.stale == 1


def test_after_a_stall_what_queued_is_thrown_away(pair: Pair) -> None:
    pair.n1.beats.flush()
    assert pair.n1.socket.flushed == 1


def test_it_may_be_closed_twice_and_before_it_was_opened(pair: Pair) -> None:
    pair.n1.beats.close()
    pair.n1.beats.close()
    closed = Heartbeat(pair.n1.arbiter, Keyring(SECRET), lambda now: None)
    closed.close()
    closed.flush()
    assert pair.n1.socket.closed == 2


def test_more_links_than_a_beat_can_name_are_cut(pair: Pair) -> None:
    network = (IPv4Interface("10.0.0.1/24"),)
    links = tuple(
        Link(number, f"eth{number}", bytes([2, 0, 0, 0, 0, number]), True, True, True, addresses=network)
        for number in range(MAX_MACS + 5)
    )
    pair.n1.beats.take_links(links)
    pair.run(0.5)
    assert pair.n2.beats.heard == len(pair.n1.socket.sent) > 0


async def test_the_next_turn_comes_when_the_arbiter_wants_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that questions are put again in time, and nothing wakes more often while all is well."""
    loop, waits = asyncio.get_running_loop(), list[float]()

    def soon(delay: float, act: Callable[[], None]) -> asyncio.Handle:
        waits.append(delay)
        return loop.call_soon(act)

    monkeypatch.setattr(loop, "call_later", soon)
    pair.n1.beats._next_beat = pair.now + 1.0
    for due in (0.06, 5.0):
        monkeypatch.setattr(pair.n1.arbiter, "next_tick", lambda now, due=due: now + due)
        await pair.n1.beats._wait(pair.now)
    assert waits == pytest.approx([0.06, 1.0])
