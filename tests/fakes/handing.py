"""A simulated LAN with one address, and a diary of its moves and of how many answered for it."""

from __future__ import annotations

from dataclasses import replace

from pylb.core.model import NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.effects import Dropped, Effect, Took
from pylb.sim.node import Node
from pylb.sim.world import Size, World

BOTH_S = 0.3  # in which two may answer
LOOK_S = 0.005


class Stage:
    """Three nodes, one address, and a diary of what they told and of how many answered."""

    def __init__(self, nodes: int = 3) -> None:
        self.world = World(Size(nodes=nodes, addresses=1, boot=0.1), 1)
        self.address = self.world.addresses[0]
        self.line = self.world.lines[0]
        self.told: list[tuple[float, NodeName, Effect]] = []
        self.silent = self.both = 0.0  # s in which nobody answered, and in which several did, since `watch`
        self.world.watchers.append(self.note)
        self.run(4.0)

    @property
    def ranking(self) -> tuple[NodeName, ...]:
        return self.line.verdict.ranking

    def note(self, node: Node, effects: list[Effect]) -> None:
        self.told += [(self.world.clock.now, node.name, effect) for effect in effects]

    def arbiter(self, name: NodeName) -> Arbiter:
        arbiter = self.world.nodes[name].arbiter
        assert arbiter is not None
        return arbiter

    def answerers(self) -> list[NodeName]:
        nodes = self.world.nodes.values()
        return [node.name for node in nodes if node.arbiter is not None and self.address in node.arbiter.answers()]

    @property
    def owner(self) -> NodeName:
        [found] = [node for node in self.world.nodes if self.address in self.arbiter(node).owned]
        return found

    @property
    def claim(self) -> Claim:
        mine = self.arbiter(self.owner).seats[self.address].mine
        assert mine is not None
        return mine.claim

    def run(self, seconds: float) -> None:
        end = self.world.clock.now + seconds
        while self.world.clock.now < end:
            self.world.clock.run(min(self.world.clock.now + LOOK_S, end))
            several = len(self.answerers())
            self.silent += LOOK_S * (several == 0)
            self.both += LOOK_S * (several > 1)

    def watch(self) -> None:
        self.told.clear()
        self.silent = self.both = 0.0

    def say(self, *nodes: NodeName, **changes: object) -> None:
        """What the API tells of the address, to all nodes or to some."""
        self.line = replace(self.line, **changes)  # type: ignore[arg-type]  # a line's fields
        self.world.lines = [self.line]
        for name in nodes or self.world.names:
            self.world.nodes[name].tell([self.line])

    def moves(self) -> list[tuple[NodeName | None, NodeName, Cause]]:
        return [(e.previous, node, e.cause) for _, node, e in self.told if isinstance(e, Took)]

    def in_order(self) -> bool:
        """The new owner took before the old one stopped, and both answered for a moment at most."""
        took = [at for at, _, effect in self.told if isinstance(effect, Took)]
        dropped = [at for at, _, effect in self.told if isinstance(effect, Dropped)]
        return len(took) == len(dropped) == 1 and took[0] <= dropped[0] and not self.silent and self.both <= BOTH_S
