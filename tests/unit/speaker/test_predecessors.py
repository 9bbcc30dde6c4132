"""What a speaker of the version before answers for, by who is heard."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import TICK, Arbiter
from pylb.core.ownership.beats import Ack, Beat, State
from pylb.core.ownership.claims import MAX_TERM, Claim
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.core.ownership.seats import Held
from pylb.core.ownership.segment import Link
from pylb.speaker.datagram import Telling
from pylb.speaker.predecessors import MAX_NODES, Predecessors

N1, N2, N3 = NodeName("n1"), NodeName("n2"), NodeName("n3")
FIRST, SECOND, THIRD, NEVER = (IPv4Address(f"10.0.0.{last}") for last in (101, 102, 103, 104))
LINES = {FIRST: (N2, N1, N3), SECOND: (N1, N2, N3), THIRD: (N3, N2, N1), NEVER: (N3, N1)}
LINKS = [Link(name, b"\2\0\0\0\0\1", (IPv4Network("10.0.0.0/24"),)) for name in ("eth0", "eth1")]
MACS = (b"\2\0\0\0\0\2", b"\2\0\0\0\0\3")
OLD = Telling(Beat(N2, 7, 1, State.ACTIVE), None, MACS[:1])


def arbiter(state: State = State.JOINING) -> Arbiter:
    """n1, which hears nobody so far."""
    made = Arbiter(N1, 1, 0.0)
    made.use(LINKS, 0.0)
    made.follow([Line(address, (), Verdict(ranking=ranking)) for address, ranking in LINES.items()], {}, 0.0)
    made.presence.state = state
    return made


def claims(made: Arbiter, state: State = State.ACTIVE) -> dict[Address, Claim]:
    """What n2, in a state, is taken to answer for."""
    telling = replace(OLD, beat=replace(OLD.beat, state=state))
    one, other = Predecessors(made).complete(telling, {}, 0.0)
    assert one.claims is other.claims
    return dict(one.claims)


def hears_n3(made: Arbiter, state: State) -> Arbiter:
    beats = list(made.beats(0.0))
    for said, ours in ((State.ACTIVE, beats[0]), (state, beats[0])):
        sequence = ours.sequence + (said is state)
        made.hear(Beat(N3, 9, sequence, said, "eth0", acks={N1: Ack(1, ours.sequence)}), "eth0", 0.0)
    return made


OWNS, YIELDS = Claim(N2, 0, restored=True), Claim(N2, 0, restored=True, yields=True)


@pytest.mark.parametrize(
    ("who", "state", "expected"),
    [
        (arbiter(), State.ACTIVE, {FIRST: OWNS, SECOND: OWNS, THIRD: OWNS}),
        (arbiter(State.ACTIVE), State.ACTIVE, {FIRST: OWNS, SECOND: YIELDS, THIRD: OWNS}),
        (hears_n3(arbiter(State.ACTIVE), State.ACTIVE), State.ACTIVE, {FIRST: OWNS, SECOND: YIELDS}),
        (hears_n3(arbiter(State.ACTIVE), State.DRAINING), State.ACTIVE, {FIRST: OWNS, SECOND: YIELDS, THIRD: OWNS}),
        (arbiter(State.ACTIVE), State.LEAVING, {FIRST: YIELDS, SECOND: YIELDS, THIRD: YIELDS}),
        (arbiter(), State.JOINING, {}),
    ],
    ids=["it is alone", "beside us", "beside us and another", "and that drains", "it leaves", "it listens"],
)
def test_it_has_what_it_is_the_first_for(who: Arbiter, state: State, expected: dict[Address, Claim]) -> None:
    assert claims(who, state) == expected


def test_its_claim_stands_above_ours() -> None:
    """It gives way to none."""
    made = arbiter(State.ACTIVE)
    made.seats[FIRST].mine = Held(Claim(N1, 5), 0.0)
    made.seats[THIRD].mine = Held(Claim(N1, MAX_TERM), 0.0)
    made.seats[SECOND].mine = Held(Claim(N1, 8), 0.0)
    assert {address: claim.term for address, claim in claims(made).items()} == {FIRST: 6, THIRD: MAX_TERM}
    assert claims(made, State.LEAVING) == {}, "what it leaves to us is ours"


@pytest.mark.parametrize("state", [State.RESTARTING, State.DRAINING])
def test_who_restarts_or_drains_leaves_for_it_and_gives_way_at_once(state: State) -> None:
    """It takes over by its rule what we say that we leave: one owner, as if our beats had ended."""
    made = arbiter(state)
    made.seats[SECOND].mine = Held(Claim(N1, 8), 0.0)
    assert claims(made)[SECOND] == Claim(N2, 9, restored=True)


def test_once_it_is_known_its_term_stays() -> None:
    made = arbiter(State.ACTIVE)
    made.seats[FIRST].term = 6
    assert claims(made)[FIRST].term == 6


def test_the_claims_are_the_same_object_while_nothing_changes() -> None:
    made = arbiter()
    known = Predecessors(made)
    before, again = (known.complete(OLD, {}, now)[0].claims for now in (0.0, 0.1))
    assert before is again
    made.presence.state = State.ACTIVE
    assert known.complete(OLD, {}, 0.2)[0].claims != before
    for number in range(MAX_NODES + 5):
        known.complete(replace(OLD, beat=replace(OLD.beat, node=NodeName(f"x{number}"))), {}, 0.3)
    assert len(known._claims) <= MAX_NODES


def test_it_is_heard_on_each_link_and_hears_what_went_out_there() -> None:
    beats = Predecessors(arbiter()).complete(replace(OLD, partial=True), {"eth0": 16}, 0.0)
    assert [(beat.link, beat.mac, dict(beat.acks), beat.partial) for beat in beats] == [
        ("eth0", MACS[0], {N1: Ack(1, 16)}, True),
        ("eth1", MACS[0], {}, True),
    ]


def test_of_several_ethernet_addresses_none_is_believed_to_be_a_links() -> None:
    beats = Predecessors(arbiter()).complete(replace(OLD, macs=MACS), {}, 0.0)
    assert {beat.mac for beat in beats} == {b""}


def test_no_beat_is_believed_of_one_that_is_heard_in_another_incarnation() -> None:
    """Somebody recorded it before the upgrade."""
    made = arbiter(State.ACTIVE)
    [ours, _] = made.beats(0.0)
    made.hear(Beat(N2, 8, 16, State.ACTIVE, "eth0", acks={N1: Ack(1, ours.sequence)}), "eth0", 0.0)
    known = Predecessors(made)
    assert known.complete(OLD, {}, TICK) == []
    assert known.complete(OLD, {}, 1.0) != [], "in a rollback it is heard once the new one is silent"
