"""More nodes on a link than beat to each other: bad weather, cuts, starts, and nodes that know different nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest

from fakes import strangers
from fakes.crowds import SETTLED, STEP, Crowd
from fakes.simulation import play
from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import State
from pylb.core.ownership.circle import CROWD, LISTENING
from pylb.core.ownership.effects import Down, Took
from pylb.core.ownership.presence import LISTEN
from pylb.sim.lan import CLIENT, GATEWAY, Weather
from pylb.sim.node import Node
from pylb.sim.scenario import draw
from pylb.sim.world import Size, World, link_of

SEEDS = 12

pytestmark = pytest.mark.timeout(300)  # some minutes of simulated time each


@pytest.mark.parametrize("seed", [1, 2])
def test_a_fifth_of_all_frames_lost_moves_nothing_and_a_lost_cable_is_found(seed: int) -> None:
    stage = Crowd(36, 36, seed)
    stage.world.lan.weather = Weather(loss=0.2)
    stage.run(20.0)
    assert stage.took == []
    node = stage.owner()
    lost = stage.owned(node.name)
    node.pull("eth0")
    assert stage.answered_again(lost) < 2.5


@pytest.mark.parametrize("share", [1, 20])
def test_after_a_cut_has_healed_each_address_has_one_mac_within_a_second(share: int) -> None:
    stage = Crowd(40, 80)
    here, there = stage.world.names[:share], stage.world.names[share:]
    healthy = {name: stage.owned(name) for name in there}
    for one in here:
        for other in (*there, GATEWAY, CLIENT):
            stage.world.lan.cut(one, other)
    assert stage.answered_again(stage.owned(*here)) < 1.0 if share == 1 else True
    stage.run(6.0)
    stage.world.lan.mend()
    assert stage.without_two() < 1.0
    stage.run(2.0)
    assert stage.all_owned_once()
    assert all(set(mine) <= set(stage.owned(name)) for name, mine in healthy.items()), "no healthy owner loses"


def test_all_that_start_at_once_own_each_address_once() -> None:
    stage = Crowd(48)
    for node in stage.world.nodes.values():
        node.kill()
        stage.world.clock.after(0.3 * stage.world.dice.random(), node.start)
    stage.run(STEP)
    assert stage.answered_again(stage.world.addresses) < LISTEN + LISTENING + 1.0
    stage.run(3.0)
    assert stage.all_owned_once()


def test_who_knows_other_nodes_than_the_rest_takes_nobody_for_dead() -> None:
    """A few have not heard yet of ten new nodes, and a few believe that ten others are gone."""
    stage = Crowd(60, 60)
    all_ = stage.world.nodes[NodeName("n1")].nodes
    for number, node in enumerate(stage.world.nodes.values()):
        if number % 7 == 0:
            node.nodes = dict(list(all_.items())[:50])
        elif number % 7 == 1:
            node.nodes = dict(list(all_.items())[10:])
        node.tell(stage.world.lines)
    stage.run(15.0)
    assert [effect for _, effect in stage.told if isinstance(effect, (Down, Took))] == []


@pytest.mark.parametrize("known", [30, CROWD, CROWD + 1])
def test_a_cluster_that_grows_over_32_nodes_and_shrinks_again_moves_nothing(known: int) -> None:
    """Each learns it at its own time; some are in a ring then, and some beat to all."""
    stage = Crowd(36, 36)
    all_ = stage.world.nodes[NodeName("n1")].nodes
    some = dict(list(all_.items())[:known])
    for nodes in (some, all_, some, all_):
        for node in stage.world.nodes.values():
            stage.world.clock.after(3.0 * stage.world.dice.random(), partial(learn, node, nodes))
        stage.run(8.0)
    assert stage.took == []
    assert {State.ACTIVE} == {one.state for one in stage.arbiters.values()}


def learn(node: Node, nodes: Mapping[NodeName, tuple[Address, ...]]) -> None:
    node.nodes = nodes
    node.tell(node.lines)


def test_a_link_that_few_have_has_a_mesh_of_its_own() -> None:
    """The ring is made of those that are on the link: the neighbours of a node may all be elsewhere."""
    world = World(Size(nodes=40, addresses=4, links=2, boot=0.1), 1)
    few = set(world.names[:5])
    for node in world.nodes.values():
        if node.name not in few:
            node.carriers.discard("eth1")
    shared = next(iter(world.nodes.values())).nodes
    for node in world.nodes.values():
        node.nodes = {name: homes if name in few else homes[:1] for name, homes in shared.items()}
    world.clock.run(SETTLED)
    one = world.nodes[world.names[0]].arbiter
    assert one is not None
    assert one.presence.segments["eth0"].circle is not None
    assert one.presence.segments["eth1"].circle is None
    assert all(len(world.lan.macs(address, link_of(address))) == 1 for address in world.addresses)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_breaks_in_larger_worlds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for those whose nodes only hear each other through the API: that takes long, and is no other there."""
    monkeypatch.setattr(strangers, "WRITES", 30)  # that bound is for a cluster of a few nodes
    drawn = draw(seed, CROWD + 1)
    disasters = tuple(one for one in drawn.disasters if one.kind != "strangers")
    scenario = replace(drawn, disasters=disasters, lasts=max(one.until for one in disasters) + 7.0)
    broken = play(scenario)
    assert not broken, f"{broken[0]}\n{scenario}"
