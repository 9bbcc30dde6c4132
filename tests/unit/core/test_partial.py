"""Who goes by a part of the configuration is no candidate beside those who know the whole; among its like it is."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import TICK, Arbiter
from pylb.core.ownership.beats import Ack, Beat, State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.effects import Down, Lost, Up
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.core.ownership.presence import AGREEMENT
from pylb.core.ownership.segment import Link

N1, N2 = NodeName("n1"), NodeName("n2")
ONE: Address = IPv4Address("10.0.0.100")
LINE = Line(ONE, (), Verdict(ranking=(N2, N1)))
LINK = Link("eth0", b"\2\0\0\0\0\1", (IPv4Network("10.0.0.0/24"),))
BEATS = 2  # ticks from one beat of n2 to the next


class One:
    """The arbiter of n1, which may hear n2; time passes as the test says."""

    def __init__(self, *, partial: bool) -> None:
        self.now, self.ticks = 0.0, 0
        self.arbiter = Arbiter(N1, 1, 0.0)
        self.arbiter.presence.go_by(partial, 0.0)
        self.arbiter.use([LINK], 0.0)
        self.arbiter.follow([LINE], {N1: (), N2: ()}, 0.0)
        self.arbiter.ready(True, 0.0)

    def learn(self, *, partial: bool) -> None:
        self.arbiter.presence.go_by(partial, self.now)

    def alone(self, seconds: float) -> list[object]:
        """Time passes and nobody is heard; who came and went."""
        return self._pass(seconds, None)

    def beside(self, seconds: float, *, partial: bool, claims: dict[Address, Claim] | None = None) -> list[object]:
        """Time passes while n2 beats; who came and went."""
        return self._pass(seconds, Beat(N2, 7, 0, State.ACTIVE, "eth0", b"", claims or {}, partial=partial))

    def _pass(self, seconds: float, heard: Beat | None) -> list[object]:
        told: list[object] = []
        for _ in range(round(seconds / TICK)):
            self.now, self.ticks = self.now + TICK, self.ticks + 1
            if heard is not None and self.ticks % BEATS == 0:
                self._hear(heard)
            self.arbiter.tick(self.now)
            told += [effect for effect in self.arbiter.effects() if isinstance(effect, (Up, Down))]
        return told

    def _hear(self, beat: Beat) -> None:
        [ours] = self.arbiter.beats(self.now)
        acks = {N1: Ack(ours.incarnation, ours.sequence)}
        fresh = Beat(N2, 7, self.ticks * 16, beat.state, "eth0", b"", beat.claims, acks, partial=beat.partial)
        self.arbiter.hear(fresh, "eth0", self.now)

    @property
    def active(self) -> bool:
        return self.arbiter.state is State.ACTIVE

    def may(self, node: NodeName) -> bool:
        """Whether a node is a candidate for an address of the link, as this one sees it."""
        return self.arbiter.presence.may_take(node, self.arbiter.presence.segments.values(), self.now)


def test_beside_one_who_knows_the_whole_a_part_is_no_candidate() -> None:
    one = One(partial=True)
    assert one.beside(5.0, partial=False) == [Up(N2)]
    assert (one.may(N2), one.may(N1), one.arbiter.owned) == (True, False, {})
    one.alone(5.0)
    assert one.may(N1), "when nobody knows the whole any more it is one"
    [beat] = one.arbiter.beats(one.now)
    assert beat.partial


def test_those_who_know_a_part_are_candidates_among_themselves() -> None:
    one = One(partial=True)
    one.beside(5.0, partial=True)
    assert (one.may(N1), one.may(N2)) == (True, True)


def test_who_knows_the_whole_counts_nobody_who_does_not() -> None:
    """n2, the first in the line, does not know the address: nobody would answer for it."""
    one = One(partial=False)
    one.beside(5.0, partial=True)
    assert (one.may(N1), one.may(N2)) == (True, False)
    assert list(one.arbiter.owned) == [ONE]
    one.beside(0.2, partial=False)
    assert one.may(N2)


def test_a_part_gives_way_to_the_whole_that_comes_from_elsewhere() -> None:
    """Its cut is healed: n2 was of the others all the time, and has the address."""
    one = One(partial=True)
    one.alone(6.0)
    assert list(one.arbiter.owned) == [ONE]
    assert one.beside(0.3, partial=False, claims={ONE: Claim(N2, 5)}) == [Up(N2), Down(N1, Lost.CUT_OFF, 0.0)]
    assert not one.active
    one.beside(0.3, partial=False, claims={ONE: Claim(N2, 5)})
    assert one.arbiter.owned == {}


@pytest.mark.parametrize("mine_first", [True, False])
def test_when_the_whole_is_known_again_nothing_moves(mine_first: bool) -> None:
    """One learns it first, the other some beats later: neither leaves, nor is left out."""
    one = One(partial=True)
    one.beside(5.0, partial=True)
    if mine_first:
        one.learn(partial=False)
    changes = one.beside(1.0, partial=mine_first)
    assert one.may(N2)
    one.learn(partial=False)
    changes += one.beside(10.0, partial=False)
    assert (changes, one.may(N1), one.may(N2)) == ([], True, True)


@pytest.mark.parametrize("mine_first", [True, False])
def test_who_never_learns_it_is_left_out_in_the_end(mine_first: bool) -> None:
    one = One(partial=True)
    one.beside(5.0, partial=True)
    if mine_first:
        one.learn(partial=False)
    one.beside(AGREEMENT - 0.3, partial=mine_first)
    assert (one.may(N1), one.may(N2)) == (True, True)
    one.beside(0.6, partial=mine_first)
    assert (one.may(N1), one.may(N2)) == (mine_first, not mine_first)


def test_a_start_with_a_part_counts_others_of_its_kind_at_once() -> None:
    one = One(partial=False)
    one.beside(0.3, partial=True)
    assert not one.may(N2)
    one.learn(partial=True)
    assert one.may(N2)
