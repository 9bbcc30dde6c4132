"""What must hold in a simulated cluster whatever befalls it, looked at every 20 ms of its time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pylb.core.effects import Dropped, Effect, Took
from pylb.core.model import Address, NodeName
from pylb.core.reasons import Reason
from pylb.sim.lan import CALM, CLIENT, GATEWAY
from pylb.sim.node import Node
from pylb.sim.scenario import OWN, Disaster, Scenario, stage
from pylb.sim.world import World, link_of

STEP = 0.02  # s between two looks
TWO_MACS = 1.0  # s for which two MACs may be answered by nodes that hear each other
UNANSWERED = 2.5  # s for which an address may be answered by nobody, while a node could
COLD = 14.0  # s of that after a start of a node that remembers no owner: one that the API names is waited for
STOOD_IN = 0.5  # s of that where only a speaker fell silent, and its node serves
HANDED_OVER = 0.2  # s of that where a speaker was asked to end
MUTE = 6.0  # s for which an address may be answered with the MAC of a node whose kubelet is silent
STALE_CLIENT = 2.0  # s for which a client may believe another MAC than the one that is answered
GRACE = 6.0  # s after a disaster in which its node may still lose what it had: a claim is provisional for 5 s
KNOWN = 3.0  # s for which two nodes must have heard each other for one to know the other's claims
NOTICED = 0.9  # s without gateway and clients that a node is sure to notice
FORGETTING = ("kill", "terminate", "freeze", "jump", "power", "stop", "mute", "restart_all", "restart_all_without_api")
UNKNOWING = ("pause", "exclude")  # its clock says that nothing happened; or it could not serve for a while
BOOT = 3.0  # s from power or Kubernetes to a running speaker, and a bit


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold."""

    at: float
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:.3f} {self.rule}: {self.text}"


@dataclass(frozen=True, slots=True)
class Scar:
    """That a node was itself disturbed, and until when that may matter."""

    node: NodeName
    start: float
    end: float
    kind: str


class Watch:
    """Looks at a world while it runs."""

    def __init__(self, world: World, disasters: Iterable[Disaster]) -> None:
        self.world, self.broken = world, list[Broken]()
        self._disasters = tuple(disasters)
        self._scars = [scar for one in self._disasters for scar in _scars(world, one)]
        self._seen: object = None
        self._facts: dict[Address, dict[bytes, set[NodeName]]] = {}
        self._twice: dict[tuple[Address, NodeName, NodeName], float] = {}
        self._empty: dict[Address, float] = {}
        self._able: dict[tuple[NodeName, str], float] = {}
        self._believed: dict[Address, float] = {}  # since when a client believes what is not answered
        self._holder: dict[Address, tuple[NodeName, float]] = {}  # who owns, as far as anybody does, and since when
        self._idle: dict[Address, float] = {}  # since when the MAC of a node that does not serve is answered
        self._rough = self._uneven = 0.0  # when there was weather, or anything else than a speaker in trouble, at last
        self._owning: dict[tuple[NodeName, Address], float] = {}
        self._apart: dict[tuple[NodeName, NodeName, str], float] = {}  # when two nodes last did not hear each other
        self._cut: dict[tuple[NodeName, str], float] = {}  # when a node last did not reach gateway and clients
        self._cut_since: dict[tuple[NodeName, str], float] = {}
        world.watchers.append(self.note)

    def run(self, lasts: float) -> list[Broken]:
        """Let the world run; stop at the first thing that is broken."""
        steps = int(lasts / STEP)
        for step in range(1, steps + 1):
            self.world.clock.run(step * STEP)
            self.look()
            if self.broken:
                break
        return self.broken

    def note(self, node: Node, effects: list[Effect]) -> None:
        """What a node did."""
        now = self.world.clock.now
        self._note_paths(now)
        for effect in effects:
            if isinstance(effect, Took):
                address = effect.line.address
                for other in self.world.nodes.values():
                    if other is not node:
                        self._check_move(node, other, address, effect, now)
                self._check_speaker(node, address, effect, now)
                self._owning[node.name, address] = now
                self._holder[address] = node.name, now
            elif isinstance(effect, Dropped):
                since = self._owning.pop((node.name, effect.address), now)
                if effect.to is not None:
                    self._holder[effect.address] = effect.to, now
                if effect.reason is Reason.NOT_ELECTED and effect.to is not None:
                    self._check_loss(node, effect, since, now)

    def _check_move(self, node: Node, other: Node, address: Address, took: Took, now: float) -> None:
        """Nobody takes what a node owns that nothing befell, and that is heard."""
        owns = other.arbiter is not None and address in other.arbiter.answers() and address in other.arbiter.owned
        if not owns or (other.name, address) not in self._owning or other.name in self.world.excluded:
            return
        if self.is_scarred(other.name, now - GRACE, now) or now < self._owning[other.name, address] + KNOWN:
            return
        link = link_of(address)
        pair = self._pair(node.name, other.name, link)
        if now < self._apart.get(pair, -KNOWN) + KNOWN or now < self._cut.get((other.name, link), -GRACE) + GRACE:
            return
        text = f"{node.name} took {address} ({took.cause}) from {other.name}, which nothing befell"
        self.broken.append(Broken(now, "no move without a cause", text))

    def _check_speaker(self, node: Node, address: Address, took: Took, now: float) -> None:
        """Nobody takes what belongs to a node whose speaker alone is in trouble, before others stood in for long."""
        holder, since = self._holder.get(address, (node.name, now))
        if holder == node.name or holder in self.world.excluded or now < since + KNOWN:
            return
        if now < self._uneven + GRACE or self.is_scarred(node.name, now - GRACE, now):
            return
        if any(s.node == holder and s.start <= now <= s.end + GRACE and s.end > s.start + STAND_IN for s in self._scars):
            return
        if any(s.node == holder and s.kind not in PROCESS and s.start <= now <= s.end + GRACE for s in self._scars):
            return
        text = f"{node.name} took {address} ({took.cause}) from {holder}, whose node serves"
        self.broken.append(Broken(now, "no move when a process dies", text))

    def _check_loss(self, node: Node, dropped: Dropped, since: float, now: float) -> None:
        """An owner that kept its witness loses to nobody that did not."""
        to, link = dropped.to, link_of(dropped.address)
        if to is None or not self.world.size.gateway or self._is_unsteady(node.name, link, since - GRACE, now):
            return
        if any(scar.node == to and scar.kind in UNKNOWING and scar.end >= since for scar in self._scars):
            return
        theirs = max(self._owning.get((to, dropped.address), since), since - GRACE)
        if node.name not in self.world.excluded and self._is_unsteady(to, link, theirs, now):
            text = f"{node.name}, which kept its witness, lost {dropped.address} to {to}, which did not"
            self.broken.append(Broken(now, "no healthy owner loses at a heal", text))

    def _is_unsteady(self, node: NodeName, link: str, since: float, now: float) -> bool:
        scars = (s for s in self._scars if s.node == node and s.kind in FORGETTING)
        scarred = any(scar.start <= now and scar.end >= since for scar in scars)
        return scarred or self._cut.get((node, link), -1.0) >= since

    def is_scarred(self, node: NodeName, start: float, end: float) -> bool:
        """Whether something befell a node itself at that time."""
        return any(scar.node == node and scar.start <= end and scar.end >= start for scar in self._scars)

    @staticmethod
    def _pair(one: NodeName, other: NodeName, link: str) -> tuple[NodeName, NodeName, str]:
        return (one, other, link) if one < other else (other, one, link)

    # What is looked at

    def look(self) -> None:
        """Look now."""
        world, now = self.world, self.world.clock.now
        self._note_paths(now)
        seen = self._signature()
        if seen != self._seen:
            self._seen = seen
            self._work_out(now)
        rough = world.lan.weather is not CALM
        for (address, one, other), since in self._twice.items():
            if now > since + TWO_MACS * (2 if rough else 1):
                text = f"{one} and {other} hear each other and answer differently for {address}"
                self._break(now, "no two MACs", text)
        self._note_trouble(now, rough)
        for address, since in self._empty.items():
            self._check_answered(address, since, now, rough)
        for address, since in self._idle.items():
            self._check_serving(address, since, now)
        for address, since in self._believed.items():
            if now > since + STALE_CLIENT and address not in world.client.missed and not rough:
                text = f"a client with a warm cache believes an old MAC for {address}"
                self._break(now, "clients are told", text)

    def _break(self, now: float, rule: str, text: str) -> None:
        self.broken.append(Broken(now, rule, text))

    def _signature(self) -> object:
        world = self.world
        nodes = [
            (id(n.arbiter and n.arbiter.answers()), n.frozen, n.powered, n.kubelet, len(n.carriers))
            for n in world.nodes.values()
        ]
        return (
            nodes,
            world.lan.changes,
            len(world.excluded),
            len(world.client.cache),
            hash(tuple(world.client.cache.values())),
        )

    def _note_paths(self, now: float) -> None:
        """Who does not hear whom now."""
        world = self.world
        if (
            not world.lan.cuts
            and not world.lan.deaf
            and all(node.powered and len(node.carriers) == len(node.links) for node in world.nodes.values())
        ):
            self._cut_since.clear()
            return
        for link in world.links:
            for i, one in enumerate(world.names):
                for other in world.names[:i]:
                    if not world.lan.hear_each_other(one, other, link):
                        self._apart[self._pair(one, other, link)] = now
                pairs = ((one, GATEWAY), (GATEWAY, one), (one, CLIENT), (CLIENT, one))
                if all(world.lan.reaches(*pair, link) for pair in pairs):
                    self._cut_since.pop((one, link), None)
                elif now >= self._cut_since.setdefault((one, link), now) + NOTICED:
                    self._cut[one, link] = now

    def _work_out(self, now: float) -> None:
        world, twice = self.world, {}
        for node in world.nodes.values():
            for link in world.links:
                if world.is_able(node, link):
                    self._able.setdefault((node.name, link), now)
                else:
                    self._able.pop((node.name, link), None)
        for address in world.addresses:
            link = link_of(address)
            says = {n.name: mac for n in world.nodes.values() if (mac := n.says(address, link, False)) is not None}
            for one, mac in says.items():
                for other, theirs in says.items():
                    if one < other and mac != theirs and world.lan.hear_each_other(one, other, link):
                        twice[address, one, other] = self._twice.get((address, one, other), now)
            told = {mac for name, mac in says.items() if world.lan.is_served(name, link)}
            if told:
                self._empty.pop(address, None)
            else:
                self._empty.setdefault(address, now)
            if len(told) == 1 and world.client.cache.get(address) not in told and not self._is_provisional(address):
                self._believed.setdefault(address, now)
            else:
                self._believed.pop(address, None)
        self._twice = twice

    def _note_trouble(self, now: float, rough: bool) -> None:
        world = self.world
        if rough:
            self._rough = now
        nodes = world.nodes.values()
        even = all(n.powered and n.kubelet is Port.ACCEPTS and len(n.carriers) == len(n.links) for n in nodes)
        if rough or world.excluded or world.lan.cuts or world.lan.deaf or not even or now < BOOT + 3.0:
            self._uneven = now

    def _check_serving(self, address: Address, since: float, now: float) -> None:
        """Whoever's MAC is answered can serve, or another could not either."""
        link = link_of(address)
        bound = MUTE if any(node.kubelet is None for node in self.world.nodes.values()) else 0.0
        able = [at for (name, where), at in self._able.items() if where == link and name in self._hopeful(address)]
        if able and now > max(since, min(able)) + UNANSWERED + bound + COLD * (now < self._uneven_start(now)):
            self._break(now, "what is answered serves", f"the MAC that is answered for {address} is of a node that does not serve")

    def _is_provisional(self, address: Address) -> bool:
        """Whether somebody owns it who does not know yet whether another took it: he announces it in the end."""
        seats = (n.arbiter.seats.get(address) for n in self.world.nodes.values() if n.arbiter is not None)
        return any(seat is not None and seat.mine is not None and seat.mine.claim.provisional for seat in seats)

    def _check_answered(self, address: Address, since: float, now: float, rough: bool) -> None:
        world, link = self.world, link_of(address)
        bound = UNANSWERED + (1.5 if rough else 0.0)
        if now < since + bound or self._is_half_heard(address, link, now):
            return
        for (name, where), able in self._able.items():
            if where != link:
                continue
            node = world.nodes[name]
            cold = COLD if self._is_cold(node, now) else 0.0
            if now > max(since, able) + bound + cold:
                self._break(now, "an address is answered", f"nobody answers for {address}, and {name} could")
                return

    def _is_cold(self, node: Node, now: float) -> bool:
        """Whether a node may still wait for an owner that it knows from the API alone."""
        seen = self._started.get(node.name)
        if seen is None or seen[0] != node.starts:
            self._started[node.name] = (node.starts, now)
        return now < self._started[node.name][1] + COLD

    def _is_half_heard(self, address: Address, link: str, now: float) -> bool:
        """Whether the owner is one that some can hear and clients cannot reach: nothing says that it is lost."""
        world = self.world
        for (name, owned), _ in self._owning.items():
            node = world.nodes[name]
            if owned != address or node.arbiter is None or world.lan.is_served(name, link):
                continue
            if any(world.lan.reaches(name, other, link) for other in world.names if other != name):
                return True
        return False

    @property
    def _started(self) -> dict[NodeName, tuple[int, float]]:
        return self.__dict__.setdefault("_starts", {})


def _scars(world: World, one: Disaster) -> list[Scar]:
    end = one.until + (BOOT if one.kind in ("power", "stop", "mute") else 0.0)
    names: Iterable[NodeName] = ()
    if one.kind in OWN or one.kind == "cut_off":
        names = one.nodes
    elif one.kind.startswith("restart_all"):
        names = world.names
    elif one.kind.startswith("split"):
        names = one.nodes if world.size.gateway else world.names
    return [Scar(name, one.at, end, one.kind) for name in names]


def play(scenario: Scenario) -> list[Broken]:
    """What is broken in a scenario: the first thing, or nothing."""
    return Watch(stage(scenario), scenario.disasters).run(scenario.lasts)
