"""Between the arbiter and the API: what stands there, told to the arbiter; what this node owns, told to the API.

It decides nothing: what counts of another node's word is `core.ownership.gazette`'s, what is written `statuses`' and `disputes`'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pylb.core.model import Address, NodeName
from pylb.core.ownership import record
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.lines import Line
from pylb.core.ownership.presence import RECORDED
from pylb.core.ownership.record import Notice, Record, Renewal
from pylb.speaker import statuses
from pylb.speaker.links import Link
from pylb.speaker.publisher import Publisher
from pylb.speaker.statuses import Account, Known
from pylb.speaker.world import World

READING = 3.0  # s after the start in which the records of who owned what are waited for
SETTLED = 1.0  # s after this node began to take part in which it may still find out what is its own

Places = Callable[[], Mapping[Any, tuple[str, ...]]]
Links = Callable[[], Iterable[Link]]


class Notary:
    """One node's dealings with the API about its claims."""

    def __init__(self, arbiter: Arbiter, world: World, places: Places, links: Links) -> None:
        """`places`: the links on which each owned address is announced. `links`: of this node."""
        self._arbiter, self._world, self._places, self._links = arbiter, world, places, links
        self._began = arbiter.presence.active_at
        self.waits = True  # until it is known who owned what; who cannot read that in time goes without
        self._ready: frozenset[NodeName] = frozenset()
        self._read: tuple[Mapping[NodeName, Notice] | None, frozenset[NodeName]] = (None, frozenset())
        self._told: tuple[Renewal | None, frozenset[NodeName]] = (None, frozenset())

    def follow(self, publisher: Publisher, lines: Iterable[Line], now: float) -> None:
        """The cluster has changed."""
        ready = frozenset(node.name for node in self._world.nodes.values() if node.ready)
        self._ready = self._ready if ready == self._ready else ready
        self._recall(publisher, lines, now)

    def _recall(self, publisher: Publisher, lines: Iterable[Line], now: float) -> None:
        """Whom the API names as the owners, for a speaker that has just started."""
        if now >= self._began + RECORDED:
            return
        known, found = publisher.recorded, dict[Address, Record]()
        for line in lines:
            for status in (known[key] for key in line.services if key in known):
                told = record.parse(status.claims, status.node).get(line.address)
                one = told or Record(Claim(status.node, status.term))
                if line.address not in found or found[line.address].claim.term < one.claim.term:
                    found[line.address] = one
        self._arbiter.recall(found)

    def begins(self, publisher: Publisher, now: float) -> bool:
        """Whether nothing has to be waited for any more, for the first time."""
        waited, self.waits = self.waits, self.waits and publisher.notices is None and now < self._began + READING
        return waited and not self.waits

    def turn(self, publisher: Publisher, now: float) -> None:
        """Let time pass: read what is new, and have written what is."""
        notices, ready = publisher.notices, self._ready
        if notices is not None and (notices is not self._read[0] or ready is not self._read[1]):
            self._read = notices, ready
            self._recall(publisher, (seat.line for seat in self._arbiter.seats.values()), now)
            self._arbiter.read(notices, ready, now)
        gazette = self._arbiter.gazette
        if (gazette.renewal, gazette.spared) != self._told:
            self._told = gazette.renewal, gazette.spared
            publisher.changed()

    def account(self, now: float) -> Account | None:
        """All that this node has to tell; None while it takes no part, as in its first second, or has just begun to:
        what it had may be its own again in a moment."""
        arbiter = self._arbiter
        if arbiter.state is State.JOINING or now < arbiter.presence.active_at + SETTLED:
            return None
        macs = {link.name: link.mac for link in self._links()}
        held = statuses.holdings(self._places(), arbiter.seats, arbiter.node, time.time() - now, macs)
        return Account(held, arbiter.gazette.renewal, arbiter.gazette.spared, self._known())

    def _known(self) -> Known | None:
        """What the cluster has, if this node is the one that removes what tells of anything else."""
        nodes = self._world.nodes
        first = min((self._arbiter.node, *self._arbiter.presence.members))
        if first != self._arbiter.node or not nodes or not self._world.synced:
            return None
        return Known(frozenset(nodes), frozenset(one.key for one in self._world.services.items.values()))
