"""More nodes on a link than beat to each other: what befalls one reaches those who have to act, and them alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fakes.crowds import STEP, Crowd
from pylb.core.ownership.beats import Loss
from pylb.core.ownership.circle import CROWD, FAN, LISTENING
from pylb.core.ownership.effects import StoodIn
from pylb.core.ownership.evidence import Port, Verdict
from pylb.core.ownership.presence import LISTEN
from pylb.sim.node import Node

SOON = 1.5  # s in which another answers for the addresses of a lost node, also where nobody who watched it may

pytestmark = pytest.mark.timeout(300)  # a minute of simulated time each at most, in which dozens of nodes talk


@pytest.mark.parametrize("nodes", [CROWD + 1, 80])
def test_a_turn_goes_to_as_many_as_in_the_largest_mesh(nodes: int) -> None:
    stage = Crowd(nodes)
    before = stage.world.lan.beats
    stage.run(2.0)
    assert stage.world.lan.beats - before == pytest.approx(20 * FAN * nodes, rel=0.01)
    assert stage.all_owned_once()


def test_up_to_32_nodes_beat_to_all_and_there_is_no_ring() -> None:
    stage = Crowd(CROWD, 4)
    assert all(segment.circle is None for one in stage.arbiters.values() for segment in one.presence.segments.values())


@pytest.mark.parametrize("lose", [Node.power_off, lambda node: node.pull("eth0")], ids=["power", "cable"])
@pytest.mark.parametrize(("nodes", "seed"), [(33, 1), (33, 2), (64, 3)])
def test_the_addresses_of_a_lost_node_are_answered_elsewhere(
    lose: Callable[[Node], None], nodes: int, seed: int
) -> None:
    """The first in line takes them, though it does not watch that node."""
    stage = Crowd(nodes, nodes, seed)
    node = stage.owner()
    lost = stage.owned(node.name)
    lines = {line.address: line.verdict.ranking for line in stage.world.lines}
    stage.run(seed * 0.0137)
    lose(node)
    assert stage.answered_again(lost) < 1.0
    heirs = {took.line.address: took.claim.node for took in stage.took}
    assert heirs == {address: next(one for one in lines[address] if one != node.name) for address in lost}


def test_where_the_first_in_line_died_with_the_owner_the_next_one_takes_over() -> None:
    stage = Crowd(40)
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
    stage = Crowd(40, 80)
    gone = stage.ring()[:row]
    lost = stage.owned(*gone)
    assert lost
    for name in gone:
        stage.world.nodes[name].power_off()
    assert stage.answered_again(lost) < SOON + 0.5 * (row // 8)


def test_a_speaker_that_is_killed_is_stood_in_for_by_one_neighbour_and_owns_all_again() -> None:
    stage = Crowd(40, 120)
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
    stage = Crowd(40, 40)
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
    stage = Crowd(36, 72)
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
    stage = Crowd(36, 72)
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
    stage = Crowd(40, 40)
    node = stage.owner()
    mine = stage.owned(node.name)
    node.kill()
    node.kubelet = Port.REFUSES
    stage.run(SOON)
    assert sorted(took.line.address for took in stage.took) == sorted(mine)


def test_a_rollout_moves_nothing_and_leaves_nothing_unanswered() -> None:
    stage = Crowd(34, 34)
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
