"""Moves that are wanted: who is to have an address next, whether it is this node, and why a request cannot be met.

All of it is about an owner that is heard. Its address goes to another in order: the new owner announces, and the old one
stops when it hears of it. What becomes of an owner that is lost is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pylb.core.model import NodeName
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import MAX_TERM, Cause, Claim
from pylb.core.ownership.effects import Announce, Effect, MoveRefused, Took
from pylb.core.ownership.lines import Line
from pylb.core.ownership.moves import Move
from pylb.core.ownership.presence import LISTEN_AGAIN, WANTED, Presence
from pylb.core.ownership.seats import Held, Seat
from pylb.core.ownership.turns import is_candidate, place
from pylb.core.reasons import Reason

STEADY = 3.0  # s that the first in line is there before an address goes back to it
LEARNING = 1.0  # s in which all learn of a request, and of what stands against it
PASSED_OVER = 1.0  # s for which the next in line waits for the one before it, which may not hear who asks
MISNAMED = 12.0  # s after which a request for a later claim is told: `pylb move` takes back its own by then
TAKING = 5.0  # s in which a node that can take what it was asked to take has done so


def first(presence: Presence, seat: Seat, now: float, but: NodeName | None = None) -> NodeName | None:
    """The first in line of the nodes that may take an address now."""
    ranking = seat.line.verdict.ranking
    return next((node for node in ranking if node != but and presence.may_take(node, seat.segments, now)), None)


def asked(line: Line, claim: Claim) -> Move | None:
    """The move that is asked for of this very claim to another node than its own."""
    return next((move for move in line.moves if move.term == claim.term and move.node != claim.node), None)


def misnamed(line: Line, claim: Claim) -> Move | None:
    """A request that names none but later claims than this: it is not an old one, it was written about something else."""
    others = [move for move in line.moves if move.node != claim.node]
    return next((move for move in others if all(one.term > claim.term for one in others)), None)


def leaves(presence: Presence, seat: Seat, mine: Held, now: float) -> bool:
    """Whether an address of ours, that we may have, is to go to another node all the same."""
    forsaken = any(segment.is_forsaken(now) for segment in seat.segments)
    return forsaken or presence.state.yields or goes_back(presence, seat, mine, now)


def yields_to(mine: Held, rival: Claim) -> bool:
    """Whether a node that was away gives in to another's claim, whichever is the better one: all have been told by now."""
    return mine.claim.provisional or not rival.provisional


def stands(seat: Seat, mine: Held) -> Iterator[Effect]:
    """What is to be told once nobody else claims an address of ours any more: whoever heard another hears this last."""
    yield Announce(seat.line.address)
    rival, mine.rival = mine.rival, None
    if rival not in (None, mine.previous):
        mine.previous = rival
        yield Took(seat.line, mine.claim, rival, Cause.CONTESTED)


def goes_back(presence: Presence, seat: Seat, mine: Held, now: float) -> bool:
    """Whether an address of ours is to go back to the first in line, which has been there for a while."""
    other = first(presence, seat, now) if may_go_back(seat, presence.node) else None
    if other is None or other == presence.node or not mine.confirmed:
        mine.first = None
        return False
    if mine.first != other:
        mine.first, mine.first_since = other, now
    return now >= mine.first_since + STEADY


def may_go_back(seat: Seat, node: NodeName) -> bool:
    """Whether a node is not the one to which an address goes back."""
    return seat.line.failback and seat.line.verdict.winner != node


def inherits(presence: Presence, seat: Seat, claim: Claim, now: float) -> Cause | None:
    """Why this node is to take an address from an owner that is heard; None if it is not."""
    if claim.yields:
        return _yielded(presence, seat, claim, now)
    move = asked(seat.line, claim)
    if move is None or move.node != presence.node or not is_candidate(presence, seat, now):
        return None
    presence.want(claim.node, now + WANTED)
    if now < max(presence.active_at, *(segment.since for segment in seat.segments)) + LEARNING:
        return None  # just back: it may be a request that was settled meanwhile
    heard = any(segment.peers.hears_us(claim.node, now) for segment in seat.segments)
    witnessed = all(segment.is_witnessed(now) for segment in seat.segments)
    return Cause.MOVE if heard and witnessed else None


def _yielded(presence: Presence, seat: Seat, claim: Claim, now: float) -> Cause | None:
    # Who just began to take part lets those go first who may have decided without it.
    cause, since = Cause.NOT_ELIGIBLE, max(seat.yielded_since, presence.active_at + LISTEN_AGAIN)
    eligible = claim.node in seat.line.verdict.ranking
    states = [peer.state for segment in seat.segments if (peer := segment.fresh(claim.node, now)) is not None]
    if not states:
        return None  # it is known by the API alone, and would not hear of us
    if State.DRAINING in states:
        cause = Cause.DRAIN
    elif State.LEAVING in states:
        cause = Cause.LEFT
    elif seat.line.failback and eligible:
        # Beside the owner, too: two that differ about who is first would send the address to and fro.
        return Cause.FAILBACK if first(presence, seat, now) == presence.node else None
    elif eligible and claim.provisional:
        cause = Cause.CUT_OFF
    elif eligible:
        since += LEARNING  # the owner knows why it does, or does not know yet that there is no reason any more
    if not seat.is_witnessed(now) and (cause is Cause.CUT_OFF or not claim.provisional):
        return None  # this node is the one that is cut off
    turn = place(presence, seat, now, claim.node, most=(now - since) / PASSED_OVER) if now >= since else None
    return cause if turn is not None else None


def must_stay(presence: Presence, seat: Seat, now: float) -> bool:
    """Whether a node that drains answers on for what was its own: nobody else can."""
    ready = presence.state is State.DRAINING and bool(seat.segments) and now >= presence.active_at
    return ready and presence.node in seat.line.verdict.ranking and first(presence, seat, now) is None


def is_asked(presence: Presence, seat: Seat, mine: Held, nodes: frozenset[NodeName], now: float) -> bool:
    """Whether somebody asks for a move of this very claim of ours. One that cannot be is refused, which spends it."""
    move = asked(seat.line, mine.claim)
    if move is None:
        return _tell_term(presence, seat, mine, now)
    if not mine.confirmed:
        return True
    reason = refusal(presence, seat, mine, move, nodes, now)
    if reason is not None:
        mine.claim = replace(mine.claim, term=min(mine.claim.term + 1, MAX_TERM))
        presence.effects.append(MoveRefused(seat.line, move.node, reason))
    return True


def _tell_term(presence: Presence, seat: Seat, mine: Held, now: float) -> bool:
    """Have somebody told who asks for a move of a claim of ours under another's term; whether that is still to come."""
    move = misnamed(seat.line, mine.claim) if mine.confirmed and not mine.claim.provisional else None
    if move is None or mine.told == move:
        return False
    if mine.move != move:
        mine.move, mine.move_since = move, now
    if now < mine.move_since + MISNAMED:
        return True
    mine.told = move
    presence.effects.append(MoveRefused(seat.line, move.node, Reason.TERM_DIFFERS, mine.claim.term))
    return False


def refusal(
    presence: Presence, seat: Seat, mine: Held, move: Move, nodes: frozenset[NodeName], now: float
) -> Reason | None:
    """Why a move that was asked for cannot be; None while it still may come."""
    if mine.move != move:
        mine.move, mine.move_since = move, now
    if now < mine.move_since + LEARNING:
        return None
    why = obstacle(presence, seat, move.node, nodes, now)
    return why if why is not None or now < mine.move_since + TAKING else Reason.NOT_TAKEN


def obstacle(presence: Presence, seat: Seat, node: NodeName, nodes: frozenset[NodeName], now: float) -> Reason | None:
    """Why another node may not take an address now."""
    if node not in nodes:
        return Reason.NO_SUCH_NODE
    if node not in seat.line.verdict.ranking:
        return seat.line.verdict.excluded.get(node, seat.line.verdict.reason or Reason.NOT_ELECTED)
    if presence.may_take(node, seat.segments, now):
        return None
    peers = (segment.fresh(node, now) for segment in seat.segments)
    drains = any(peer.state is State.DRAINING for peer in peers if peer is not None)
    return Reason.NODE_DRAINS if drains else Reason.NOT_ALIVE
