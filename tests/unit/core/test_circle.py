"""Whom a node beats to where there are too many for each to beat to all, and what it tells of those that it lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from pylb.core.beats import INTERVAL, STRIDE, Ack, Beat, Loss, State
from pylb.core.circle import (
    COMPANY,
    CROWD,
    FAN,
    LISTENING,
    MAX_LOSSES,
    NEAR,
    NEWS,
    REFILL,
    ROUND,
    ROUNDS,
    SPREAD,
    Circle,
    place,
)
from pylb.core.claims import Claim
from pylb.core.evidence import Verdict
from pylb.core.model import NodeName
from pylb.core.peers import DEADLINE, MISSED, Peer, Peers

ME, OURS, THEIRS = NodeName("me"), 7, 8
ADDRESS = ip_address("10.0.0.1")
LATER = LISTENING + 2.0  # s: it does not listen any more


class One:
    """A node in its circle; all others are heard as it says."""

    def __init__(self, others: int) -> None:
        self.others = [NodeName(f"n{number}") for number in range(others)]
        self.peers = Peers(ME, OURS, 0.0)
        self.circle = Circle(ME, self.peers, 0.0)
        self.circle.sit(self.others)
        self.number = 0

    def hear(self, nodes: Iterable[NodeName], now: float) -> None:
        self.number += 1
        sequence = self.number * STRIDE
        self.peers.sent(sequence, now)
        for node in nodes:
            self.peers.hear(Beat(node, THEIRS, sequence, State.ACTIVE, acks={ME: Ack(OURS, sequence)}), now)

    def turn(
        self, now: float = LATER, state: State = State.ACTIVE, company: tuple[NodeName, ...] = ()
    ) -> list[tuple[set[NodeName], bool]]:
        return [(set(to), asks) for to, asks in self.circle.turn(state, 0.0, company, now)]

    def told(self, now: float = LATER) -> set[NodeName]:
        return set().union(*(to for to, asks in self.turn(now) if not asks))

    def peer(self, node: NodeName) -> Peer:
        found = self.peers.get(node)
        assert found is not None
        return found

    def settle(self, now: float = LATER) -> None:
        """All are heard, and have heard that it takes part."""
        self.hear(self.others, now - 1.0)
        for _ in range(NEWS):
            self.turn(now - 1.0)
        self.hear(self.others, now)

    def watch(self, now: float) -> None:
        self.circle.watch([peer for peer in self.circle.suspects(()) if not peer.is_fresh(now)], now)


@pytest.fixture
def one() -> One:
    made = One(99)
    made.settle()
    return made


def test_each_watches_the_nearest_on_either_side_and_is_watched_by_them(one: One) -> None:
    ring, size = one.circle.order, len(one.circle.order)
    assert ring == sorted((*one.others, ME), key=place)
    for at, node in enumerate(ring):
        nearest = {ring[(at + step) % size] for step in (*range(-NEAR, 0), *range(1, NEAR + 1))}
        assert set(one.circle.beside(node, LATER)) == nearest
        assert all(node in one.circle.beside(other, LATER) for other in nearest)


def test_who_is_silent_watches_nobody_and_those_after_it_do() -> None:
    """However many in a row: the ring closes over them."""
    one = One(40)
    ring = one.circle.order
    at = ring.index(ME)
    lost = [ring[(at + step) % len(ring)] for step in range(1, 12)]
    one.hear((node for node in one.others if node not in lost), LATER)
    beside = one.circle.beside(ME, LATER)
    assert beside[:NEAR] == [ring[(at + step) % len(ring)] for step in range(12, 12 + NEAR)]
    assert set(beside[NEAR:]) == {ring[at - step] for step in range(1, NEAR + 1)}
    assert ME in one.circle.beside(lost[-1], LATER), "a lost one is watched by those that are left"


@pytest.mark.parametrize("live", [0, 1, 3, 7])
def test_where_few_are_left_all_of_them_watch_each_other(live: int) -> None:
    one = One(40)
    one.hear(one.others[:live], LATER)
    assert set(one.circle.beside(ME, LATER)) == set(one.others[:live])


def test_a_node_that_is_not_known_has_its_place_too(one: One) -> None:
    stranger = NodeName("stranger")
    ring = sorted((*one.circle.order, stranger), key=place)
    at, size = ring.index(stranger), len(ring)
    nearest = {ring[(at + step) % size] for step in (*range(-NEAR, 0), *range(1, NEAR + 1))}
    assert set(one.circle.beside(stranger, LATER)) == nearest


@pytest.mark.parametrize("others", [CROWD, 99, 299, 999])
def test_a_turn_costs_the_same_and_all_have_been_told_when_they_should(others: int) -> None:
    one = One(others)
    one.settle()
    near = set(one.circle.beside(ME, LATER))
    left = set(one.others) - near
    turns = round(one.circle.slack / MISSED) + 1
    for _ in range(turns):
        (told, said), (asked, wants) = one.turn()
        assert (said, wants, asked) == (False, True, near)
        assert len(told) == min(FAN, others) - len(near)
        left -= told
    assert not left
    assert all(one.peer(node).slack == (0.0 if node in near else one.circle.slack) for node in one.others)


def test_whoever_asks_is_answered_once_in_the_next_turn(one: One) -> None:
    far = next(node for node in one.others if node not in one.told(LATER) | set(one.circle.beside(ME, LATER)))
    one.circle.note(Beat(far, THEIRS, 10 * STRIDE, State.ACTIVE, asks=True), False)
    (answered, asks), *_ = one.turn()
    assert (answered, asks) == ({far}, False)
    assert far not in one.told()


def test_who_is_heard_for_the_first_time_is_told_so(one: One) -> None:
    one.circle.note(Beat(one.others[0], THEIRS, 10 * STRIDE, State.ACTIVE), True)
    assert one.others[0] in one.told()


def test_who_asks_and_is_no_member_gets_nothing(one: One) -> None:
    one.circle.note(Beat(NodeName("stranger"), THEIRS, 1, State.ACTIVE, asks=True), True)
    assert NodeName("stranger") not in one.told()


def test_many_that_ask_are_named_in_several_beats() -> None:
    one = One(200)
    one.settle()
    for node in one.others:
        one.circle.note(Beat(node, THEIRS, 10 * STRIDE, State.ACTIVE, asks=True), False)
    assert all(len(to) <= FAN for to, _ in one.turn())


CLAIM = Claim(ME, 3)


@pytest.mark.parametrize(
    ("after", "is_news"),
    [
        ({ADDRESS: CLAIM}, False),
        ({ADDRESS: replace(CLAIM, provisional=True)}, False),
        ({ADDRESS: replace(CLAIM, restored=True, taken=True)}, False),
        ({ADDRESS: replace(CLAIM, term=4)}, True),
        ({ADDRESS: replace(CLAIM, yields=True)}, True),
        ({ADDRESS: Claim(NodeName("n1"), 3)}, True),
        ({}, True),
        ({ADDRESS: CLAIM, ip_address("10.0.0.2"): CLAIM}, True),
    ],
)
def test_all_are_told_at_once_what_is_news(one: One, after: dict[object, Claim], is_news: bool) -> None:
    one.circle.compare({ADDRESS: CLAIM}, after)  # type: ignore[arg-type]
    everybody = set(one.others) - set(one.circle.beside(ME, LATER))
    for _ in range(NEWS):
        assert (one.told(LATER) == everybody) is is_news
    assert one.told(LATER) != everybody, "and not for ever"


@pytest.mark.parametrize("state", list(State))
def test_that_it_takes_part_or_leaves_is_news(state: State) -> None:
    one = One(99)
    one.hear(one.others, LATER)
    everybody = set(one.others) - set(one.circle.beside(ME, LATER))
    told = set().union(*(to for to, asks in one.turn(state=state) if not asks))
    assert (told == everybody) is (state in (State.ACTIVE, State.DRAINING, State.LEAVING))


def test_whatever_happens_all_are_told_so_often_at_most() -> None:
    one, now, count = One(99), LATER, 0
    one.hear(one.others, now)
    everybody = set(one.others) - set(one.circle.beside(ME, now))
    for _ in range(50):
        now += INTERVAL
        one.hear(one.others, now)
        one.circle.tell_all(NEWS)
        count += one.told(now) == everybody
    assert count <= ROUNDS + 50 * INTERVAL * REFILL + 1


def test_who_listens_asks_all_in_a_second_and_those_again_that_did_not_answer() -> None:
    one, asked, now = One(299), list[NodeName](), 0.0
    for _ in range(round(ROUND / INTERVAL)):
        now += INTERVAL
        asked += [node for to, asks in one.turn(now, State.JOINING) if asks for node in to]
    assert set(asked) == set(one.others)
    assert len(asked) <= len(one.circle.order)
    one.hear(one.others[:290], now)
    again = [to for to, asks in one.turn(now + INTERVAL, State.JOINING) if asks]
    assert set(one.others[290:]) <= set().union(*again)
    assert len(set().union(*again)) == len(one.others[290:]) + 2 * NEAR


def test_with_whom_something_is_to_be_settled_is_asked_too_and_many_take_turns(one: One) -> None:
    near = set(one.circle.beside(ME, LATER))
    company = tuple(node for node in one.others if node not in near)[: 3 * COMPANY]
    asked = list[set[NodeName]]()
    for _ in range(3):
        turn = one.turn(company=(*company, NodeName("stranger")))
        assert FAN - COMPANY <= sum(len(to) for to, _ in turn) <= FAN
        asked += [to - near for to, asks in turn if asks]
    assert all(len(to) <= COMPANY for to in asked)
    assert len(set().union(*asked)) >= 3 * COMPANY - 1


def test_of_who_was_watched_and_fell_silent_all_are_told_at_the_deadline(one: One) -> None:
    lost, *_ = one.circle.beside(ME, LATER)
    now = LATER + MISSED + 0.01
    one.hear((node for node in one.others if node != lost), LATER + 2 * INTERVAL)
    one.watch(now)
    assert one.peer(lost).is_doubted
    assert one.circle.losses == {}
    now = LATER + one.peer(lost).deadline
    assert now == pytest.approx(LATER + DEADLINE)
    one.watch(now)
    assert one.circle.losses == {lost: Loss(THEIRS, one.peer(lost).sequence)}
    assert len(one.told(now)) >= len(one.others) - 2 * NEAR
    one.circle.judged(one.peer(lost), Verdict.SERVES, now + 9.0)
    assert one.circle.losses == {lost: Loss(THEIRS, one.peer(lost).sequence, Verdict.SERVES)}
    one.watch(now + 9.0 + SPREAD)
    assert lost not in one.circle.losses


def test_who_is_heard_again_is_lost_no_more(one: One) -> None:
    lost, *_ = one.circle.beside(ME, LATER)
    others = [node for node in one.others if node != lost]
    one.hear(others, LATER + 0.2)
    for seconds in (0.3, 0.5):
        one.watch(LATER + seconds)
    assert set(one.circle.losses) == {lost}
    one.hear(one.others, LATER + 0.6)
    one.watch(LATER + 0.6)
    assert one.circle.losses == {}
    assert lost in one.circle.beside(ME, LATER + 0.6)


def test_of_who_was_not_watched_nothing_is_told(one: One) -> None:
    far = next(node for node in one.others if node not in one.circle.beside(ME, LATER))
    peer, now = one.peer(far), LATER + one.circle.slack + MISSED + 0.1
    one.hear((node for node in one.others if node != far), now)
    for _ in range(20):
        one.watch(now)
    assert peer.is_doubted
    one.circle.judged(peer, Verdict.GONE, now)
    one.watch(now)
    assert one.circle.losses == {}


def test_a_beat_tells_of_so_many_that_were_lost_at_most() -> None:
    """The last ones: those before were told already."""
    one = One(99)
    for number in range(MAX_LOSSES + 3):
        one.settle(LATER + number)
        now = LATER + number + MISSED + 0.01
        lost = next(node for node in one.circle.beside(ME, now - MISSED) if node not in one.circle.losses)
        one.hear((node for node in one.others if node != lost), now)
        one.watch(now)
        one.circle.judged(one.peer(lost), Verdict.GONE, now)
    assert len(one.circle.losses) <= MAX_LOSSES


@pytest.mark.parametrize(("lost_at", "is_told"), [(LATER + 1.0, True), (LATER + 3.0, False)])
def test_after_a_cut_what_was_claimed_since_is_told_to_all(one: One, lost_at: float, is_told: bool) -> None:
    one.turn(LATER + 2.0)
    one.circle.compare({}, {ADDRESS: CLAIM})
    later = LATER + 20.0
    one.hear(one.others, later)
    for _ in range(NEWS):
        one.told(later)
    one.circle.meet(lost_at)
    assert (one.told(later) == set(one.others) - set(one.circle.beside(ME, later))) is is_told


@pytest.mark.parametrize(("silent", "is_split"), [(1, False), (24, False), (25, True), (99, True)])
def test_of_so_many_that_are_silent_it_is_the_lan_that_is_cut(one: One, silent: int, is_split: bool) -> None:
    assert one.circle.is_split(one.others[:silent]) is is_split


def test_who_is_called_lost_tells_all_that_it_is_there(one: One) -> None:
    near = set(one.circle.beside(ME, LATER))
    one.circle.note(Beat(one.others[0], THEIRS, 9 * STRIDE, State.ACTIVE, lost={ME: Loss(OURS, 1)}), False)
    assert one.told(LATER) == set(one.others) - near
