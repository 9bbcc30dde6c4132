"""All speakers end at about the same time, as at an uninstallation: who ends restarts, as far as anybody knows."""

from __future__ import annotations

import pytest

from pylb.core.ownership.effects import Effect, Took
from pylb.sim.node import Node, mac_of
from pylb.sim.world import Size, World

SPREAD, LASTS, STEP = 0.4, 4.0, 0.02  # s: from the first to the last; that is watched; between two looks


@pytest.mark.parametrize("nodes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_no_address_goes_from_node_to_node_while_everything_ends(nodes: int, seed: int) -> None:
    """Were they to say that they leave for good, those who end later would take what those before have, and so on: each
    open connection would be reset on the way. So an address is answered as it was, and then not any more."""
    world = World(Size(nodes=nodes, addresses=6), seed)
    world.clock.run(7.0)
    owners = {a: mac_of(n.name) for n in world.nodes.values() if n.arbiter is not None for a in n.arbiter.owned}
    taken: list[Took] = []

    def note(node: Node, effects: list[Effect]) -> None:
        taken.extend(effect for effect in effects if isinstance(effect, Took))

    world.watchers.append(note)
    for node in world.nodes.values():
        world.clock.after(world.dice.random() * SPREAD, node.terminate)
    end = world.clock.now + LASTS
    while world.clock.now < end:
        world.clock.run(world.clock.now + STEP)
        assert all(world.lan.macs(address, "eth0").keys() <= {mac} for address, mac in owners.items())
    assert taken == []
    assert all(node.arbiter is None for node in world.nodes.values())
