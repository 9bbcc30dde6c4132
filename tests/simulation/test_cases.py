"""Single cases that a random world is too small or too short for."""

from __future__ import annotations

import pytest

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import STRIDE, Ack, Beat, State
from pylb.core.ownership.effects import Effect, Stalled, Took
from pylb.core.ownership.evidence import Port
from pylb.sim.lan import Weather
from pylb.sim.node import Node
from pylb.sim.world import Size, World

SETTLED = 6.0  # s
TICK = 0.05  # s
STEP = 0.01  # s


def owner_of_something(world: World) -> Node:
    return next(node for node in world.nodes.values() if node.arbiter is not None and node.arbiter.owned)


def answered_again(world: World, addresses: list[Address]) -> float:
    """Seconds until all addresses are answered to clients."""
    start = world.clock.now
    while not all(world.lan.macs(address, "eth0") for address in addresses):
        world.clock.run(world.clock.now + STEP)
        assert world.clock.now < start + 60.0
    return world.clock.now - start


@pytest.mark.parametrize("seed", range(6))
def test_a_fifth_of_all_frames_lost_moves_nothing_and_a_lost_cable_is_found(seed: int) -> None:
    """Two minutes of it, ARP included; the cable's addresses are answered elsewhere within 2.5 s."""
    world = World(Size(nodes=2 + seed % 4, addresses=6), seed)
    world.clock.run(SETTLED)
    moves: list[Took] = []

    def note(node: Node, effects: list[Effect]) -> None:
        moves.extend(effect for effect in effects if isinstance(effect, Took))

    world.watchers.append(note)
    world.lan.weather = Weather(loss=0.2)
    world.clock.run(SETTLED + 120.0)
    assert moves == []
    node = owner_of_something(world)
    assert node.arbiter is not None
    lost = list(node.arbiter.owned)
    node.pull("eth0")
    assert answered_again(world, lost) < 2.5


@pytest.mark.parametrize("seed", range(10))
def test_fifty_addresses_of_a_dead_node_are_answered_within_half_a_second(seed: int) -> None:
    world = World(Size(nodes=2 + seed % 4, addresses=50), seed)
    world.clock.run(SETTLED + seed * 0.0137)
    node = owner_of_something(world)
    assert node.arbiter is not None
    lost = list(node.arbiter.owned)
    node.power_off()
    assert answered_again(world, lost) < 0.5


def test_four_thousand_addresses_have_one_owner_each_before_and_after_a_loss() -> None:
    """More than are decided about in one tick."""
    world = World(Size(nodes=3, addresses=4000, boot=0.1), 1)
    world.clock.run(3.0)
    world.nodes[NodeName("n1")].power_off()
    world.clock.run(5.0)
    owned = [address for node in world.nodes.values() if node.arbiter is not None for address in node.arbiter.owned]
    assert sorted(owned) == sorted(world.addresses)


def test_a_thousand_peers_are_heard() -> None:
    world = World(Size(nodes=1, addresses=1), 1)
    arbiter = Arbiter(NodeName("n0"), 1, 0.0)
    arbiter.use([world.lan.link("eth0", NodeName("n0"))], 0.0)
    arbiter.ready(True, 0.0)
    for step in range(1, 30):
        now = step * TICK
        arbiter.tick(now)
        for mine in arbiter.beats(now):
            for i in range(1, 1000):
                acks = {NodeName("n0"): Ack(1, mine.sequence)}
                beat = Beat(NodeName(f"n{i}"), i, step * STRIDE, State.ACTIVE, "eth0", b"", {}, acks)
                arbiter.hear(beat, "eth0", now)
    assert len(arbiter.presence.members) == 999
    assert not any(isinstance(effect, Stalled) for effect in arbiter.effects())


def test_who_is_asked_to_end_is_relieved_before_it_does() -> None:
    """Not one moment unanswered, and nothing moves."""
    world = World(Size(nodes=3, addresses=3), 2)
    world.clock.run(SETTLED)
    node = owner_of_something(world)
    assert node.arbiter is not None
    mine = list(node.arbiter.owned)
    before = [world.lan.macs(address, "eth0").keys() for address in mine]
    node.terminate()
    while world.clock.now < SETTLED + 5.0:
        world.clock.run(world.clock.now + STEP)
        assert [world.lan.macs(address, "eth0").keys() for address in mine] == before
    assert node.arbiter is None


def test_a_stopped_kubernetes_is_replaced_within_a_second() -> None:
    """Though the node's kernel answers on."""
    world = World(Size(nodes=3, addresses=3), 3)
    world.clock.run(SETTLED)
    node = owner_of_something(world)
    assert node.arbiter is not None
    mine = list(node.arbiter.owned)
    node.kill()
    node.kubelet = Port.REFUSES
    world.clock.run(SETTLED + 1.0)
    others = [other.arbiter for other in world.nodes.values() if other.arbiter is not None]
    assert all(any(address in other.owned for other in others) for address in mine)
