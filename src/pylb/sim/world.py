"""A simulated cluster: nodes on a LAN, addresses, and an API server whose news arrive late. Made from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from pylb.core.model import Address, NodeName, ServiceKey
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.effects import Effect, Took
from pylb.core.ownership.election import Candidate, Verdict, rank
from pylb.core.ownership.evidence import Port
from pylb.core.ownership.lines import Line
from pylb.core.ownership.moves import Move
from pylb.core.reasons import Reason
from pylb.sim.api import Api
from pylb.sim.client import Client
from pylb.sim.clock import Clock
from pylb.sim.lan import GATEWAY, NETWORKS, Lan, link_of
from pylb.sim.node import Node

KUBELET_BOOTS, SPEAKER_BOOTS = 1.5, 2.5  # s after the kernel
RECORDING = 1.0  # s until the API knows a new owner, at most


@dataclass(frozen=True, slots=True)
class Size:
    """What a world is made of."""

    nodes: int = 3
    addresses: int = 3
    links: int = 1
    gateway: bool = True
    proxy: bool = False  # a box that answers ARP for every node, with its own MAC
    api_lag: float = 0.2  # s that the API's news are late, at most
    boot: float = 0.5  # s over which the speakers start


class World:
    """The whole, ready to `run`. `watchers` hear of each node's effects."""

    def __init__(self, size: Size, seed: int) -> None:
        self.size, self.clock, self.dice = size, Clock(), random.Random(seed)  # noqa: S311 - replayable on purpose
        self.lan = Lan(self.clock, self.dice, gateway=size.gateway, proxy=size.proxy)
        self.client = Client()
        self.lan.clients.append(self.client)
        self.names = [NodeName(f"n{i + 1}") for i in range(size.nodes)]
        self.links = list(NETWORKS)[: size.links]
        self.addresses = [self._address(i) for i in range(size.addresses)]
        self.excluded: set[NodeName] = set()
        self.drained: set[NodeName] = set()
        self.failback = False  # addresses go back to the first in line
        self.moves: dict[Address, Move] = {}  # that are asked for
        self.api = Api(self.clock, self.lan.nodes, size.api_lag, seed)
        self.recorded: dict[Address, Claim] = {}
        self.watchers: list[Callable[[Node, list[Effect]], None]] = []
        self.lines = self._lines()
        homes = {name: tuple(self._home(i, link) for link in self.links) for i, name in enumerate(self.names)}
        for name in self.names:
            node = Node(self.clock, name, homes[name], [self.lan.link(link, name) for link in self.links])
            node.nodes, node.recorded, node.lines, node.on_effects = homes, self.recorded, self.lines, self._note
            node.publish = self.api.turn
            self.lan.add(node)
            self.clock.at(self.dice.random() * size.boot, node.start)

    @property
    def api_up(self) -> bool:
        """Whether the API server answers."""
        return self.api.up

    @api_up.setter
    def api_up(self, up: bool) -> None:
        self.api.up = up

    @property
    def nodes(self) -> dict[NodeName, Node]:
        """The machines by name."""
        return self.lan.nodes

    def _address(self, index: int) -> Address:
        network = NETWORKS[self.links[index % len(self.links)]]
        return IPv4Address(int(network.network_address) + 0x90000 + index + 1)

    @staticmethod
    def _home(index: int, link: str) -> Address:
        return IPv4Address(int(NETWORKS[link].network_address) + 10 + index)

    def _lines(self) -> list[Line]:
        left = [Candidate(name) for name in self.names if name not in self.excluded]
        gone = dict.fromkeys(self.excluded, Reason.NODE_EXCLUDED)
        reason = None if left else Reason.NODE_EXCLUDED
        return [
            Line(
                address,
                (ServiceKey(f"default/s{i}"),),
                Verdict(rank(address, left), gone, reason),
                "pool",
                *self._wishes(address),
            )
            for i, address in enumerate(self.addresses)
        ]

    def _wishes(self, address: Address) -> tuple[bool, tuple[Move, ...]]:
        return self.failback, (self.moves[address],) if address in self.moves else ()

    def exclude(self, node: NodeName, yes: bool = True) -> None:
        """A label says that a node is to announce nothing (any more); each node learns it at its own time."""
        (self.excluded.add if yes else self.excluded.discard)(node)
        self._tell_all()

    def ask(self, moves: dict[Address, Move]) -> None:
        """Somebody asks for moves; each node learns it at its own time."""
        self.moves = {**self.moves, **moves}
        self._tell_all()

    def go_back(self, yes: bool) -> None:
        """Addresses go back to the first in line (no more), as each node learns at its own time."""
        self.failback = yes
        self._tell_all()

    def drain(self, node: NodeName, yes: bool = True) -> None:
        """A node is to own nothing (any more); it learns that at its own time."""
        (self.drained.add if yes else self.drained.discard)(node)
        late = self.dice.random() * self.size.api_lag
        self.clock.after(late, lambda: self.nodes[node].drain(node in self.drained))

    def _tell_all(self) -> None:
        self.lines = self._lines()
        for one in self.nodes.values():
            self.clock.after(self.dice.random() * self.size.api_lag, partial(self._tell, one, self.lines))

    def _tell(self, node: Node, lines: list[Line]) -> None:
        if lines is self.lines:  # else newer ones are on their way
            node.tell(lines)

    def boot(self, node: Node) -> None:
        """Power is back: kernel, kubelet and speaker start one after the other."""
        node.power_on()
        starts = node.starts

        def kubelet() -> None:
            if node.powered:
                node.kubelet = Port.ACCEPTS

        self.clock.after(KUBELET_BOOTS, kubelet)
        self.clock.after(SPEAKER_BOOTS, lambda: node.start() if node.starts == starts else None)

    def _note(self, node: Node, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Took):
                delay = self.dice.random() * RECORDING
                self.clock.after(delay, partial(self._record, effect.line.address, node))
        for watcher in self.watchers:
            watcher(node, effects)

    def _record(self, address: Address, node: Node) -> None:
        seat = node.arbiter.seats.get(address) if node.arbiter is not None else None
        if self.api_up and seat is not None and seat.mine is not None:
            self.recorded = {**self.recorded, address: seat.mine.claim}
            for one in self.nodes.values():
                one.recorded = self.recorded

    def is_able(self, node: Node, link: str) -> bool:
        """Whether a node could serve clients on a link: its speaker runs, and gateway and clients reach it."""
        if (
            node.arbiter is None
            or node.frozen
            or node.kubelet is not Port.ACCEPTS
            or node.name in self.excluded | self.drained
        ):
            return False
        gateway = not self.size.gateway or all(
            self.lan.reaches(*pair, link) for pair in ((node.name, GATEWAY), (GATEWAY, node.name))
        )
        return gateway and self.lan.is_served(node.name, link)


__all__ = ["Size", "World", "link_of"]
