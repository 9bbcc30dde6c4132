"""Nodes that beat to each other on loopback: the heartbeat with an arbiter each, and nothing else of a speaker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Interface

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import State
from pylb.core.ownership.effects import Effect
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.core.ownership.questions import Question
from pylb.speaker import surroundings
from pylb.speaker.heartbeat import Heartbeat, clock
from pylb.speaker.keyring import Keyring
from pylb.speaker.links import Link

LIMIT_S = 5.0
SECRET = b"a secret of some length"


class Node:
    """A node that takes part as soon as nothing bars it."""

    def __init__(self, name: NodeName, address: str, secret: bytes, incarnation: int) -> None:
        self.name, self.address = name, address
        self.told: list[NodeName] = []
        self.effects: list[Effect] = []
        self.questions: list[Question] = []  # which nobody answers
        self.arbiter = Arbiter(name, incarnation, clock())
        self.heartbeat = Heartbeat(self.arbiter, Keyring(secret), self._on_turn, self._on_strangers)
        mac = b"\2\0\0\0\0" + bytes([int(address.rpartition(".")[2])])
        self.link = Link(2, "eth0", mac, True, True, True, addresses=(IPv4Interface(f"{address}/24"),))
        self.plug(True)

    def plug(self, up: bool) -> None:
        """Its one cable is in, or out."""
        links = (self.link,) if up else ()
        self.heartbeat.take_links(links)
        self.arbiter.use([surroundings.as_core(link) for link in links], clock())

    def _on_turn(self, now: float) -> None:
        self.effects += self.arbiter.effects()
        self.questions += self.arbiter.questions(now)

    def _on_strangers(self, untold: list[NodeName]) -> None:
        self.told += untold
        self.arbiter.ready(not self.heartbeat.barred, clock())

    def take(self, secret: bytes) -> None:
        """The cluster's secret is another one."""
        self.heartbeat.keys.take(secret, clock())

    def want(self, lines: Iterable[tuple[Address, tuple[NodeName, ...]]]) -> None:
        """These are the addresses, with the line of nodes of each."""
        found = [Line(address, (), Verdict(ranking=ranking)) for address, ranking in lines]
        self.arbiter.follow(found, {node: () for line in found for node in line.verdict.ranking}, clock())

    @property
    def alive(self) -> set[str]:
        """Those that take part, as it sees them."""
        return {*self.arbiter.presence.members, *([self.name] if self.arbiter.state is State.ACTIVE else [])}


class Lan:
    """The nodes of one network; `net` is what their addresses begin with."""

    def __init__(self, net: str) -> None:
        self.net, self.port = net, _free_port()
        self.nodes: dict[NodeName, Node] = {}
        self._tasks: dict[NodeName, asyncio.Task[None]] = {}
        self._started = 0
        self._guests: dict[str, NodeName] = {}

    def invite(self, name: str, last: int) -> tuple[str, int]:
        """A node that the test plays itself: where it is to hear beats."""
        address = f"{self.net}.{last}"
        self._guests[address] = NodeName(name)
        self._introduce()
        return address, self.port

    def start(self, name: str, secret: bytes = SECRET, *, partial: bool = False) -> Node:
        """Start a node, maybe again."""
        self._started += 1
        place = int(name[1:])
        node = Node(NodeName(name), f"{self.net}.{place}", secret, self._started)
        node.heartbeat.open(node.address, self.port)
        self.nodes[node.name] = node
        self._introduce()
        node.heartbeat.strangers.begin(clock())
        node.arbiter.presence.go_by(partial, clock())
        node.arbiter.ready(True, clock())
        self._tasks[node.name] = asyncio.ensure_future(node.heartbeat.run())
        return node

    def _introduce(self) -> None:
        known = {**self._guests, **{node.address: node.name for node in self.nodes.values()}}
        for one in self.nodes.values():
            others = {address: name for address, name in known.items() if name != one.name}
            one.heartbeat.send_to(others, self.port)
            one.heartbeat.strangers.vouch({node.name: {node.heartbeat.keys.name} for node in self.nodes.values()})

    async def stop(self, name: str) -> None:
        """The speaker of a node dies."""
        node, task = self.nodes.pop(NodeName(name)), self._tasks.pop(NodeName(name))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        node.heartbeat.close()

    async def close(self) -> None:
        """Stop all."""
        for name in list(self.nodes):
            await self.stop(name)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def until(what: str, look: Callable[[], object], seconds: float = LIMIT_S) -> None:
    """Wait until something is so."""
    end = clock() + seconds
    while not look():
        assert clock() < end, what
        await asyncio.sleep(0.02)


async def watched(seconds: float) -> None:
    """Let time pass."""
    end = clock() + seconds
    await until("time passes", lambda: clock() >= end, seconds + LIMIT_S)
