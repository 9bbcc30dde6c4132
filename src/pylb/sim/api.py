"""The API server of a simulated cluster, as the nodes speak through it: what each tells of its claims, late and seldom.

As the speaker's publisher does, a node writes once a second at most, what changed or is to be renewed, and removes what
others told of its own addresses.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.record import Notice
from pylb.sim.clock import Clock
from pylb.sim.node import Node

TURN = 1.0  # s between two writes of one node
NOTHING = Notice()


class Api:
    """What stands there; `lag`: s that its news are late, at most. Random numbers of its own: it disturbs no story."""

    def __init__(self, clock: Clock, nodes: Mapping[NodeName, Node], lag: float, seed: int) -> None:
        self._clock, self._nodes, self._lag = clock, nodes, lag
        self._dice = random.Random(f"api {seed}")  # noqa: S311 - replayable on purpose
        self.up = True
        self.notices: dict[NodeName, Notice] = {}
        self.renewals: list[float] = []  # when one was written
        self._turns: dict[NodeName, float] = {}

    def turn(self, node: Node, arbiter: Arbiter) -> None:
        """A node looks whether there is something to write; or to read, if it missed that while the API was down."""
        now = self._clock.now
        if not self.up or now < self._turns.get(node.name, 0.0):
            return
        self._turns[node.name] = now + TURN
        if arbiter.state is not State.JOINING and node.now >= arbiter.presence.active_at + TURN:
            self._write(node, arbiter)
        if node.notices is not self.notices:
            self._send(node)

    def _send(self, node: Node) -> None:
        self._clock.after(self._dice.random() * self._lag, partial(self._tell, node, self.notices))

    def _tell(self, node: Node, notices: Mapping[NodeName, Notice]) -> None:
        if self.up and notices is self.notices:  # else newer ones are on their way
            node.read(notices)

    def _write(self, node: Node, arbiter: Arbiter) -> None:
        held = ((address, seat.mine) for address, seat in arbiter.seats.items())
        mine = {address: one.claim for address, one in held if one is not None and one.confirmed}
        spared = arbiter.gazette.spared
        found = dict(self.notices)
        for name, one in self.notices.items():
            if name not in spared and name != node.name and node.notices.get(name) is one:  # it knows what it removes
                found[name] = _without(one, mine)
        found[node.name] = self._own(self.notices.get(node.name, NOTHING), mine, arbiter)
        if found != self.notices:
            self.notices = found
            for other in self._nodes.values():
                self._send(other)

    def _own(self, stands: Notice, mine: Mapping[Address, Claim], arbiter: Arbiter) -> Notice:
        renewal = arbiter.gazette.renewal
        if renewal is not None and renewal not in stands.renewals:
            self.renewals.append(self._clock.now)
            return Notice(mine, frozenset({renewal}))
        same = {address: claim.term for address, claim in mine.items()} == {a: c.term for a, c in stands.claims.items()}
        return stands if same else Notice(mine, stands.renewals)


def _without(notice: Notice, addresses: Mapping[Address, Claim]) -> Notice:
    if not notice.claims.keys() & addresses.keys():
        return notice
    return Notice({a: claim for a, claim in notice.claims.items() if a not in addresses}, notice.renewals)
