"""Who counts as alive, and when."""

from __future__ import annotations

import pytest

from pylb.core.membership import (
    DEADLINE,
    INTERVAL,
    LISTEN,
    LISTEN_AGAIN,
    MAX_MEMBERS,
    PATIENCE,
    SETTLE,
    STALL_LIMIT,
    Beat,
    Cause,
    Change,
    Down,
    Membership,
    State,
    Up,
)
from pylb.core.model import NodeName

N2 = NodeName("n2")


def member(now: float = 0.0) -> Membership:
    found = Membership(NodeName("n1"), incarnation=1, now=now)
    found.connect(now)
    return found


def beat(sequence: int, state: State = State.ACTIVE, incarnation: int = 7, node: str = "n2") -> Beat:
    return Beat(NodeName(node), incarnation, sequence, state)


def test_listens_before_it_takes_part() -> None:
    n1 = member()
    assert n1.tick(LISTEN - 0.35) == []
    assert n1.alive == frozenset()
    assert n1.beat().state is State.JOINING
    assert n1.tick(LISTEN - 0.1) == []
    assert n1.tick(LISTEN) == []
    assert n1.beat().state is State.ACTIVE
    assert n1.alive == frozenset()
    assert n1.tick(LISTEN + SETTLE) == [Up(NodeName("n1"))]
    assert n1.alive == {"n1"}


def test_takes_no_part_before_it_is_connected() -> None:
    n1 = Membership(NodeName("n1"), incarnation=1, now=0.0)
    for step in range(1, 30):
        assert n1.tick(step * INTERVAL) == []
    n1.receive(beat(1), 2.9)
    n1.connect(3.0)
    assert n1.tick(3.2) == []
    assert n1.tick(3.0 + LISTEN_AGAIN) == [Up(NodeName("n1"))]


def test_where_all_start_at_once_each_waits_for_the_others_before_it_counts_itself() -> None:
    """Else the first one claims everything for the blink until the next one is active."""
    n1 = member()
    for now in (0.2, 0.4, LISTEN):
        n1.tick(now)
    assert n1.state is State.ACTIVE
    assert n1.receive(beat(1), LISTEN + 0.03) == [Up(N2)]
    assert n1.tick(LISTEN + INTERVAL) == []
    assert n1.alive == {"n2"}
    assert n1.tick(LISTEN + SETTLE) == [Up(NodeName("n1"))]
    assert n1.alive == {"n1", "n2"}


def test_a_member_dies_at_its_deadline_and_not_before() -> None:
    n1 = member()
    assert n1.receive(beat(1), 0.2) == [Up(N2)]
    n1.tick(0.2)
    n1.tick(0.45)
    assert n1.next_deadline() == pytest.approx(0.2 + DEADLINE)
    assert N2 not in {getattr(change, "node", None) for change in n1.tick(0.2 + DEADLINE - 0.001)}
    assert Down(N2, Cause.SILENT, pytest.approx(DEADLINE)) in n1.tick(0.2 + DEADLINE)
    assert n1.next_deadline() is None


@pytest.mark.parametrize("late", [beat(5), beat(4), beat(9, incarnation=3)])
def test_a_stale_beat_neither_revives_nor_renews(late: Beat) -> None:
    n1 = member()
    n1.receive(beat(1, incarnation=3), 0.0)
    n1.receive(beat(5), 0.1)
    assert n1.receive(late, 0.3) == []
    assert n1.stale == 1
    assert n1.next_deadline() == pytest.approx(0.1 + DEADLINE)
    for step in range(1, 8):
        n1.tick(step * INTERVAL)
    assert N2 not in n1.alive
    assert n1.receive(late, 0.8) == []
    assert N2 not in n1.alive
    assert n1.receive(beat(6), 0.9) == [Up(N2)]


def test_leaving_is_told_at_once() -> None:
    n1 = member()
    n1.receive(beat(1), 0.0)
    assert n1.receive(beat(2, State.LEAVING), 0.05) == [Down(N2, Cause.LEFT, 0.0)]
    assert n1.receive(beat(3, State.LEAVING), 0.15) == []


def test_a_joining_member_is_no_candidate_yet() -> None:
    n1 = member()
    assert n1.receive(beat(1, State.JOINING), 0.0) == []
    assert N2 not in n1.alive
    assert n1.receive(beat(2), 0.1) == [Up(N2)]


def test_a_restart_is_seen_as_leaving_the_line() -> None:
    """A new incarnation that still joins takes the node out until it is active again."""
    n1 = member()
    n1.receive(beat(100), 0.0)
    assert n1.receive(beat(1, State.JOINING, incarnation=8), 0.1) == [Down(N2, Cause.LEFT, 0.0)]
    assert n1.receive(beat(2, incarnation=8), 0.2) == [Up(N2)]


def active() -> Membership:
    """n1, active at 1.0, with n2 heard just then."""
    n1 = member()
    for step in range(1, 11):
        n1.tick(step * INTERVAL)
    n1.receive(beat(1), 1.0)
    return n1


def test_after_a_stall_nobody_is_blamed_and_nothing_is_answered_until_it_has_listened() -> None:
    n1 = active()
    assert n1.may_answer(1.0 + STALL_LIMIT)
    assert not n1.may_answer(5.0)
    assert n1.tick(5.0) == [Down(NodeName("n1"), Cause.STALLED, 4.0)]
    assert n1.alive == {"n2"}
    assert n1.beat().state is State.JOINING
    for now in (5.0 + INTERVAL, 5.0 + 2 * INTERVAL):
        assert n1.tick(now) == []
        assert not n1.may_answer(now)
    assert n1.tick(5.0 + LISTEN_AGAIN) == [Up(NodeName("n1"))]
    assert n1.may_answer(5.0 + LISTEN_AGAIN)
    n1.tick(5.0 + 4 * INTERVAL)
    assert n1.tick(5.0 + DEADLINE) == [Down(N2, Cause.SILENT, DEADLINE)]


def test_a_node_that_is_cut_off_takes_no_part_until_it_has_listened_again() -> None:
    n1 = active()
    assert n1.disconnect(1.1) == [Down(NodeName("n1"), Cause.CUT_OFF, 0.0)]
    assert not n1.may_answer(1.1)
    assert n1.tick(3.0) == []  # held up as well, and still cut off
    for step in range(1, 20):
        assert Up(NodeName("n1")) not in n1.tick(3.0 + step * INTERVAL)
    assert n1.connect(5.0) == []
    assert n1.receive(beat(2), 5.05) == [Up(N2)]
    for now in (4.95, 5.1, 5.2):
        assert n1.tick(now) == []
    assert n1.tick(5.0 + LISTEN_AGAIN) == [Up(NodeName("n1"))]
    assert not n1.cold


def test_a_link_event_at_the_start_does_not_shorten_the_listening() -> None:
    n1 = member()
    n1.connect(0.01)
    for now in (0.2, 0.4, LISTEN - 0.01):
        n1.tick(now)
        assert n1.state is State.JOINING
    n1.tick(LISTEN)
    assert n1.state is State.ACTIVE


def test_who_leaves_goes_on_answering_and_does_not_come_back() -> None:
    n1 = active()
    n1.leave()
    assert n1.may_answer(1.1)
    assert n1.alive == {"n2"}
    n1.tick(9.0)
    n1.tick(9.3)
    assert n1.state is State.LEAVING


def test_own_beats_and_a_flood_of_names_change_nothing() -> None:
    n1 = member()
    assert n1.receive(beat(1, node="n1"), 0.0) == []
    for number in range(MAX_MEMBERS + 5):
        n1.receive(beat(1, node=f"x{number}"), 0.0)
    assert len(n1.members) == MAX_MEMBERS
    for step in range(1, 8):
        n1.tick(step * INTERVAL)
    assert n1.receive(beat(1, node="new"), 0.75) == [Up(NodeName("new"))]


def test_sequence_numbers_grow() -> None:
    n1 = member()
    assert [n1.beat().sequence for _ in range(3)] == [1, 2, 3]
    n1.leave()
    assert n1.beat() == Beat(NodeName("n1"), 1, 4, State.LEAVING)


# Those who go by a part of the configuration


def partial(now: float = 0.0) -> Membership:
    found = member(now)
    found.go_by(True, now)
    return found


def hear(n1: Membership, until: float, *, start: float, partial: bool, incarnation: int = 7) -> list[Change]:
    """n2 beats and time passes; what changed."""
    changes: list[Change] = []
    for step in range(1, round((until - start) / INTERVAL) + 1):
        now = start + step * INTERVAL
        sequence = round(now / INTERVAL)
        changes += n1.receive(Beat(N2, incarnation, sequence, State.ACTIVE, partial), now)
        changes += n1.tick(now)
    return changes


def test_beside_one_who_knows_the_whole_a_part_is_no_candidate() -> None:
    n1 = partial()
    assert hear(n1, 5.0, start=0.0, partial=False) == [Up(N2)]
    assert (n1.alive, n1.state) == ({N2}, State.JOINING)
    for step in range(1, 10):
        n1.tick(5.0 + step * INTERVAL)
    assert n1.alive == {"n1"}, "when nobody knows the whole any more it is one"
    assert n1.beat().partial


def test_those_who_know_a_part_are_candidates_among_themselves() -> None:
    n1 = partial()
    hear(n1, 5.0, start=0.0, partial=True)
    assert n1.alive == {"n1", N2}


def test_who_knows_the_whole_counts_nobody_who_does_not() -> None:
    n1 = member()
    assert hear(n1, 5.0, start=0.0, partial=True) == [Up(NodeName("n1"))]
    assert n1.alive == {"n1"}
    assert hear(n1, 5.1, start=5.0, partial=False) == [Up(N2)]


def test_a_part_gives_way_to_the_whole_that_comes_from_elsewhere() -> None:
    """Its cut is healed: n2 was of the others all the time."""
    n1 = partial()
    for step in range(1, 20):
        n1.tick(step * INTERVAL)
    assert n1.alive == {"n1"}
    assert hear(n1, 2.1, start=1.9, partial=False) == [Up(N2), Down(NodeName("n1"), Cause.CUT_OFF, 0.0)]
    assert not n1.may_answer(2.1)


@pytest.mark.parametrize("mine_first", [True, False])
def test_when_the_whole_is_known_again_nothing_moves(mine_first: bool) -> None:
    """One learns it first, the other some beats later: neither leaves, nor is left out."""
    n1 = partial()
    hear(n1, 5.0, start=0.0, partial=True)
    changes: list[Change] = n1.go_by(False, 5.0) if mine_first else []
    changes += hear(n1, 6.0, start=5.0, partial=mine_first)
    changes += n1.go_by(False, 6.0)
    changes += hear(n1, 20.0, start=6.0, partial=False)
    assert changes == []
    assert n1.alive == {"n1", N2}


@pytest.mark.parametrize("mine_first", [True, False])
def test_who_never_learns_it_is_left_out_in_the_end(mine_first: bool) -> None:
    n1 = partial()
    hear(n1, 5.0, start=0.0, partial=True)
    changes: list[Change] = n1.go_by(False, 5.0) if mine_first else []
    changes += hear(n1, 5.0 + PATIENCE + 0.3, start=5.0, partial=mine_first)
    assert changes == [Down(N2, Cause.LEFT, 0.0) if mine_first else Down(NodeName("n1"), Cause.CUT_OFF, 0.0)]


def test_a_start_with_a_part_counts_others_of_its_kind_at_once() -> None:
    n1 = member()
    hear(n1, 0.3, start=0.0, partial=True)
    assert n1.go_by(True, 0.3) == [Up(N2)]
    assert n1.go_by(True, 0.4) == []
