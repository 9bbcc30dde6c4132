"""Whose turn it is: places in line, and who is to find out what became of an owner, and to stand in for it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership import turns
from pylb.core.ownership.beats import STRIDE, Ack, Beat, State
from pylb.core.ownership.circle import CROWD
from pylb.core.ownership.claims import Claim, tie
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.evidence import Verdict as Fate
from pylb.core.ownership.lines import Line
from pylb.core.ownership.presence import Presence
from pylb.core.ownership.seats import Seat
from pylb.core.ownership.segment import Link, Segment

ME, OURS, THEIRS, NOW = NodeName("me"), 1, 2, 10.0
ADDRESS = ip_address("10.0.0.1")


class Stage:
    """A node that takes part among others that it hears; `draining` are those that drain, `silent` was heard before."""

    def __init__(self, others: int, draining: tuple[str, ...] = (), silent: tuple[str, ...] = ()) -> None:
        self.nodes = [NodeName(f"n{number}") for number in range(others)]
        self.presence = Presence(ME, OURS, 0.0)
        self.presence.ready(True, 0.0)
        self.presence.use([Link("eth0", b"\2", (ip_network("10.0.0.0/8"),))], 0.0)
        self.presence.sit({node: (ip_address("10.1.0.1"),) for node in (*self.nodes, ME)}, 0.0)
        self.segment: Segment = self.presence.segments["eth0"]
        for number in range(1, round(NOW / 0.1) + 1):
            now = number * 0.1
            self.presence.tick(now)
            for node in self.nodes:
                if now < 1.0 or node not in silent:
                    state = State.DRAINING if node in draining else State.ACTIVE
                    self.segment.peers.sent(number * STRIDE, now)
                    acks = {ME: Ack(OURS, number * STRIDE)}
                    self.segment.peers.hear(Beat(node, THEIRS, number * STRIDE, state, "eth0", acks=acks), now)
            list(self.presence.turns(self.segment, now))
            self.presence.watch(self.segment, now)
            self.presence.join(now)

    def seat(self, *line: str) -> Seat:
        return Seat(Line(ADDRESS, (), Verdict(tuple(map(NodeName, line)))), (self.segment,))


FEW = {"draining": ("n1",), "silent": ("n2",)}


@pytest.mark.parametrize(
    ("line", "but", "place"),
    [
        (("me", "n0"), None, 0),
        (("n0", "me"), None, 1),
        (("n0", "me"), "n0", 0),
        (("n1", "n2", "me"), None, 0),  # one drains, the other is not heard
        (("n0", "n3", "me"), None, 2),
        (("n0",), None, None),
        (("n0", "me"), "me", None),
    ],
)
def test_the_place_in_a_line_is_that_among_those_who_may(line: tuple[str, ...], but: str | None, place: object) -> None:
    stage = Stage(4, **FEW)
    other = NodeName(but) if but else None
    assert turns.place(stage.presence, stage.seat(*line), NOW, other) == place


def test_who_is_too_far_behind_has_none() -> None:
    stage = Stage(4)
    seat = stage.seat("n0", "n1", "me")
    assert [turns.place(stage.presence, seat, NOW, most=most) for most in (0, 1, 2)] == [None, None, 2]


def test_those_who_were_never_heard_count_where_they_are_to() -> None:
    stage = Stage(2)
    seat = stage.seat("late", "n0", "me")
    assert turns.place(stage.presence, seat, NOW) == 1
    assert turns.place(stage.presence, seat, NOW, unheard={NodeName("late"), NodeName("n0")}) == 2


def test_up_to_32_nodes_all_are_concerned_and_the_first_by_hash_of_all_stands_in() -> None:
    stage = Stage(CROWD - 1, silent=("n0",))
    owner = NodeName("n0")
    peer = stage.segment.peers.get(owner)
    assert peer is not None
    seat = stage.seat(*stage.nodes, "me")
    assert turns.is_concerned(stage.presence, seat, stage.segment, peer, NOW)
    assert turns.heir(stage.presence, seat, stage.segment, owner, NOW) == CROWD - 2
    first = min((ME, *stage.nodes[1:]), key=lambda node: tie(node, owner))
    assert turns.stands_in(stage.presence, stage.segment, owner, NOW) is (first == ME)
    assert turns.pause(stage.segment, 2, 0.2) == pytest.approx(0.4)


def beside_me(stage: Stage) -> set[NodeName]:
    assert stage.segment.circle is not None
    return set(stage.segment.circle.beside(ME, NOW))


@pytest.fixture(scope="module")
def crowd() -> Stage:
    """Two of them were lost: n0, and the one that stood next to this node."""
    stage = Stage(60)
    near = next(node for node in stage.nodes if node in beside_me(stage))
    return Stage(60, silent=("n0", near))


def lost(stage: Stage, *, near: bool) -> NodeName:
    """One that is silent: a neighbour, or not."""
    assert stage.segment.circle is not None
    found = [peer.node for peer in stage.segment.peers if not peer.is_fresh(NOW)]
    return next(node for node in found if (ME in stage.segment.circle.beside(node, NOW)) is near)


@pytest.mark.parametrize(
    ("near", "place", "stood_in", "told", "concerned"),
    [
        (True, 20, True, None, True),  # who watched it always is
        (False, 0, False, None, True),
        (False, turns.HEIRS - 1, False, None, True),
        (False, turns.HEIRS, False, None, False),
        (False, 0, True, None, False),  # it is seen to
        (False, 0, True, Fate.SERVES, True),  # that is over
        (False, turns.HEIRS, True, Fate.GONE, False),
    ],
)
def test_who_is_to_find_out_what_became_of_an_owner(
    crowd: Stage, near: bool, place: int, stood_in: bool, told: Fate | None, concerned: bool
) -> None:
    owner = lost(crowd, near=near)
    peer = crowd.segment.peers.get(owner)
    assert peer is not None
    before = [node for node in crowd.nodes if node not in ("n0", owner)][:place]
    seat = crowd.seat(owner, *before, "me")
    if stood_in:
        seat.heard["eth0", before[-1] if before else crowd.nodes[5]] = Claim(owner, 3)
    peer.told = told
    assert turns.is_concerned(crowd.presence, seat, crowd.segment, peer, NOW) is concerned


def test_above_32_nodes_the_first_by_hash_of_those_who_watched_it_stands_in(crowd: Stage) -> None:
    assert crowd.segment.circle is not None
    owner = lost(crowd, near=True)
    able = [node for node in crowd.segment.circle.beside(owner, NOW) if node != owner]
    first = min(able, key=lambda node: tie(node, owner))
    assert turns.stands_in(crowd.presence, crowd.segment, owner, NOW) is (first == ME)
    assert not turns.stands_in(crowd.presence, crowd.segment, lost(crowd, near=False), NOW)


def test_the_next_in_line_leaves_the_one_before_it_the_time_to_be_told(crowd: Stage) -> None:
    assert turns.pause(crowd.segment, 0, 0.2) == 0.0
    assert turns.pause(crowd.segment, 1, 0.2) == pytest.approx(0.2 + turns.RELAY)
