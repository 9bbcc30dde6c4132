"""Moves that are wanted, between the very arbiters that speakers run, on a simulated LAN with a fake clock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from fakes.handing import Stage
from pylb.core.model import NodeName
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import Cause
from pylb.core.ownership.effects import MoveRefused
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.handover import MISNAMED
from pylb.core.ownership.moves import Move
from pylb.core.reasons import Reason


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    assert made.owner == made.ranking[0]
    made.watch()
    return made


def test_a_drained_node_hands_over_to_the_next_and_takes_nothing_back(stage: Stage) -> None:
    first, second, _ = stage.ranking
    stage.arbiter(first).drain(True)
    stage.run(2.0)
    assert stage.moves() == [(first, second, Cause.DRAIN)]
    assert stage.in_order()
    assert stage.arbiter(first).state is State.DRAINING
    assert first in stage.arbiter(second).presence.members
    stage.arbiter(first).drain(False)
    stage.run(5.0)
    assert (stage.owner, len(stage.moves())) == (second, 1)


def test_what_nobody_else_can_take_is_answered_on_also_after_a_restart(stage: Stage) -> None:
    first = stage.ranking[0]
    stage.say(verdict=Verdict((first,), dict.fromkeys(stage.ranking[1:], Reason.NODE_EXCLUDED)))
    stage.arbiter(first).drain(True)
    stage.run(5.0)
    assert (stage.owner, stage.moves(), stage.silent) == (first, [], 0.0)
    node = stage.world.nodes[first]
    node.kill()
    stage.run(1.0)
    node.start()
    stage.arbiter(first).drain(True)
    stage.run(5.0)
    assert (stage.owner, stage.arbiter(first).state) == (first, State.DRAINING)
    assert stage.moves() == [(first, first, Cause.RESUMED)]


def test_a_drained_node_takes_no_lost_owners_address(stage: Stage) -> None:
    first, second, third = stage.ranking
    stage.arbiter(second).drain(True)
    stage.world.nodes[first].power_off()
    stage.run(3.0)
    assert third in stage.answerers()
    assert [move for move in stage.moves() if move[1] == second] == []


def test_a_drained_node_that_is_held_up_is_drained_still(stage: Stage) -> None:
    first = stage.ranking[0]
    stage.arbiter(first).drain(True)
    stage.run(1.0)
    stage.world.nodes[first].freeze()
    stage.run(1.0)
    stage.world.nodes[first].thaw()
    stage.run(2.0)
    assert stage.arbiter(first).state is State.DRAINING


def test_a_drained_node_that_ends_says_so(stage: Stage) -> None:
    first = stage.ranking[0]
    stage.arbiter(first).end(State.RESTARTING)
    stage.arbiter(first).drain(True)
    assert stage.arbiter(first).state is State.RESTARTING


def test_a_request_moves_the_very_claim_to_the_very_node_once(stage: Stage) -> None:
    first, second, third = stage.ranking
    term = stage.claim.term
    stage.say(moves=(Move(third, term),))
    stage.run(2.0)
    assert stage.moves() == [(first, third, Cause.MOVE)]
    assert stage.in_order()
    assert stage.claim.term == term + 1
    stage.say(moves=(Move(first, term), Move(second, term + 2)))
    stage.run(8.0)
    assert (stage.owner, stage.claim.term) == (third, term + 1)


def test_nodes_that_learn_of_a_request_late_do_not_take_it_for_themselves(stage: Stage) -> None:
    """Whoever has not heard of it sees nothing to take: no owner asks for a successor at large."""
    first, _, third = stage.ranking
    wanted = Move(third, stage.claim.term)
    stage.say(first, moves=(wanted,))
    stage.run(0.8)
    stage.say(third, moves=(wanted,))
    stage.run(1.0)
    assert stage.moves() == [(first, third, Cause.MOVE)]


def _exclude(stage: Stage, node: NodeName) -> None:
    left = tuple(name for name in stage.ranking if name != node)
    stage.say(verdict=Verdict(left, {node: Reason.NO_ENDPOINT_ON_NODE}))


def _drain(stage: Stage, node: NodeName) -> None:
    stage.arbiter(node).drain(True)
    stage.run(0.5)


def _stop(stage: Stage, node: NodeName) -> None:
    stage.world.nodes[node].pull("eth0")
    stage.run(1.0)


def _nothing(stage: Stage, node: NodeName) -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "to", "reason"),
    [
        (_exclude, None, Reason.NO_ENDPOINT_ON_NODE),
        (_drain, None, Reason.NODE_DRAINS),
        (_stop, None, Reason.NOT_ALIVE),
        (_nothing, NodeName("n9"), Reason.NO_SUCH_NODE),
    ],
)
def test_a_request_that_cannot_be_is_refused_once_and_spent(
    stage: Stage, prepare: Callable[[Stage, NodeName], None], to: NodeName | None, reason: Reason
) -> None:
    """What stood against it goes away later, and the request that stands there still does nothing."""
    first, _, third = stage.ranking
    prepare(stage, third)
    stage.watch()
    stage.say(first, moves=(Move(to or third, stage.claim.term),))
    stage.run(2.0)
    refused = [effect for _, _, effect in stage.told if isinstance(effect, MoveRefused)]
    assert [(effect.node, effect.reason) for effect in refused] == [(to or third, reason)]
    stage.arbiter(third).drain(False)
    stage.world.nodes[third].plug("eth0")
    stage.say(verdict=Verdict((*(name for name in stage.ranking if name != third), third)))
    stage.run(4.0)
    assert (stage.owner, stage.moves()) == (first, [])


def test_a_node_that_could_take_and_does_not_is_told_of_too(stage: Stage) -> None:
    """Its own view of the API is stale."""
    first, _, third = stage.ranking
    stage.say(first, moves=(Move(third, stage.claim.term),))
    stage.run(4.0)
    assert stage.told == []
    stage.run(2.0)
    refused = [effect.reason for _, _, effect in stage.told if isinstance(effect, MoveRefused)]
    assert (refused, stage.owner) == ([Reason.NOT_TAKEN], first)


def _lose_and_heal(stage: Stage) -> NodeName:
    """The first in line is lost and comes back; who has the address when it is back."""
    first = stage.ranking[0]
    stage.world.nodes[first].pull("eth0")
    stage.run(4.0)
    stage.world.nodes[first].plug("eth0")
    stage.run(2.5)
    stage.watch()
    return stage.owner


def test_an_owner_stays_when_the_first_in_line_comes_back(stage: Stage) -> None:
    other = _lose_and_heal(stage)
    stage.run(20.0)
    assert (stage.owner, stage.moves()) == (other, [])
    assert other != stage.ranking[0]


def test_with_failback_it_goes_back_when_the_first_was_there_for_a_while(stage: Stage) -> None:
    stage.say(failback=True)
    other = _lose_and_heal(stage)
    assert other != stage.ranking[0]
    stage.run(5.0)
    assert stage.moves() == [(other, stage.ranking[0], Cause.FAILBACK)]
    assert stage.in_order()
    stage.run(10.0)
    assert len(stage.moves()) == 1


def test_two_nodes_that_differ_about_who_is_first_do_not_play_ping_pong(stage: Stage) -> None:
    first, second, third = stage.ranking
    stage.say(failback=True)
    stage.say(first, verdict=Verdict((second, first, third)))  # it alone has heard of another preference
    stage.run(20.0)
    assert (stage.owner, stage.moves(), stage.silent) == (first, [], 0.0)


@pytest.mark.parametrize("failback", [False, True])
def test_an_owner_that_is_not_eligible_any_more_hands_over_in_order(stage: Stage, failback: bool) -> None:
    """The exclude label is set on it, or its endpoint is gone under policy Local: others learn of that before or after."""
    first, second, third = stage.ranking
    stage.say(failback=failback)
    verdict = Verdict((second, third), {first: Reason.NO_ENDPOINT_ON_NODE})
    stage.say(first, third, verdict=verdict)
    stage.world.clock.after(0.5, partial(stage.say, second))
    stage.run(3.0)
    assert stage.moves() == [(first, second, Cause.NOT_ELIGIBLE)]
    assert stage.in_order()


def test_a_node_that_is_just_back_takes_nothing_at_once(stage: Stage) -> None:
    """Its owner had a second to settle the request, and refused it; so had others who wanted something else."""
    first, _, third = stage.ranking
    stage.world.nodes[third].pull("eth0")
    stage.run(1.0)
    stage.say(moves=(Move(third, stage.claim.term),))
    stage.run(0.2)
    stage.world.nodes[third].plug("eth0")
    stage.run(0.9)
    assert (stage.owner, stage.moves()) == (first, [])


def test_a_request_that_names_a_later_claim_is_told_once_and_is_not_carried_out(stage: Stage) -> None:
    """As of a Service with two addresses, whose other one has moved more often."""
    first, second, _ = stage.ranking
    stage.say(moves=(Move(second, stage.claim.term + 2),))
    stage.run(MISNAMED - 0.5)
    assert stage.told == []
    stage.run(10.0)
    [refused] = [effect for _, _, effect in stage.told if isinstance(effect, MoveRefused)]
    assert (refused.node, refused.reason, refused.term) == (second, Reason.TERM_DIFFERS, stage.claim.term)
    assert (stage.owner, stage.moves()) == (first, [])


def test_a_request_that_names_two_claims_moves_the_one_that_is_meant_and_no_more(stage: Stage) -> None:
    first, second, _ = stage.ranking
    stage.say(moves=(Move(second, stage.claim.term), Move(second, stage.claim.term + 2)))
    stage.run(MISNAMED + 5.0)
    assert stage.moves() == [(first, second, Cause.MOVE)]
    assert not [effect for _, _, effect in stage.told if isinstance(effect, MoveRefused)]


def test_an_old_request_is_not_told_of(stage: Stage) -> None:
    _, second, third = stage.ranking
    stage.say(moves=(Move(second, stage.claim.term),))
    stage.run(3.0)
    stage.watch()
    stage.say(moves=(Move(third, stage.claim.term - 1),))
    stage.run(MISNAMED + 5.0)
    assert stage.told == []
