"""More nodes on a link than beat to each other: each watches a few, and what they find reaches those who have to act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import pytest

from fakes import strangers
from fakes.simulation import play
from pylb.core.arbiter import Arbiter
from pylb.core.beats import Loss, State
from pylb.core.circle import CROWD, FAN, LISTENING
from pylb.core.effects import Down, Effect, StoodIn, Took
from pylb.core.evidence import Port, Verdict
from pylb.core.model import Address, NodeName
from pylb.core.presence import LISTEN
from pylb.sim.lan import CLIENT, GATEWAY, Weather
from pylb.sim.node import Node
from pylb.sim.scenario import draw
from pylb.sim.world import Size, World, link_of

SETTLED = 6.0  # s
STEP = 0.01  # s
SOON = 1.5  # s in which another answers for the addresses of a lost node, also where nobody who watched it may
SEEDS = 12


class Stage:
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


@pytest.mark.parametrize("nodes", [CROWD + 1, 80])
def test_a_turn_goes_to_as_many_as_in_the_largest_mesh(nodes: int) -> None:
    stage = Stage(nodes)
    before = stage.world.lan.beats
    stage.run(2.0)
    assert stage.world.lan.beats - before == pytest.approx(20 * FAN * nodes, rel=0.01)
    assert stage.all_owned_once()


def test_up_to_32_nodes_beat_to_all_and_there_is_no_ring() -> None:
    stage = Stage(CROWD, 4)
    assert all(segment.circle is None for one in stage.arbiters.values() for segment in one.presence.segments.values())


@pytest.mark.parametrize("lose", [Node.power_off, lambda node: node.pull("eth0")], ids=["power", "cable"])
@pytest.mark.parametrize(("nodes", "seed"), [(33, 1), (33, 2), (64, 3)])
def test_the_addresses_of_a_lost_node_are_answered_elsewhere(
    lose: Callable[[Node], None], nodes: int, seed: int
) -> None:
    """The first in line takes them, though it does not watch that node."""
    stage = Stage(nodes, nodes, seed)
    node = stage.owner()
    lost = stage.owned(node.name)
    lines = {line.address: line.verdict.ranking for line in stage.world.lines}
    stage.run(seed * 0.0137)
    lose(node)
    assert stage.answered_again(lost) < 1.0
    heirs = {took.line.address: took.claim.node for took in stage.took}
    assert heirs == {address: next(one for one in lines[address] if one != node.name) for address in lost}


def test_where_the_first_in_line_died_with_the_owner_the_next_one_takes_over() -> None:
    stage = Stage(40)
    node = stage.owner()
    [address, *_] = stage.owned(node.name)
    line = next(line for line in stage.world.lines if line.address == address).verdict.ranking
    for name in [name for name in line if name != node.name][:2]:
        stage.world.nodes[name].power_off()
    node.power_off()
    assert stage.answered_again([address]) < SOON


@pytest.mark.parametrize("row", [4, 9, 16])
def test_neighbours_in_a_row_that_are_lost_at_once_are_found(row: int) -> None:
    """Also where all who watched a node are lost with it: those that are left watch whoever is next to them then."""
    stage = Stage(40, 80)
    gone = stage.ring()[:row]
    lost = stage.owned(*gone)
    assert lost
    for name in gone:
        stage.world.nodes[name].power_off()
    assert stage.answered_again(lost) < SOON + 0.5 * (row // 8)


def test_a_speaker_that_is_killed_is_stood_in_for_by_one_neighbour_and_owns_all_again() -> None:
    stage = Stage(40, 120)
    node = stage.owner()
    mine = stage.owned(node.name)
    beside = set(stage.ring()[stage.ring().index(node.name) - 4 :][:9]) | set(stage.ring()[:4])
    node.kill()
    assert stage.answered_again(mine) < 0.5
    stage.run(3.0)
    standing = {name for name, effect in stage.told if isinstance(effect, StoodIn)}
    assert len(standing) == 1
    assert standing <= beside
    node.start()
    stage.run(LISTEN + LISTENING + 1.0)
    assert sorted(stage.owned(node.name)) == sorted(mine)
    assert all(took.previous == node.name for took in stage.took)


def test_a_speaker_that_never_comes_back_is_replaced_by_the_first_in_line() -> None:
    """By one who does not watch it, and hears of its end half a minute after it."""
    stage = Stage(40, 40)
    node = stage.owner()
    mine = stage.owned(node.name)
    node.kill()
    stage.run(29.0)
    assert not stage.took
    stage.run(3.0)
    assert sorted(took.line.address for took in stage.took) == sorted(mine)
    assert {str(took.cause) for took in stage.took} == {"speaker_gone"}
    assert stage.all_owned_once()


@pytest.mark.parametrize("which", [0, 3, 4, 7])
def test_a_neighbour_that_does_not_reach_a_node_takes_nothing_from_it(which: int) -> None:
    """The others who watch it do, and whoever is told that it was lost asks it first."""
    stage = Stage(36, 72)
    node = stage.owner()
    around = stage.ring()
    at = around.index(node.name)
    watching = [around[(at + step) % len(around)] for step in (-4, -3, -2, -1, 1, 2, 3, 4)]
    stage.world.lan.cut(node.name, watching[which])
    stage.world.lan.cut(node.name, watching[which - 2])
    stage.run(8.0)
    assert stage.took == []
    stage.world.lan.mend()
    stage.run(3.0)
    assert stage.took == []


@pytest.mark.parametrize(
    ("word", "alive"),
    [
        (Verdict.OPEN, True),
        (Verdict.SERVES, True),
        (Verdict.GONE, True),
        (Verdict.OPEN, False),
        (Verdict.MUTE, False),
        (Verdict.GONE, False),
    ],
)
def test_nobody_takes_an_address_upon_anothers_word_alone(word: Verdict, alive: bool) -> None:
    """Whoever hears that a node was lost, and what became of it, finds out by himself, if its speaker runs or not."""
    stage = Stage(36, 72)
    node = stage.owner()
    if not alive:
        node.kill()
        stage.run(0.2)
    arbiter = next(one for name, one in stage.arbiters.items() if name != node.name)
    circle, peer = (segment := arbiter.presence.segments["eth0"]).circle, segment.peers.get(node.name)
    assert circle is not None
    assert peer is not None
    circle.losses[node.name] = Loss(peer.incarnation, peer.sequence, word)
    circle.tell_all(3)
    stage.run(3.0)
    assert stage.took == []


def test_a_stopped_kubernetes_is_replaced_soon() -> None:
    stage = Stage(40, 40)
    node = stage.owner()
    mine = stage.owned(node.name)
    node.kill()
    node.kubelet = Port.REFUSES
    stage.run(SOON)
    assert sorted(took.line.address for took in stage.took) == sorted(mine)


def test_a_rollout_moves_nothing_and_leaves_nothing_unanswered() -> None:
    stage = Stage(34, 34)
    before = {name: stage.owned(name) for name in stage.world.names}
    for node in list(stage.world.nodes.values())[:6]:
        mine = before[node.name]
        node.terminate()
        while node.arbiter is not None:
            stage.run(STEP)
            assert all(stage.world.lan.macs(address, "eth0") for address in mine)
        stage.run(0.5)
        node.start()
        stage.run(LISTEN + LISTENING + 0.5)
        assert all(stage.world.lan.macs(address, "eth0") for address in mine)
    assert {name: stage.owned(name) for name in stage.world.names} == before


@pytest.mark.parametrize("seed", [1, 2])
def test_a_fifth_of_all_frames_lost_moves_nothing_and_a_lost_cable_is_found(seed: int) -> None:
    stage = Stage(36, 36, seed)
    stage.world.lan.weather = Weather(loss=0.2)
    stage.run(20.0)
    assert stage.took == []
    node = stage.owner()
    lost = stage.owned(node.name)
    node.pull("eth0")
    assert stage.answered_again(lost) < 2.5


@pytest.mark.parametrize("share", [1, 20])
def test_after_a_cut_has_healed_each_address_has_one_mac_within_a_second(share: int) -> None:
    stage = Stage(40, 80)
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
    stage = Stage(48)
    for node in stage.world.nodes.values():
        node.kill()
        stage.world.clock.after(0.3 * stage.world.dice.random(), node.start)
    stage.run(STEP)
    assert stage.answered_again(stage.world.addresses) < LISTEN + LISTENING + 1.0
    stage.run(3.0)
    assert stage.all_owned_once()


def test_who_knows_other_nodes_than_the_rest_takes_nobody_for_dead() -> None:
    """A few have not heard yet of ten new nodes, and a few believe that ten others are gone."""
    stage = Stage(60, 60)
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
    stage = Stage(36, 36)
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
