"""A simulated cluster of more nodes than beat to each other, settled, and what its nodes do from then on."""

from __future__ import annotations

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.effects import Effect, Took
from pylb.sim.node import Node
from pylb.sim.world import Size, World

SETTLED = 6.0  # s
STEP = 0.01  # s


class Crowd:
    """A world that has settled, and what its nodes do from then on."""

    def __init__(self, nodes: int, addresses: int | None = None, seed: int = 1, gateway: bool = True) -> None:
        self.world = World(Size(nodes=nodes, addresses=addresses or nodes, boot=0.1, gateway=gateway), seed)
        self.world.clock.run(SETTLED)
        self.told: list[tuple[NodeName, Effect]] = []
        self.world.watchers.append(self._note)

    def _note(self, node: Node, effects: list[Effect]) -> None:
        self.told += [(node.name, effect) for effect in effects]

    def run(self, seconds: float) -> None:
        self.world.clock.run(self.world.clock.now + seconds)

    @property
    def took(self) -> list[Took]:
        return [effect for _, effect in self.told if isinstance(effect, Took)]

    @property
    def arbiters(self) -> dict[NodeName, Arbiter]:
        return {name: node.arbiter for name, node in self.world.nodes.items() if node.arbiter is not None}

    def owned(self, *names: NodeName) -> list[Address]:
        return [address for name in names if name in self.arbiters for address in self.arbiters[name].owned]

    def owner(self) -> Node:
        return next(node for node in self.world.nodes.values() if node.arbiter is not None and node.arbiter.owned)

    def ring(self) -> list[NodeName]:
        """The nodes in the order in which they watch each other."""
        first = next(iter(self.arbiters.values()))
        circle = first.presence.segments["eth0"].circle
        assert circle is not None
        return circle.order

    def answered_again(self, addresses: list[Address]) -> float:
        """Seconds until all addresses are answered to clients."""
        start = self.world.clock.now
        while not all(self.world.lan.macs(address, "eth0") for address in addresses):
            self.run(STEP)
            assert self.world.clock.now < start + 60.0
        return self.world.clock.now - start

    def without_two(self) -> float:
        """Seconds until no address has two MACs."""
        start = self.world.clock.now
        while any(len(self.world.lan.macs(address, "eth0")) > 1 for address in self.world.addresses):
            self.run(STEP)
            assert self.world.clock.now < start + 60.0
        return self.world.clock.now - start

    def all_owned_once(self) -> bool:
        return sorted(self.owned(*self.world.names)) == sorted(self.world.addresses)
