"""What must hold in a simulated cluster whatever befalls it, looked at every 20 ms of its time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from fakes.chronicle import NEVER, PROCESS, UNHEARD, Chronicle, pair_of
from fakes.strangers import Strangers
from fakes.wishes import Wishes
from pylb.core.model import Address, NodeName
from pylb.core.ownership.claims import Cause
from pylb.core.ownership.effects import Dropped, Effect, Took
from pylb.core.ownership.evidence import STAND_IN, STAND_IN_MUTE, Port
from pylb.core.ownership.gazette import HEARD
from pylb.core.ownership.seats import UNCONTESTED
from pylb.core.reasons import Reason
from pylb.sim.node import Node, mac_of
from pylb.sim.scenario import Disaster, Scenario, stage
from pylb.sim.world import World, link_of

STEP = 0.02  # s between two looks
TWO_MACS = 1.0  # s for which two MACs may be answered by nodes that hear each other
UNANSWERED = 2.5  # s for which an address may be answered by nobody, while a node could
COLD = 14.0  # s more after a start of a node that remembers no owner: one that the API names is waited for
ALONE = 2.0  # s more where there is no gateway: who has nothing to ask waits
STOOD_IN = 0.5  # s of that where only a speaker fell silent, and its node serves
HANDED_OVER = 0.03  # s of that where a speaker was asked to end: it goes on until another does
STANDS_IN = {"kill": STOOD_IN, "freeze": STOOD_IN, "pause": STOOD_IN, "terminate": HANDED_OVER}
# s more for which the MAC of a node may be answered that serves in vain, since its speaker cannot say that it is cut off
IN_VAIN = {"mute": STAND_IN_MUTE + 1.0, "freeze": STAND_IN, "pause": STAND_IN, "kill": STAND_IN, "terminate": STAND_IN}
STALE_CLIENT = 2.0  # s for which a client may believe another MAC than the one that is answered
GRACE = 6.0  # s after a disaster in which its node may still lose what it had: a claim is provisional for 5 s
KNOWN = 3.0  # s for which two nodes must have heard each other for one to know the other's claims
ROUGH = 1.5  # s more of all bounds while frames are lost or late
RETURNED = 1.0  # s after its return in which a node says nothing that another denies
RETURNS = ("pull", "freeze", "jump")


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold."""

    at: float
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:.3f} {self.rule}: {self.text}"


class Watch:
    """Looks at a world while it runs."""

    def __init__(self, world: World, disasters: Iterable[Disaster]) -> None:
        self.world, self.past = world, Chronicle(world, disasters)
        self.broken: list[Broken] = []
        self.wishes = Wishes(world, self.past, self._break)
        self._seen: object = None
        self._answers: list[object] = []  # of all nodes, when that was found out
        self._changes = 0  # of them
        self._twice: dict[tuple[Address, NodeName, NodeName], float] = {}
        self._empty: dict[Address, float] = {}  # since when nobody answers
        self._idle: dict[Address, float] = {}  # since when the MAC of a node that does not serve is answered
        self._believed: dict[Address, float] = {}  # since when a client believes what is not answered
        self._strangers = Strangers(world)
        world.watchers.append(self.note)

    def run(self, lasts: float) -> list[Broken]:
        """Let the world run; stop at the first thing that is broken."""
        for step in range(1, int(lasts / STEP) + 1):
            self.world.clock.run(step * STEP)
            self.look()
            if self.broken:
                break
        return self.broken

    def _break(self, rule: str, text: str) -> None:
        self.broken.append(Broken(self.world.clock.now, rule, text))

    # What the nodes do

    def note(self, node: Node, effects: list[Effect]) -> None:
        """What a node did."""
        now = self.world.clock.now
        self.past.look(now)
        for effect in effects:
            if isinstance(effect, Took):
                if effect.cause is Cause.CONTESTED:
                    continue  # it was its own
                if self.wishes.note_take(node, effect, now):
                    continue
                for other in self.world.nodes.values():
                    if other is not node:
                        self._check_move(node, other, effect, now)
                self._check_speaker(node, effect, now)
            elif isinstance(effect, Dropped) and effect.reason is Reason.NOT_ELECTED:
                if effect.to is None:
                    self.wishes.note_release(node, effect, now)
                    continue
                self.wishes.note_loss(node, effect, effect.to, now)
                self._check_loss(node, effect, effect.to, now)
        self.past.note(node, effects, now)

    def _check_move(self, node: Node, other: Node, took: Took, now: float) -> None:
        """Nobody takes what a node owns that nothing befell, and that is heard."""
        past, address = self.past, took.line.address
        since = past.owning.get((other.name, address))
        if since is None or now < since + KNOWN or not past.owns(other, address) or other.name in self.world.excluded:
            return
        link = link_of(address)
        if past.is_scarred(node.name, now - GRACE, now, "pause"):
            return  # its clock stopped as well: it goes by what it knew before
        if past.is_scarred(other.name, now - GRACE, now) or now < past.cut.get((other.name, link), NEVER) + GRACE:
            return
        if now >= past.apart.get(pair_of(node.name, other.name, link), NEVER) + KNOWN:
            text = f"{node.name} took {address} ({took.cause}) from {other.name}, which nothing befell"
            self._break("no move without a cause", text)

    def _check_speaker(self, node: Node, took: Took, now: float) -> None:
        """Nobody takes what belongs to a node whose speaker alone is in trouble, before others stood in for long."""
        past, address = self.past, took.line.address
        holder, since = past.holder.get(address, (node.name, now))
        if holder == node.name or now < since + KNOWN or now < past.uneven + GRACE:
            return
        if past.is_scarred(node.name, now - GRACE, now):
            return
        for scar in past.scars:
            if scar.node != holder or not scar.start <= now <= scar.end + GRACE:
                continue
            if scar.kind not in PROCESS or now > scar.start + STAND_IN:
                return
            if any(s.node == holder and s.start < now - STAND_IN < s.end + GRACE for s in past.scars):
                return  # it was away before, too, and had not come back to what it owns
            if past.started[node.name][1] > scar.start - KNOWN:
                return  # it never heard it own anything
        text = f"{node.name} took {address} ({took.cause}) from {holder}, whose node serves"
        self._break("no move when a process dies", text)

    def _check_loss(self, node: Node, dropped: Dropped, to: NodeName, now: float) -> None:
        """An owner that kept its witness loses to nobody that did not."""
        past, link = self.past, link_of(dropped.address)
        if self.wishes.is_asked(dropped.address, to, now):
            return
        since = past.owning.get((node.name, dropped.address), now)
        if not self.world.size.gateway or not past.is_steady(node.name, link, since - GRACE, now):
            return
        if past.is_scarred(to, since - GRACE, now, "pause"):
            return  # its clock stopped as well: for it nothing happened
        theirs = max(past.owning.get((to, dropped.address), since), since - GRACE, now - UNCONTESTED)
        if past.is_unsteady(to, link, theirs, now - UNHEARD):
            text = f"{node.name}, which kept its witness, lost {dropped.address} to {to}, which did not"
            self._break("no healthy owner loses at a heal", text)

    # What a client sees

    def look(self) -> None:
        """Look now."""
        world, now = self.world, self.world.clock.now
        self.past.look(now)
        self.wishes.look(now)
        self.wishes.check(now)
        seen = self._signature()
        if seen != self._seen:
            self._seen = seen
            self._work_out(now)
        room = ROUGH if now < self.past.rough + KNOWN else 0.0
        for (address, one, other), since in self._twice.items():
            if now > since + TWO_MACS + room:
                self._break("no two MACs", f"{one} and {other} hear each other and answer differently for {address}")
        strange = self._strangers.look(now)
        if strange:
            self._break("the API is heard", strange)
        for address, since in self._empty.items():
            self._check_answered(address, since, now, room)
        for address, since in self._idle.items():
            kinds = {scar.kind for scar in self.past.scars if scar.start <= now and scar.end >= since}
            bound = max((limit for kind, limit in IN_VAIN.items() if kind in kinds), default=0.0)
            if self._who_could(address, since, UNANSWERED + ALONE + bound + room, now):
                text = f"the MAC answered for {address} is of a node that does not serve"
                self._break("what is answered serves", text)
        for address, since in self._believed.items():
            if now > since + STALE_CLIENT and address not in world.client.missed and not room:
                self._break("clients are told", f"a client with a warm cache believes an old MAC for {address}")

    def _signature(self) -> object:
        world = self.world
        answers = [n.arbiter.answers() if n.arbiter is not None else None for n in world.nodes.values()]
        nodes = [(n.frozen, n.powered, n.kubelet, len(n.carriers)) for n in world.nodes.values()]
        ways = (world.lan.changes, sorted(world.excluded), sorted(world.drained))
        # By identity, and kept: what has gone may have left its place in memory to another.
        if len(answers) != len(self._answers) or any(a is not b for a, b in zip(answers, self._answers, strict=True)):
            self._answers, self._changes = answers, self._changes + 1
        return self._changes, nodes, ways, tuple(world.client.cache.values())

    def _work_out(self, now: float) -> None:
        world, twice = self.world, {}
        self.past.look_who_is_able(now)
        for address in world.addresses:
            link = link_of(address)
            says = {n.name: mac for n in world.nodes.values() if (mac := n.says(address, link, False)) is not None}
            for one, mac in says.items():
                for other, theirs in says.items():
                    if one < other and mac != theirs and world.lan.hear_each_other(one, other, link):
                        twice[address, one, other] = self._twice.get((address, one, other), now)
                        self._check_return(address, one, other, now)
            told = {mac for name, mac in says.items() if world.lan.is_served(name, link)}
            serving = {mac_of(n.name, link) for n in world.nodes.values() if self._serves(n, link)}
            mind(self._empty, address, not told, now)
            mind(self._idle, address, bool(told) and not told & serving, now)
            believed = world.client.cache.get(address)
            orphan = any(
                believed == mac_of(n.name, link) and n.powered and (n.arbiter is None or n.frozen or not n.carriers)
                for n in world.nodes.values()
            )
            wrong = (
                len(told) == 1 and believed not in told and not orphan
            )  # of one that is gone nobody knows what it said
            mind(self._believed, address, wrong and not self.past.is_provisional(address), now)
        self._twice = twice

    def _serves(self, node: Node, link: str) -> bool:
        """Whether traffic that comes to a node is served: its speaker does not matter."""
        kubernetes = node.kubelet is Port.ACCEPTS or node.arbiter is not None
        return node.powered and kubernetes and self.world.lan.is_served(node.name, link)

    def _check_return(self, address: Address, one: NodeName, other: NodeName, now: float) -> None:
        """A node that comes back says nothing before it knows."""
        past = self.past
        for back, stayed in ((one, other), (other, one)):
            ends = [s.end for s in past.scars if s.node == back and s.kind in RETURNS and s.end <= now]
            if (
                not ends
                or past.is_scarred(back, 0.0, now, "pause")
                or now > max(ends) + RETURNED
                or past.is_scarred(stayed, max(ends) - GRACE, now)
            ):
                continue
            if not past.owns(self.world.nodes[stayed], address) or not past.owns(self.world.nodes[back], address):
                continue
            if past.is_scarred(back, max(ends) + 2 * STEP, now) or now < past.rough + GRACE:
                continue
            asked = any(self.wishes.is_asked(address, name, now) for name in (back, stayed))
            if not asked and past.apart.get(pair_of(one, other, link_of(address)), NEVER) <= max(ends) + STEP:
                text = f"{back} is back and answers for {address}, as does {stayed}"
                self._break("who comes back listens first", text)

    def _check_answered(self, address: Address, since: float, now: float, room: float) -> None:
        if now < since + HANDED_OVER:
            return
        half_heard = self.past.is_half_heard(address)
        if half_heard and not self.world.size.gateway:
            self._empty[address] = now
            return
        bound = UNANSWERED + room + (ALONE if half_heard or not self.world.size.gateway else 0.0)
        if self.past.is_from_the_api(address, since):
            bound += HEARD
        else:
            bound = min(bound, self._stand_in_bound(address, since, now))
        name = self._who_could(address, since, bound, now)
        if name is not None:
            self._break("an address is answered", f"nobody answers for {address} for {bound:.1f} s, and {name} could")

    def _stand_in_bound(self, address: Address, since: float, now: float) -> float:
        """Seconds in which somebody is to stand in, where the speaker alone of its owner is in trouble."""
        past, names = self.past, self.world.names
        holder, at = past.holder.get(address, (None, now))
        if holder is None or now <= max(past.uneven, at) + KNOWN:
            return math.inf
        limits = [limit for kind, limit in STANDS_IN.items() if past.is_scarred(holder, since - 1.0, now, kind)]
        others = {n for (n, link), t in past.able.items() if link == link_of(address) and t < since - KNOWN} - {holder}
        well = {n for n in names if n != holder and not past.is_scarred(n, since - KNOWN, now)}
        if len(well) < len(names) - 1:
            limits.append(STOOD_IN)  # who stood in may be the next that is in trouble
        return max(limits) if limits and well & others else math.inf

    def _who_could(self, address: Address, since: float, bound: float, now: float) -> NodeName | None:
        """A node that could have served an address for as long as the bound, if there is one."""
        for (name, where), able in self.past.able.items():
            cold = COLD if bound >= UNANSWERED and now < self.past.started.get(name, (0, now))[1] + COLD else 0.0
            if (
                where == link_of(address)
                and now > max(since, able + (0.0 if bound >= UNANSWERED else KNOWN)) + bound + cold
            ):
                return name
        return None


def mind(times: dict[Address, float], address: Address, is_so: bool, now: float) -> None:
    """Since when something is so."""
    if is_so:
        times.setdefault(address, now)
    else:
        times.pop(address, None)


def play(scenario: Scenario) -> list[Broken]:
    """What is broken in a scenario: the first thing, or nothing."""
    return Watch(stage(scenario), scenario.disasters).run(scenario.lasts)
