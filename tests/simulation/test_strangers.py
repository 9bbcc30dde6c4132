"""Nodes that do not hear each other, and reach gateway and API: how long two answer, and what it costs."""

from __future__ import annotations

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.gazette import HEARD
from pylb.sim.world import Size, World

SETTLED, STEP = 6.0, 0.05  # s
TWO_MACS = 15.0  # s; 30 is what is promised
REPLACED = 10.0  # s more than a dead node is believed alive
N1 = NodeName("n1")


def answering(world: World) -> int:
    """How many MACs are answered for the address of which there are most."""
    return max(len(world.lan.macs(address, "eth0")) for address in world.addresses)


def part(world: World, alone: int) -> None:
    """Some nodes do not hear the others any more."""
    for one in world.names[:alone]:
        for other in world.names[alone:]:
            world.lan.cut(one, other)


@pytest.mark.parametrize("seed", range(8))
def test_two_sides_that_do_not_hear_each_other_come_to_one_end(seed: int) -> None:
    world = World(Size(nodes=2 + seed % 4, addresses=4), seed)
    world.clock.run(SETTLED)
    before = {a: world.lan.macs(a, "eth0") for a in world.addresses}
    part(world, 1 + seed % 2)
    while world.clock.now < SETTLED + TWO_MACS:
        world.clock.run(world.clock.now + STEP)
    assert answering(world) == 1
    assert {a: world.lan.macs(a, "eth0").keys() for a in before} == {a: macs.keys() for a, macs in before.items()}
    for second in range(60):
        world.clock.run(SETTLED + TWO_MACS + second)
        assert answering(world) == 1
    assert len(world.api.renewals) < world.clock.now - SETTLED
    world.lan.mend()
    world.clock.run(world.clock.now + SETTLED)
    told = len(world.api.renewals)
    world.clock.run(world.clock.now + 60.0)
    assert len(world.api.renewals) == told
    assert {a: world.lan.macs(a, "eth0").keys() for a in before} == {a: macs.keys() for a, macs in before.items()}


def test_who_is_believed_alive_by_the_api_alone_and_dies_is_replaced() -> None:
    world = World(Size(nodes=2, addresses=4), 1)
    world.clock.run(SETTLED)
    part(world, 1)
    world.clock.run(SETTLED + TWO_MACS)
    lost = world.nodes[N1].arbiter
    assert lost is not None
    mine = list(lost.owned)
    assert mine
    world.nodes[N1].power_off()
    world.clock.run(world.clock.now + HEARD + REPLACED)
    assert all(world.lan.macs(address, "eth0") for address in mine)


def test_a_quiet_cluster_and_an_upgrade_renew_nothing() -> None:
    world = World(Size(nodes=4, addresses=6), 2)
    world.clock.run(60.0)
    for name in world.names:
        world.nodes[name].terminate()
        world.clock.run(world.clock.now + 5.0)
        world.nodes[name].start()
        world.clock.run(world.clock.now + 5.0)
    assert world.api.renewals == []


def test_without_the_api_both_go_on() -> None:
    """Nobody can know: an address that is answered twice is better than one that nobody answers."""
    world = World(Size(nodes=2, addresses=1), 3)
    world.clock.run(SETTLED)
    world.api_up = False
    part(world, 1)
    world.clock.run(SETTLED + 2 * HEARD)
    assert answering(world) == 2
    world.api_up = True
    world.clock.run(world.clock.now + TWO_MACS)
    assert answering(world) == 1
