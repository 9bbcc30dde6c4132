"""The beats' socket, on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from pylb.speaker.beat import MAX_BYTES
from pylb.speaker.wire import BeatSocket, Peer

WAIT = 5.0  # s: a bound, not a pause


class Ear:
    """Takes datagrams in."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, Peer]] = []
        self.ready = asyncio.Event()

    def __call__(self, datagram: bytes, peer: Peer) -> None:
        self.heard.append((datagram, peer))
        self.ready.set()


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as open_socket:
        open_socket.bind(("127.0.0.1", 0))
        yield open_socket


async def test_a_datagram_arrives_with_its_sender() -> None:
    ear = Ear()
    here, there = BeatSocket("127.0.0.1", 0, Ear()), BeatSocket("127.0.0.1", 0, ear)
    assert here.send(b"beat", ("127.0.0.1", there.port))
    await asyncio.wait_for(ear.ready.wait(), WAIT)
    assert ear.heard == [(b"beat", ("127.0.0.1", here.port))]
    here.close()
    there.close()
    there.close()


async def test_what_is_too_long_is_recognised_as_such(sender: socket.socket) -> None:
    ear = Ear()
    there = BeatSocket("127.0.0.1", 0, ear)
    sender.sendto(b"x" * 9000, ("127.0.0.1", there.port))
    await asyncio.wait_for(ear.ready.wait(), WAIT)
    assert len(ear.heard[0][0]) == MAX_BYTES + 1
    there.close()


async def test_flush_throws_away_what_is_queued(sender: socket.socket) -> None:
    ear = Ear()
    there = BeatSocket("127.0.0.1", 0, ear)
    for _ in range(7):
        sender.sendto(b"old", ("127.0.0.1", there.port))
    assert there.flush() == 7
    sender.sendto(b"new", ("127.0.0.1", there.port))
    await asyncio.wait_for(ear.ready.wait(), WAIT)
    assert [datagram for datagram, _ in ear.heard] == [b"new"]
    there.close()


async def test_closing_while_datagrams_are_handed_on_ends_it(sender: socket.socket) -> None:
    heard: list[bytes] = []
    closed = asyncio.Event()

    def close(datagram: bytes, _: Peer) -> None:
        heard.append(datagram)
        there.close()
        closed.set()

    there = BeatSocket("127.0.0.1", 0, close)
    for _ in range(3):
        sender.sendto(b"beat", ("127.0.0.1", there.port))
    await asyncio.wait_for(closed.wait(), WAIT)
    assert heard == [b"beat"]


async def test_a_datagram_that_cannot_be_sent_is_lost_not_fatal() -> None:
    here = BeatSocket("127.0.0.1", 0, Ear())
    assert not here.send(b"beat", ("203.0.113.1", 9))  # loopback is no way to there
    assert not here.send(b"x" * 70_000, ("127.0.0.1", 9))
    here.close()


async def test_a_port_that_is_not_free_is_the_callers_to_know() -> None:
    with pytest.raises(OSError):
        BeatSocket("203.0.113.1", 7946, Ear())
