"""The simulated LAN: who can reach whom, what is lost on the way, and who answers a question.

A frame goes from one place to another on one link, in one direction, by what the cuts and the weather say. Each link is
a network of its own, with the same gateway and the same clients on it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address, ip_network

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import Beat
from pylb.core.ownership.evidence import Port
from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.core.ownership.segment import Link
from pylb.sim.client import Client
from pylb.sim.clock import Clock
from pylb.sim.node import Node, mac_of

GATEWAY, CLIENT = NodeName("gateway"), NodeName("client")
GATEWAY_MAC = b"\x02gatew"
NETWORKS = {"eth0": ip_network("10.0.0.0/8"), "eth1": ip_network("172.16.0.0/12")}  # by link


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to a frame on its way: chances, and seconds of delay."""

    loss: float = 0.0
    twice: float = 0.0
    delay: float = 0.0002
    jitter: float = 0.0003
    pulse: float = 0.0  # frames arrive at multiples of it alone, as on a Wi-Fi that saves power


CALM = Weather()


class Lan:
    """Nodes, a gateway and clients on one switch a link."""

    def __init__(self, clock: Clock, dice: random.Random, *, gateway: bool = True, proxy: bool = False) -> None:
        self.clock, self.dice, self.gateway, self.proxy = clock, dice, gateway, proxy
        self.nodes: dict[NodeName, Node] = {}
        self.clients: list[Client] = []
        self.weather = CALM
        self.cuts: set[tuple[str, NodeName, NodeName]] = set()  # (link, from, to): nothing passes
        self.deaf: set[tuple[NodeName, NodeName]] = set()  # (from, to): no beat passes
        self.changes = 0  # of cuts and cables: what was worked out before such a change is stale
        self.frames = self.beats = 0  # sent

    def add(self, node: Node) -> None:
        """Plug a node in."""
        self.nodes[node.name] = node
        node.send, node.ask, node.announce = self.beat, self.ask, self.announce

    def link(self, name: str, node: NodeName) -> Link:
        """A node's end of a link."""
        network = NETWORKS[name]
        return Link(name, mac_of(node, name), (network,), network[1] if self.gateway else None)

    def cut(self, one: NodeName, other: NodeName, link: str | None = None, *, both: bool = True) -> None:
        """Nothing passes from one to the other any more, on one link or on all."""
        for name in NETWORKS if link is None else (link,):
            self.cuts.add((name, one, other))
            if both:
                self.cuts.add((name, other, one))
        self.changes += 1

    def mend(self) -> None:
        """All paths are whole again."""
        self.cuts.clear()
        self.deaf.clear()
        self.changes += 1

    def reaches(self, one: NodeName, other: NodeName, link: str) -> bool:
        """Whether a frame can pass in this direction."""
        if self.cuts and (link, one, other) in self.cuts:
            return False
        return self._is_up(one, link) and self._is_up(other, link)

    def hear_each_other(self, one: NodeName, other: NodeName, link: str) -> bool:
        """Whether beats pass in both directions."""
        pairs = ((one, other), (other, one))
        return all(self.reaches(*pair, link) and pair not in self.deaf for pair in pairs)

    def _is_up(self, name: NodeName, link: str) -> bool:
        node = self.nodes.get(name)
        return node is None or (node.powered and link in node.carriers)

    def send(self, one: NodeName, other: NodeName, link: str, act: Callable[[], None]) -> bool:
        """A frame on its way; whether it arrives."""
        self.frames += 1
        if not self.reaches(one, other, link):
            return False
        weather, chance, sent = self.weather, self.dice.random, False
        for _ in range(2 if weather.twice and chance() < weather.twice else 1):
            if not weather.loss or chance() >= weather.loss:
                when = self.clock.now + weather.delay + chance() * weather.jitter
                if weather.pulse:
                    when = math.ceil(when / weather.pulse) * weather.pulse
                self.clock.at(when, partial(self._arrive, other, link, act))
                sent = True
        return sent

    def _arrive(self, other: NodeName, link: str, act: Callable[[], None]) -> None:
        if self._is_up(other, link):
            act()

    def beat(self, beat: Beat) -> None:
        """A speaker sends its beat to all others on that link."""
        self.beats += len(self.nodes) - 1 if beat.to is None else len(beat.to)
        if self.weather is CALM:  # one event for all of them: most of a run is this
            if self._is_up(beat.node, beat.link):
                delay = CALM.delay + self.dice.random() * CALM.jitter
                self.clock.after(delay, partial(self._hand_out, beat))
            return
        for other in self._meant(beat):
            if other.name != beat.node and (beat.node, other.name) not in self.deaf:
                self.send(beat.node, other.name, beat.link, partial(other.receive, beat))

    def _hand_out(self, beat: Beat) -> None:
        node, link, cuts, deaf = beat.node, beat.link, self.cuts, self.deaf
        for other in self._meant(beat):
            name = other.name
            if name == node or (deaf and (node, name) in deaf) or (cuts and (link, node, name) in cuts):
                continue
            if other.powered and link in other.carriers:
                other.receive(beat)

    def _meant(self, beat: Beat) -> Iterable[Node]:
        """Whom a beat goes to."""
        return self.nodes.values() if beat.to is None else [self.nodes[name] for name in beat.to if name in self.nodes]

    def ask(self, asker: Node, question: Question) -> None:
        """A speaker asks something; what answers, answers by the same rules as on a real LAN."""
        if question.subject is Subject.WITNESS:
            if self.gateway:
                self._round(asker, GATEWAY, question, lambda: GATEWAY_MAC)
            return
        for node in self.nodes.values():
            if node is asker or (question.mac and mac_of(node.name, question.link) != question.mac):
                continue
            reply = self._reply(node, question)
            if reply is not None:
                self._round(asker, node.name, question, reply)
        if self.proxy and question.subject in (Subject.ADDRESS, Subject.NODE):
            self._round(asker, GATEWAY, question, lambda: GATEWAY_MAC)

    def _reply(self, node: Node, question: Question) -> Callable[[], object] | None:
        if question.subject in (Subject.ADDRESS, Subject.PROBE):
            return lambda: node.says(question.address, question.link, bool(question.mac))
        if question.address not in node.addresses:
            return None
        if question.subject is Subject.PORT:
            return lambda: node.kubelet
        return lambda: mac_of(node.name, question.link) if node.powered else None

    def _round(self, asker: Node, other: NodeName, question: Question, reply: Callable[[], object]) -> None:
        def there() -> None:
            found = reply()
            if found is not None:
                self.send(other, asker.name, question.link, lambda: asker.answered(_answer(question, found)))

        self.send(asker.name, other, question.link, there)

    def announce(self, node: Node, address: Address, link: str, mac: bytes) -> None:
        """A gratuitous ARP to everybody: the clients learn it, those that remember."""
        for client in self.clients:
            sent = self.send(node.name, CLIENT, link, partial(client.told, address, mac))
            if not sent:
                client.missed.add(address)

    def macs(self, address: Address, link: str) -> dict[bytes, set[NodeName]]:
        """The MACs that a client is told if it asks for an address now, each with the nodes that say so."""
        found: dict[bytes, set[NodeName]] = {}
        for node in self.nodes.values():
            mac = node.says(address, link, False)
            if mac is not None and self.is_served(node.name, link):
                found.setdefault(mac, set()).add(node.name)
        return found

    def is_served(self, node: NodeName, link: str) -> bool:
        """Whether a client and a node reach each other."""
        return self.reaches(CLIENT, node, link) and self.reaches(node, CLIENT, link)


def link_of(address: Address) -> str:
    """The link that an address belongs to."""
    return next(name for name, network in NETWORKS.items() if isinstance(address, IPv4Address) and address in network)


def _answer(question: Question, found: object) -> Answer:
    if isinstance(found, Port):
        return replace(Answer(question), port=found)
    return Answer(question, mac=found if isinstance(found, bytes) else b"")
