"""What must hold of moves that somebody asked for in a simulated cluster: in order, once, and never without being asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fakes.chronicle import NEVER, Chronicle, pair_of
from pylb.core.model import Address, NodeName
from pylb.core.ownership.claims import Cause
from pylb.core.ownership.effects import Dropped, Took
from pylb.core.ownership.moves import Move
from pylb.sim.node import Node, mac_of
from pylb.sim.world import World, link_of

ASKED = (Cause.MOVE, Cause.DRAIN, Cause.FAILBACK)
LATE = 1.0  # s in which all nodes learn what is asked for, and what is not any more
ON_ITS_WAY = 0.001  # s that an announcement takes
SETTLED = 1.0  # s after such a move in which the one who had the address stops
EMPTIED = 3.0  # s in which a drained node has given all to others that can have it
SPENT = 9.0  # s in which a request is carried out or refused
GRACE = 6.0  # s after whatever befell a node in which it may be slow
FLAPPED = 70.0  # s for which a node that was lost several times may be passed over
Break = Callable[[str, str], None]


class Wishes:
    """Looks at what was asked for while a world runs."""

    def __init__(self, world: World, past: Chronicle, say: Break) -> None:
        self._world, self._past, self._break = world, past, say
        self._taken: dict[tuple[Address, NodeName], tuple[float, NodeName | None]] = {}  # by request: when, from whom
        self._drained: dict[NodeName, tuple[float, float]] = {}  # since when, and when last
        self._failback = NEVER
        self._moves: dict[Address, tuple[Move, float]] = {}
        self._asked: set[tuple[Address, NodeName]] = set()
        self._seen: set[tuple[Address, Move]] = set()  # that were looked after

    def is_asked(self, address: Address, node: NodeName, now: float) -> bool:
        """Whether a node has just taken an address since somebody wanted that."""
        return now < self._taken.get((address, node), (NEVER, None))[0] + SETTLED

    def note_take(self, node: Node, took: Took, now: float) -> bool:
        """Judge a take; whether it is one that somebody asked for."""
        self.look(now)
        address = took.line.address
        drained = self._drained.get(node.name, (now, NEVER))
        if drained[0] + LATE < now == drained[1] and took.cause not in (Cause.RESUMED, Cause.FIRST):
            self._break("who is drained takes nothing", f"{node.name} is drained, and took {address} ({took.cause})")
        if took.cause not in ASKED:
            self._taken.pop((address, node.name), None)
            return False
        before = self._taken.get((address, node.name), (NEVER, None))[0]
        self._taken[address, node.name] = now, took.previous
        self._world.client.heard.discard((address, mac_of(node.name, link_of(address))))
        paused = self._past.is_scarred(node.name, now - GRACE, now, "pause")  # and goes by what it knew before
        if not paused and not self._is_wanted(took.cause, address, node.name, took.previous, now):
            self._break("no move that nobody asked for", f"{node.name} took {address} ({took.cause})")
        asked, since = self._moves.get(address, (None, NEVER))
        again = took.cause is Cause.MOVE and asked is not None and node.name == asked.node and before > since
        if again and not any(self._past.is_scarred(name, before, now) for name in self._world.names):
            self._break("a request is carried out once", f"{node.name} took {address} a second time, as {asked} says")
        return True

    def _is_wanted(self, cause: Cause, address: Address, node: NodeName, previous: NodeName | None, now: float) -> bool:
        if cause is Cause.MOVE:
            return (address, node) in self._asked
        if cause is Cause.FAILBACK:
            return now < self._failback + LATE
        return previous is not None and now < self._drained.get(previous, (NEVER, NEVER))[1] + LATE

    def note_loss(self, node: Node, dropped: Dropped, to: NodeName, now: float) -> None:
        """Judge that a node gave an address up to another."""
        address, link = dropped.address, link_of(dropped.address)
        when, previous = self._taken.get((address, node.name), (NEVER, None))
        if (
            previous == to
            and not self._is_hurt(node.name, link, when - GRACE, now)
            and not self._took_since(to, address, when)
        ):
            self._break(
                "no move that was asked for is undone", f"{node.name} lost {address} to {to}, which had it before"
            )
        if self.is_asked(address, to, now) and not self._is_hurt(to, link, now - SETTLED, now):
            self._world.clock.after(ON_ITS_WAY, partial(self._check_given, address, to, node.name))

    def note_release(self, node: Node, dropped: Dropped, now: float) -> None:
        """Judge that a node gave an address up to nobody."""
        if node.name in self._drained and now < self._drained[node.name][1] + LATE:
            self._break(
                "announced before the old owner stops", f"{node.name} is drained, and released {dropped.address}"
            )

    def _took_since(self, node: NodeName, address: Address, when: float) -> bool:
        return self._past.owning.get((node, address), NEVER) > when

    def _is_hurt(self, node: NodeName, link: str, since: float, now: float) -> bool:
        past = self._past
        return past.is_scarred(node, since, now) or past.shaken.get((node, link), NEVER) >= since or past.rough >= since

    def _check_given(self, address: Address, to: NodeName, by: NodeName) -> None:
        link, client = link_of(address), self._world.client
        mac = mac_of(to, link)
        told = (address, mac) in client.heard or address in client.missed or not self._world.lan.is_served(to, link)
        if not told or self._world.nodes[to].says(address, link, False) != mac:
            self._break("announced before the old owner stops", f"{by} gave {address} to {to}, not announced yet")

    def look(self, now: float) -> None:
        """Note what is asked for now."""
        world = self._world
        for name in world.drained:
            since, last = self._drained.get(name, (now, NEVER))
            self._drained[name] = (since if now < last + LATE else now), now
        if world.failback:
            self._failback = now
        for address, move in world.moves.items():
            if self._moves.get(address, (None, 0.0))[0] != move:
                self._moves[address] = move, now
                self._asked.add((address, move.node))

    def check(self, now: float) -> None:
        """What should have happened by now."""
        for name in self._world.drained:
            node = self._world.nodes[name]
            if node.arbiter is not None and now > self._drained[name][0] + EMPTIED and self._world.api_up:
                for address in node.arbiter.owned:
                    self._check_drained(name, address, now)
        for address, (move, since) in list(self._moves.items()):
            if now > since + SPENT and (address, move) not in self._seen:
                self._check_request(address, move, since, now)

    def _check_drained(self, name: NodeName, address: Address, now: float) -> None:
        past, link = self._past, link_of(address)
        since = now - EMPTIED
        if self._is_hurt(name, link, since - GRACE, now):
            return
        for (other, on), able in past.able.items():
            together = past.apart.get(pair_of(name, other, link), NEVER) < since if other != name else False
            flapped = past.is_scarred(other, now - FLAPPED, now)
            if on == link and able < since and together and not flapped and not past.apart_at(other, since):
                self._break("who is drained owns nothing", f"{name} is drained, has {address}, and {other} could")

    def _check_request(self, address: Address, move: Move, since: float, now: float) -> None:
        past = self._past
        for node in self._world.nodes.values():
            seat = node.arbiter.seats.get(address) if node.arbiter is not None else None
            if seat is None or seat.mine is None or seat.mine.claim.term != move.term or node.name == move.node:
                continue
            if not past.is_scarred(node.name, since - SETTLED, now):  # nobody but itself has to refuse
                self._break("a request is met or refused", f"{move} is neither for {address}, which {node.name} has")
        self._seen.add((address, move))
