"""A node that was away, or is cut off: what it may rely on, and what it leaves to others. Between real arbiters."""

from __future__ import annotations

import pytest

from fakes.handing import Stage
from pylb.core.model import NodeName
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.effects import Announce, Took
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.evidence import STAND_IN
from pylb.core.ownership.handover import LEARNING, PASSED_OVER, yields_to
from pylb.core.ownership.seats import UNCONTESTED, Held, Seat
from pylb.core.ownership.witness import PATIENCE
from pylb.core.reasons import Reason
from pylb.sim.lan import CLIENT, GATEWAY
from pylb.sim.world import Size, World, link_of

ME, OTHER = NodeName("me"), NodeName("other")


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    made.watch()
    return made


def test_a_claim_stays_provisional_while_nobody_hears_of_it() -> None:
    held = Held(Claim(ME, 1, provisional=True), 0.0)
    held.weigh(True, False, True, UNCONTESTED + 1.0)
    assert held.claim.provisional
    held.weigh(True, True, True, UNCONTESTED + 2.0)
    assert held.claim.provisional, "nobody was against it for a second only"
    held.weigh(True, True, True, 2 * UNCONTESTED + 1.0)
    assert held.claim == Claim(ME, 1)
    assert held.again


def test_a_claim_made_again_is_an_ordinary_one_once_the_gateway_has_answered() -> None:
    held = Held(Claim(ME, 1, restored=True), 0.0)
    held.weigh(True, True, False, UNCONTESTED + 1.0)
    assert (held.claim.restored, held.again) == (True, False)
    held.weigh(True, True, True, UNCONTESTED + 1.0)
    assert (held.claim.restored, held.again) == (False, True)


def test_the_term_that_follows_is_above_all_that_were_heard_of(stage: Stage) -> None:
    seat = Seat(stage.line, term=7)
    assert seat.next_term(Claim(OTHER, 3)) == 8
    assert seat.next_term(Claim(OTHER, 9)) == 10


@pytest.mark.parametrize(("mine", "theirs", "gives_in"), [(0, 0, True), (1, 0, True), (1, 1, True), (0, 1, False)])
def test_who_was_away_gives_in_but_for_a_worse_claim(mine: int, theirs: int, gives_in: bool) -> None:
    held = Held(Claim(ME, 5, provisional=bool(mine)), 0.0)
    assert yields_to(held, Claim(OTHER, 1, provisional=bool(theirs))) is gives_in


def test_an_owner_whose_cable_was_out_gives_in_to_who_took_it_and_answers_not_once(stage: Stage) -> None:
    first, second, _ = stage.ranking
    stage.world.nodes[first].pull("eth0")
    stage.run(1.0)
    assert stage.moves() == [(first, second, Cause.GONE)]
    stage.world.nodes[first].plug("eth0")
    stage.watch()
    stage.run(3.0)
    assert (stage.owner, stage.moves(), stage.both) == (second, [], 0.0)


def test_who_keeps_it_announces_again_when_one_is_back_that_was_away(stage: Stage) -> None:
    """It may have told the clients something, and is not sure enough of it to say so any more."""
    first, second, _ = stage.ranking
    stage.world.nodes[second].freeze()
    stage.run(0.35)
    stage.world.nodes[second].thaw()
    stage.run(1.0)
    assert [effect for _, name, effect in stage.told if name == first and isinstance(effect, Announce)]


def test_a_drained_node_stands_in_as_well(stage: Stage) -> None:
    first = stage.ranking[0]
    for name in stage.ranking[1:]:
        stage.arbiter(name).drain(True)
    stage.run(0.5)
    stage.world.nodes[first].kill()
    stage.run(1.0)
    assert stage.answerers()
    assert stage.moves() == []


def test_an_owner_that_its_gateway_does_not_answer_hands_over_to_one_that_it_does(stage: Stage) -> None:
    first, second, _ = stage.ranking
    for other in (GATEWAY, CLIENT):
        stage.world.lan.cut(first, other)
    stage.run(PATIENCE)
    assert stage.moves() == []
    stage.run(2.0)
    assert stage.moves() == [(first, second, Cause.CUT_OFF)]
    assert stage.in_order()


def test_a_gateway_that_answers_nobody_moves_nothing(stage: Stage) -> None:
    for name in stage.ranking:
        stage.world.lan.cut(name, GATEWAY)
    stage.run(2 * PATIENCE)
    assert stage.moves() == []


def test_behind_a_cut_a_node_that_starts_again_is_not_sure_of_what_it_had(stage: Stage) -> None:
    """The gateway never answered it; the one that it hears says that it was cut off."""
    first, second, third = stage.ranking
    lan, stage.world.api_up = stage.world.lan, False
    for name in (first, second):
        for other in (GATEWAY, CLIENT, third):
            lan.cut(name, other)
    stage.run(1.0)
    stage.world.nodes[first].kill()
    stage.run(1.0)
    stage.world.nodes[first].start()
    stage.run(2 * UNCONTESTED)
    mine = stage.arbiter(first).seats[stage.address].mine
    assert mine is not None
    assert mine.claim.provisional
    lan.mend()
    stage.run(2.0)
    assert stage.owner == third


def test_the_second_in_line_takes_what_the_first_does_not_know_to_be_offered(stage: Stage) -> None:
    first, second, third = stage.ranking
    stage.world.lan.deaf.add((first, second))
    stage.run(1.0)
    stage.arbiter(first).drain(True)
    stage.run(PASSED_OVER - 0.2)
    assert stage.moves() == []
    stage.run(1.0)
    assert stage.moves() == [(first, third, Cause.DRAIN)]
    assert not stage.silent


def test_the_first_in_line_hears_by_others_that_an_owner_lives_and_takes_nothing(stage: Stage) -> None:
    """What the owner itself told it came long ago; that it does not say more is no release."""
    first, second, _ = stage.ranking
    stage.world.lan.deaf.add((first, second))
    stage.run(STAND_IN)
    assert stage.moves() == []


def test_of_two_claims_that_met_the_one_that_stands_is_told_as_a_move_back(stage: Stage) -> None:
    first, second, third = stage.ranking
    lan = stage.world.lan
    for name in (second, third):
        lan.cut(first, name)
    stage.run(1.0)
    assert stage.moves() == [(first, second, Cause.GONE)]
    lan.mend()
    stage.watch()
    stage.run(1.0)
    assert (stage.owner, stage.moves()) == (first, [(second, first, Cause.CONTESTED)])


def test_an_address_whose_link_is_down_has_no_place_on_another() -> None:
    world = World(Size(nodes=2, addresses=2, links=2, boot=0.1), 1)
    world.clock.run(5.0)
    address = next(a for a in world.addresses if link_of(a) == "eth1")
    one, other = world.nodes.values()
    owner, guest = (one, other) if one.arbiter is not None and address in one.arbiter.owned else (other, one)
    guest.kill()
    guest.pull("eth1")
    guest.start()
    taken: list[Took] = []
    world.watchers.append(lambda node, effects: taken.extend(e for e in effects if isinstance(e, Took)))
    world.clock.run(25.0)
    assert owner.arbiter is not None
    assert address in owner.arbiter.owned
    assert [took.line.address for took in taken if took.line.address == address] == []


def test_a_claim_that_comes_to_a_link_where_nobody_has_heard_of_it_is_doubted() -> None:
    """It was held on another link, for want of a better one."""
    world = World(Size(nodes=1, addresses=1, links=2, boot=0.1), 1)
    [node] = world.nodes.values()
    node.links = {name: link for name, link in node.links.items() if name == "eth1"}
    world.clock.run(5.0)
    arbiter, address = node.arbiter, world.addresses[0]
    assert arbiter is not None
    assert address in arbiter.owned
    arbiter.use([world.lan.link("eth0", node.name), world.lan.link("eth1", node.name)], node.now)
    mine = arbiter.seats[address].mine
    assert mine is not None
    assert (mine.confirmed, mine.claim.provisional) == (False, True)


def test_who_does_not_know_why_an_owner_gives_up_waits_for_the_news(stage: Stage) -> None:
    """It may be that the owner has not heard yet that there is no reason any more."""
    first, second, third = stage.ranking
    stage.say(first, verdict=Verdict((second, third), {first: Reason.NODE_EXCLUDED}))
    stage.run(LEARNING - 0.2)
    assert stage.moves() == []
    stage.run(0.6)
    assert stage.moves() == [(first, second, Cause.NOT_ELIGIBLE)]
    assert stage.in_order()
