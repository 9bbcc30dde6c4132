"""What happened in a simulated cluster so far, as far as its invariants ask: who was hurt, cut off, able, and who owned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pylb.core.model import Address, NodeName
from pylb.core.ownership.claims import Cause
from pylb.core.ownership.effects import Dropped, Effect, Took
from pylb.core.ownership.evidence import Port
from pylb.core.ownership.witness import LOST
from pylb.sim.lan import CALM, CLIENT, GATEWAY
from pylb.sim.node import Node
from pylb.sim.scenario import OWN, Disaster
from pylb.sim.world import World, link_of

BOOT = 3.0  # s from power or Kubernetes to a running speaker, and a bit
NOTICED = 0.9  # s without gateway and clients that a node is sure to notice
UNHEARD = 0.5  # s in which nobody can know what befell another
UNNOTICED = LOST - 0.05  # and within which it cannot, looked at now and then
NEVER = float("-inf")
FORGETTING = ("kill", "terminate", "freeze", "jump", "power", "stop", "mute", "restart_all", "restart_all_without_api")
PROCESS = ("kill", "terminate", "freeze", "jump")  # a speaker in trouble on a node that serves
Pair = tuple[NodeName, NodeName, str]


@dataclass(frozen=True, slots=True)
class Scar:
    """That a node was itself disturbed, and until when."""

    node: NodeName
    start: float
    end: float
    kind: str


class Chronicle:
    """Times of a world, in its seconds. `note` is to be called at each change, `look` at each step."""

    def __init__(self, world: World, disasters: Iterable[Disaster]) -> None:
        self.world = world
        self.scars = [scar for one in disasters for scar in _scars(world, one)]
        self.able: dict[tuple[NodeName, str], float] = {}  # since when a node could serve on a link
        self.started: dict[NodeName, tuple[int, float]] = {}  # each speaker's number of starts, and the last
        self.owning: dict[tuple[NodeName, Address], float] = {}
        self.holder: dict[Address, tuple[NodeName, float]] = {}  # who took it last, and when
        self.apart: dict[Pair, float] = {}  # when two nodes last did not hear each other
        self.cut: dict[tuple[NodeName, str], float] = {}  # when a node was last cut off so that it must have noticed
        self.shaken: dict[tuple[NodeName, str], float] = {}  # and so that it may have
        self.uneven = 0.0  # when something else than a speaker was last in trouble
        self.rough = NEVER  # when there was weather
        self._cut_since: dict[tuple[NodeName, str], float] = {}

    def is_scarred(self, node: NodeName, start: float, end: float, *kinds: str) -> bool:
        """Whether something (of some kinds) befell a node itself at that time."""
        return any(
            scar.node == node and scar.start <= end and scar.end >= start and (not kinds or scar.kind in kinds)
            for scar in self.scars
        )

    def is_unsteady(self, node: NodeName, link: str, since: float, now: float) -> bool:
        """Whether a node was surely restarted, held up or without its witness."""
        return self.is_scarred(node, since, now, *FORGETTING) or self.cut.get((node, link), NEVER) >= since

    def is_steady(self, node: NodeName, link: str, since: float, now: float) -> bool:
        """Whether it surely was not."""
        return not self.is_scarred(node, since, now, *FORGETTING) and self.shaken.get((node, link), NEVER) < since

    def owns(self, node: Node, address: Address) -> bool:
        """Whether a node answers for an address with its own MAC."""
        arbiter = node.arbiter
        return arbiter is not None and arbiter.answers().get(address, b"") is None

    def note(self, node: Node, effects: list[Effect], now: float) -> None:
        """What a node did, after it was judged."""
        for effect in effects:
            if isinstance(effect, Took) and effect.cause is not Cause.CONTESTED:
                self.owning[node.name, effect.line.address] = now
                self.holder[effect.line.address] = node.name, now
            elif isinstance(effect, Dropped):
                self.owning.pop((node.name, effect.address), None)
                if effect.to is not None:
                    self.holder[effect.address] = effect.to, now

    def look(self, now: float) -> None:
        """What cannot be told from effects."""
        world = self.world
        nodes = world.nodes.values()
        if world.lan.weather is not CALM:
            self.rough = self.uneven = now
        whole = (
            not world.lan.cuts
            and not world.lan.deaf
            and all(n.powered and len(n.carriers) == len(n.links) for n in nodes)
        )
        if not whole or world.lan.weather.pulse > UNNOTICED / 2:  # whoever asks its witness waits for two of them
            self._look_at_paths(now)
        elif self._cut_since:
            self._cut_since.clear()
        if not whole or world.excluded or now < BOOT or any(n.kubelet is not Port.ACCEPTS for n in nodes):
            self.uneven = now
        for node in nodes:
            if node.starts != self.started.get(node.name, (0, 0.0))[0]:
                self.started[node.name] = node.starts, now

    def _look_at_paths(self, now: float) -> None:
        world = self.world
        for link in world.links:
            for i, one in enumerate(world.names):
                for other in world.names[:i]:
                    if not world.lan.hear_each_other(one, other, link):
                        self.apart[pair_of(one, other, link)] = now
                pairs = ((one, GATEWAY), (GATEWAY, one), (one, CLIENT), (CLIENT, one))
                if world.lan.weather.pulse > UNNOTICED / 2:
                    self.shaken[one, link] = now
                if all(world.lan.reaches(*pair, link) for pair in pairs):
                    self._cut_since.pop((one, link), None)
                    continue
                since = self._cut_since.setdefault((one, link), now)
                if now >= since + UNNOTICED:
                    self.shaken[one, link] = now
                if now >= since + NOTICED:
                    self.cut[one, link] = now

    def look_who_is_able(self, now: float) -> None:
        """After a change of anything."""
        for node in self.world.nodes.values():
            for link in self.world.links:
                if self.world.is_able(node, link):
                    self.able.setdefault((node.name, link), now)
                else:
                    self.able.pop((node.name, link), None)

    def apart_at(self, node: NodeName, since: float) -> bool:
        """Whether a node and any other did not hear each other lately."""
        return any(node in pair[:2] and at >= since for pair, at in self.apart.items())

    def is_from_the_api(self, address: Address, since: float) -> bool:
        """Whether its owner fell silent when others may have known it by the API alone: they believe that for a while."""
        holder = self.holder.get(address, (None, 0.0))[0]
        apart = (at for pair, at in self.apart.items() if holder in pair[:2])
        return self.world.api_up and any(abs(at - since) <= UNHEARD for at in apart)

    def is_provisional(self, address: Address) -> bool:
        """Whether somebody owns it who does not know yet whether another took it: he announces it in the end."""
        seats = (n.arbiter.seats.get(address) for n in self.world.nodes.values() if n.arbiter is not None)
        return any(seat is not None and seat.mine is not None and seat.mine.claim.provisional for seat in seats)

    def is_half_heard(self, address: Address) -> bool:
        """Whether the owner is one that others hear, on the LAN or through the API, and clients cannot reach.

        Where there is a gateway to ask, somebody finds that out, and the address goes to another node.
        """
        world, link = self.world, link_of(address)
        for name, owned in self.owning:
            node = world.nodes[name]
            if owned != address or node.arbiter is None or world.lan.is_served(name, link):
                continue
            others = [other for other in world.names if other != name]
            if world.api_up or any(world.lan.reaches(name, other, link) for other in others):
                return True
        return False


def pair_of(one: NodeName, other: NodeName, link: str) -> Pair:
    """The key of two nodes on a link."""
    return (one, other, link) if one < other else (other, one, link)


def _scars(world: World, one: Disaster) -> list[Scar]:
    end = one.at if one.kind == "jump" else one.until + (BOOT if one.kind in ("power", "stop", "mute") else 0.0)
    names: Iterable[NodeName] = ()
    if one.kind in OWN or one.kind == "cut_off":
        names = one.nodes
    elif one.kind.startswith("restart_all"):
        names = world.names
    elif one.kind.startswith("split"):
        names = one.nodes if world.size.gateway else world.names
    return [Scar(name, one.at, end, one.kind) for name in names]
