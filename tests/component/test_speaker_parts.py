"""Heartbeats on loopback of nodes that go by a part of the configuration and of those that know the whole."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from pylb.core.membership import Membership, State
from pylb.core.model import NodeName
from pylb.speaker.heartbeat import Heartbeat, clock
from pylb.speaker.keyring import Keyring

LIMIT_S = 5.0
ADDRESSES = {NodeName("n1"): "127.0.8.1", NodeName("n2"): "127.0.8.2"}


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Nodes:
    """Two nodes that beat to each other, each as soon as it is started."""

    def __init__(self) -> None:
        self._port = free_port()
        self._running: dict[NodeName, tuple[Heartbeat, asyncio.Task[None]]] = {}

    def start(self, name: NodeName, *, partial: bool) -> Membership:
        member = Membership(name, hash(name) & 0xFFFF, clock())
        member.go_by(partial, clock())
        beats = Heartbeat(member, Keyring(b"a secret of some length"), lambda changes: None, lambda: None)
        beats.open(ADDRESSES[name], self._port)
        beats.send_to({address: other for other, address in ADDRESSES.items() if other != name}, self._port)
        member.connect(clock())
        self._running[name] = beats, asyncio.ensure_future(beats.run())
        return member

    async def stop(self, name: NodeName) -> None:
        beats, task = self._running.pop(name)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        beats.close()


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    made = Nodes()
    yield made
    for name in list(made._running):
        await made.stop(name)


async def until(what: str, look: Callable[[], object]) -> None:
    end = clock() + LIMIT_S
    while not look():
        assert clock() < end, what
        await asyncio.sleep(0.02)


async def test_a_part_takes_part_when_nobody_knows_the_whole_any_more(nodes: Nodes) -> None:
    n1, n2 = ADDRESSES
    whole = nodes.start(n1, partial=False)
    await until("it takes part", lambda: whole.alive == {n1})
    part = nodes.start(n2, partial=True)
    await until("it hears it", lambda: part.alive == {n1})
    await until("it is heard", lambda: n2 in whole.members)
    assert (whole.alive, part.state) == ({n1}, State.JOINING)
    await nodes.stop(n1)
    await until("it takes part", lambda: part.alive == {n2})
    again = nodes.start(n1, partial=True)
    await until("both do", lambda: part.alive == again.alive == {n1, n2})
