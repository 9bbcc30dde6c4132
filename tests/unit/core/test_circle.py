"""Whom a node beats to where there are too many for each to beat to all."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from fakes.circles import LATER, ME, THEIRS, One
from pylb.core.model import NodeName
from pylb.core.ownership.beats import INTERVAL, STRIDE, Beat, State
from pylb.core.ownership.circle import (
    COMPANY,
    CROWD,
    FAN,
    NEAR,
    NEWS,
    REFILL,
    ROUND,
    ROUNDS,
    place,
)
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.peers import MISSED

ADDRESS = ip_address("10.0.0.1")


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
