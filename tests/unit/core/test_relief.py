"""A speaker that stands in for another one and ends itself, as when all are restarted one by one."""

from __future__ import annotations

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import State
from pylb.sim.node import Node
from pylb.sim.world import Size, World

SOON_S = 0.5  # two beats, and the turn that follows each


def living(world: World, name: NodeName) -> Arbiter:
    arbiter = world.nodes[name].arbiter
    assert arbiter is not None
    return arbiter


def standing(world: World, address: Address) -> list[Node]:
    found = (node for node in world.nodes.values() if node.arbiter is not None)
    return [node for node in found if node.arbiter and node.arbiter.answers().get(address) is not None]


def test_a_stand_in_ends_when_the_next_one_stands_in() -> None:
    world = World(Size(nodes=3, addresses=1, boot=0.1), 1)
    address, owner = world.addresses[0], world.lines[0].verdict.ranking[0]
    world.clock.run(4.0)
    world.nodes[owner].kill()
    world.clock.run(5.0)
    [first] = standing(world, address)
    living(world, first.name).end(State.RESTARTING)
    assert not living(world, first.name).is_relieved(world.clock.now)
    world.clock.run(world.clock.now + SOON_S)
    assert living(world, first.name).is_relieved(world.clock.now)
    first.kill()
    [second] = standing(world, address)
    assert second is not first
