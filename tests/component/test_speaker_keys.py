"""Heartbeats on loopback whose nodes get another secret at different times: who hears whom, and who takes part."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from pylb.core.membership import Membership, State
from pylb.core.model import NodeName
from pylb.speaker.errors import Flaw
from pylb.speaker.heartbeat import Heartbeat, clock
from pylb.speaker.keyring import Keyring
from pylb.speaker.strangers import TELL_AFTER

OLD, NEW = b"the old secret", b"the new secret"
LIMIT_S = 5.0
WATCHED_S = 1.0  # twice what a member may be silent


@dataclass
class Node:
    """A node that takes part as soon as nothing bars it."""

    name: NodeName
    address: str
    secret: bytes
    told: list[NodeName] = field(default_factory=list)
    changes: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.membership = Membership(self.name, hash(self.name) & 0xFFFF, clock())
        ring = Keyring(self.secret)
        self._barred = False
        self.heartbeat = Heartbeat(self.membership, ring, self.changes.extend, lambda: None, self._on_strangers)

    def _on_strangers(self, untold: list[NodeName]) -> None:
        self.told += untold
        if self.heartbeat.barred is self._barred:
            return
        self._barred = self.heartbeat.barred
        act = self.membership.disconnect if self._barred else self.membership.connect
        act(clock())

    def take(self, secret: bytes) -> None:
        self.heartbeat.keys.take(secret, clock())

    @property
    def alive(self) -> set[str]:
        return set(self.membership.alive)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Lan:
    """Nodes that beat to each other."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._port = free_port()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, secret: bytes) -> Node:
        node = Node(NodeName(name), f"127.0.7.{len(self.nodes) + 1}", secret)
        node.heartbeat.open(node.address, self._port)
        self.nodes.append(node)
        for one in self.nodes:
            one.heartbeat.send_to({peer.address: peer.name for peer in self.nodes if peer is not one}, self._port)
        node.heartbeat.strangers.begin(clock())
        node.membership.connect(clock())
        self._tasks.append(asyncio.ensure_future(node.heartbeat.run()))
        return node

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for node in self.nodes:
            node.heartbeat.close()


async def until(what: str, look: Callable[[], object]) -> None:
    end = clock() + LIMIT_S
    while not look():
        assert clock() < end, what
        await asyncio.sleep(0.02)


async def watched() -> None:
    end = clock() + WATCHED_S
    await until("time passes", lambda: clock() >= end)


@pytest.fixture
async def lan() -> AsyncIterator[Lan]:
    made = Lan()
    yield made
    await made.close()


async def test_a_new_secret_that_comes_to_one_node_after_the_other_is_not_noticed(lan: Lan) -> None:
    one, other = lan.start("n1", OLD), lan.start("n2", OLD)
    await until("they hear each other", lambda: one.alive == other.alive == {"n1", "n2"})
    del one.changes[:], other.changes[:]
    for node in (one, other):
        node.take(NEW)
        await watched()
    assert (one.changes, other.changes) == ([], [])
    assert (one.told, other.told) == ([], [])


async def test_who_starts_with_the_new_secret_takes_part_when_the_others_have_it(lan: Lan) -> None:
    """Before that, nobody would hear it, and it would answer for addresses that others answer for."""
    one = lan.start("n1", OLD)
    await until("it takes part", lambda: one.alive == {"n1"})
    late = lan.start("n2", NEW)
    await until("each tells of the other", lambda: (one.told, late.told) == (["n2"], ["n1"]))
    assert late.heartbeat.refused[Flaw.OTHER_KEY] >= TELL_AFTER * 5
    assert late.heartbeat.barred
    assert (late.membership.state, one.membership.state) == (State.JOINING, State.ACTIVE)
    one.take(NEW)
    await until("they hear each other", lambda: one.alive == late.alive == {"n1", "n2"})
    assert not late.heartbeat.barred
    assert late.heartbeat.strangers.nodes(clock()) == one.heartbeat.strangers.nodes(clock()) == {}
