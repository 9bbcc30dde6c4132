"""A switch that forwards nothing for a while: afterwards every owner goes on with what it had."""

from __future__ import annotations

import random
from functools import partial
from itertools import combinations

import pytest

from pylb.core.model import Address, NodeName
from pylb.core.ownership.effects import Effect, Took
from pylb.sim.lan import CLIENT, GATEWAY
from pylb.sim.node import Node
from pylb.sim.world import Size, World

SETTLED = 7.0  # s: past the first claims, and past the time in which they could be disputed
AFTERWARDS = 10.0  # s: past the time after which a provisional claim is an ordinary one
STEP = 0.02  # s
TWO_BEATS = 0.2  # s
NODES = (2, 3, 5)
OUTAGES = (0.35, 0.45, 0.8, 2.5, 3.3, 10.0, 35.0)  # s


def owners(world: World) -> dict[Address, NodeName]:
    """Who owns each address, as the owners themselves see it."""
    return {address: n.name for n in world.nodes.values() if n.arbiter is not None for address in n.arbiter.owned}


def stage(nodes: int, seed: int, *, gateway: bool) -> tuple[World, list[Took]]:
    """A world that has settled, at some moment between two beats, and what is taken in it from now on."""
    world = World(Size(nodes=nodes, addresses=6, gateway=gateway), seed)
    world.clock.run(SETTLED + world.dice.random() * 0.1)
    taken: list[Took] = []

    def note(node: Node, effects: list[Effect]) -> None:
        taken.extend(effect for effect in effects if isinstance(effect, Took))

    world.watchers.append(note)
    return world, taken


def silence(world: World, *together: NodeName) -> None:
    """The switch forwards nothing; those on one host still hear each other."""
    for one, other in combinations((*world.names, GATEWAY, CLIENT), 2):
        if not {one, other} <= set(together):
            world.lan.cut(one, other)


def answered_once(world: World) -> float:
    """Seconds from now until each address is answered with one MAC, and stays so."""
    start, since = world.clock.now, None
    while world.clock.now < start + AFTERWARDS:
        world.clock.run(world.clock.now + STEP)
        if any(len(world.lan.macs(address, "eth0")) != 1 for address in world.addresses):
            since = None
        elif since is None:
            since = world.clock.now - start
    assert since is not None, "an address is not answered, or by two"
    return since


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("nodes", NODES)
@pytest.mark.parametrize("seed", range(4))
def test_a_switch_that_forwards_nothing_for_a_while_moves_nothing(nodes: int, outage: float, seed: int) -> None:
    """Carriers stay up, as while a switch learns its spanning tree; not even for a moment does anybody take anything."""
    world, taken = stage(nodes, seed, gateway=True)
    before = owners(world)
    silence(world)
    world.clock.run(world.clock.now + outage)
    world.lan.mend()
    assert answered_once(world) <= TWO_BEATS
    assert (owners(world), taken) == (before, [])


@pytest.mark.parametrize("outage", [0.4, 0.8, 4.0, 10.0])
@pytest.mark.parametrize("nodes", NODES)
@pytest.mark.parametrize("seed", range(4))
def test_without_a_gateway_everybody_has_what_it_had_in_the_end(nodes: int, outage: float, seed: int) -> None:
    """With nobody to ask each node serves its own side after a while: all of them give that up again."""
    world, _ = stage(nodes, seed, gateway=False)
    before = owners(world)
    silence(world)
    world.clock.run(world.clock.now + outage)
    world.lan.mend()
    assert answered_once(world) <= 2 * TWO_BEATS
    assert owners(world) == before


@pytest.mark.parametrize("outage", [0.45, 0.8, 4.0, 10.0])
@pytest.mark.parametrize("nodes", [3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_two_nodes_on_one_host_that_hear_each_other_gain_nothing(nodes: int, outage: float, seed: int) -> None:
    """They act without their witness after a while, as if the rest were gone; but the rest lost it as they did."""
    world, _ = stage(nodes, seed, gateway=True)
    before = owners(world)
    silence(world, *world.names[:2])
    world.clock.run(world.clock.now + outage)
    world.lan.mend()
    assert answered_once(world) <= 2 * TWO_BEATS
    assert owners(world) == before


@pytest.mark.parametrize("outage", [0.5, 4.0, 30.0])
@pytest.mark.parametrize("nodes", NODES)
@pytest.mark.parametrize("seed", range(4))
def test_a_switch_that_starts_again_moves_nothing(nodes: int, outage: float, seed: int) -> None:
    """All carriers go, and come back one after the other: who is back first does not take what the others have."""
    world, taken = stage(nodes, seed, gateway=True)
    before, dice = owners(world), random.Random(seed)  # noqa: S311 - replayable on purpose
    silence(world)
    for node in world.nodes.values():
        world.clock.after(dice.random() * 0.2, partial(node.pull, "eth0"))
    world.clock.run(world.clock.now + outage)
    world.lan.mend()
    for node in world.nodes.values():
        world.clock.after(dice.random() * 1.3, partial(node.plug, "eth0"))
    answered_once(world)
    assert (owners(world), taken) == (before, [])


@pytest.mark.parametrize("nodes", NODES)
@pytest.mark.parametrize("seed", range(4))
def test_who_died_while_the_switch_forwarded_nothing_is_replaced_soon_after(nodes: int, seed: int) -> None:
    """That the others are waited for has an end."""
    world, taken = stage(nodes, seed, gateway=True)
    silence(world)
    world.clock.run(world.clock.now + 2.0)
    victim = world.nodes[next(iter(owners(world).values()))]
    victim.power_off()
    world.clock.run(world.clock.now + 2.0)
    world.lan.mend()
    assert answered_once(world) < 2.2
    assert {took.previous for took in taken} == {victim.name}
