"""Deliberate bugs: each makes the machine wrong in one way, and the simulation must find it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from pylb.core.model import Address, NodeName
from pylb.core.ownership import arbiter, evidence, handover, keeper, presence, seating, seats
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.effects import Announce, Effect
from pylb.core.ownership.evidence import Port, Row, Suspicion, Verdict
from pylb.core.ownership.gazette import Gazette, Voice
from pylb.core.ownership.lines import Line
from pylb.core.ownership.moves import Move
from pylb.core.ownership.peers import DEADLINE, Peer
from pylb.core.ownership.questions import Answer
from pylb.core.ownership.segment import Segment
from pylb.core.reasons import Reason

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Bug:
    """One thing done wrong, and the invariants of which one at least must find it."""

    name: str
    plant: Callable[[Patch], None]

    def __str__(self) -> str:
        return self.name


BUGS: list[Bug] = []


def bug(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """Put a bug on the list, under its function's name."""
    BUGS.append(Bug(plant.__name__, plant))
    return plant


@bug
def highest_term_only(patch: Patch) -> None:
    """When two claims meet, nothing counts but the term."""

    def meet(one: Claim, other: Claim, line: Sequence[NodeName], address: Address) -> Claim:
        return max(one, other, key=lambda claim: (claim.term, claim.node))

    patch.setattr(keeper, "meet", meet)
    patch.setattr(seats, "meet", meet)


@bug
def no_stall_check(patch: Patch) -> None:
    """A speaker that was held up goes on as if it had not been."""
    patch.setattr(presence, "STALL_LIMIT", float("inf"))


@bug
def stale_beats_confirm(patch: Patch) -> None:
    """After a stall or a cut, what was heard before it confirms one's own claims."""
    patch.setattr(Segment, "start_anew", lambda self, now: self.witness.start_anew())
    patch.setattr(presence, "LISTEN_AGAIN", 0.0)
    patch.setattr(keeper, "LISTEN_AGAIN", 0.0)


@bug
def no_witness(patch: Patch) -> None:
    """Who is cut off takes everything over, and is sure of it."""
    patch.setattr(Segment, "has_witness", lambda self, suspicion, about, now: True)
    patch.setattr(Segment, "is_witnessed", lambda self, now: True)


@bug
def not_announced_again(patch: Patch) -> None:
    """Whoever keeps an address when two claims met says nothing about it."""
    effects = arbiter.Arbiter.effects

    def quiet(self: arbiter.Arbiter) -> list[Effect]:
        return [effect for effect in effects(self) if not isinstance(effect, Announce)]

    patch.setattr(arbiter.Arbiter, "effects", quiet)


@bug
def any_mac_answers(patch: Patch) -> None:
    """An answer counts whoever gave it."""
    answer = Segment.answer

    def careless(self: Segment, one: Answer, now: float) -> None:
        answer(self, replace(one, mac=one.question.mac) if one.port is None else one, now)

    patch.setattr(Segment, "answer", careless)


@bug
def stand_in_ends_at_any_beat(patch: Patch) -> None:
    """A stand-in stops as soon as the speaker is heard, though that only listens yet."""

    def relieve(self: keeper.Keeper, seat: seats.Seat, owner: Claim, on: Segment, peer: Peer, now: float) -> None:
        self.stand_down(seat)

    patch.setattr(keeper.Keeper, "_relieve", relieve)


@bug
def burst_with_an_old_claim(patch: Patch) -> None:
    """After its link was down, or it was held up, a node goes on with what it had."""
    patch.setattr(seats.Held, "doubt", lambda self: None)


@bug
def deadline_never_adapts(patch: Patch) -> None:
    """However late the beats are, the deadline stays."""
    patch.setattr(Peer, "deadline", DEADLINE)


@bug
def silence_is_death(patch: Patch) -> None:
    """Nobody is asked: who is silent is gone."""
    gone = next(row for row in evidence.TABLE if row.verdict is Verdict.GONE)

    def judge(self: Suspicion, deadline: float, now: float) -> Row | None:
        return gone if now >= self.silent_since + deadline else None

    patch.setattr(Suspicion, "judge", judge)


@bug
def yields_unheard(patch: Patch) -> None:
    """Who has the weaker claim stops before the other knows that there was one."""
    patch.setattr(seats.Seat, "is_known", lambda self, node, since: True)
    patch.setattr(seating, "remind", lambda seats, segment: set())
    patch.setattr(Gazette, "_note_contests", lambda self, before, seats: iter(()))  # nor by the API


@bug
def never_provisional(patch: Patch) -> None:
    """A claim that was taken or held without the witness is as good as any."""
    patch.setattr(keeper, "replace", lambda claim, **changes: replace(claim, **{**changes, "provisional": False}))
    patch.setattr(seating, "replace", lambda claim, **changes: replace(claim, **{**changes, "provisional": False}))
    patch.setattr(seats, "replace", lambda claim, **changes: replace(claim, **{**changes, "provisional": False}))


@bug
def newcomers_do_not_listen(patch: Patch) -> None:
    """A speaker takes part as soon as it runs, whatever it hears then."""
    patch.setattr(presence, "LISTEN", 0.0)
    patch.setattr(presence, "LISTEN_AGAIN", 0.0)
    patch.setattr(keeper, "LISTEN_AGAIN", 0.0)
    patch.setattr(presence, "SETTLE", 0.0)


@bug
def refusing_serves(patch: Patch) -> None:
    """A node whose Kubernetes stopped is stood in for like one whose speaker did."""

    def fits(self: Row, listed: bool, owns: bool, node: bool, port: Port | None) -> bool:
        return original(self, listed, owns, node, Port.ACCEPTS if port is Port.REFUSES else port)

    original = Row.fits
    patch.setattr(Row, "fits", fits)


@bug
def no_hand_shake(patch: Patch) -> None:
    """A speaker that is asked to end does so at once."""
    patch.setattr(arbiter.Arbiter, "is_relieved", lambda self, now: True)


@bug
def nobody_stands_in(patch: Patch) -> None:
    """While an owner's speaker is silent, its addresses are too."""
    patch.setattr(keeper.Keeper, "_stand_in", lambda self, seat, owner, on, now: None)


@bug
def stands_in_for_ever(patch: Patch) -> None:
    """Who stands in never stops, though the owner says that it answers."""
    patch.setattr(keeper.Keeper, "stand_down", lambda self, seat: None)


@bug
def returns_claim_what_the_api_names(patch: Patch) -> None:
    """What the API recorded counts more than what the LAN says."""
    consider = keeper.Keeper.consider

    def believing(self: keeper.Keeper, seat: seats.Seat, now: float) -> bool:
        active = self._presence.state is State.ACTIVE
        told = self.recorded.get(seat.line.address)
        mine = told is not None and told.claim.node == self._node
        if active and seat.mine is None and not seat.recalled and mine:
            seat.recalled = True
            self._take(seat, Claim(self._node, seat.term + 1), None, Cause.RESUMED, now)
        return consider(self, seat, now)

    patch.setattr(keeper.Keeper, "consider", believing)


@bug
def nobody_reads_the_api(patch: Patch) -> None:
    """Two that do not hear each other never learn of each other, though both could."""
    patch.setattr(Gazette, "_counts", lambda self, seat, node, voice, now: False)


@bug
def what_stands_in_the_api_counts(patch: Patch) -> None:
    """The record of a node that is lost is taken for its word."""
    patch.setattr(Voice, "counts", lambda self, sign, firm, limit, now: True)
    patch.setattr(Gazette, "_hear", lambda self, node, notice, now: Voice(notice, frozenset(), math.inf, math.inf))


@bug
def stops_before_the_other_announces(patch: Patch) -> None:
    """Who is drained gives everything up at once."""
    wait = keeper.Keeper._yield

    def hasty(self: keeper.Keeper, seat: seats.Seat, mine: seats.Held, now: float) -> bool:
        if self._presence.state.yields:
            self._drop(seat, Reason.NOT_ELECTED)
        return wait(self, seat, mine, now)

    patch.setattr(keeper.Keeper, "_yield", hasty)


@bug
def a_request_is_a_pin(patch: Patch) -> None:
    """Whatever its term, a request is carried out."""

    def pinned(line: Line, claim: Claim) -> Move | None:
        return next((move for move in line.moves if move.node != claim.node), None)

    patch.setattr(handover, "asked", pinned)


@bug
def requests_are_never_refused(patch: Patch) -> None:
    """One that cannot be met stays open."""
    patch.setattr(handover, "is_asked", lambda *arguments: False)


@bug
def a_drained_node_takes(patch: Patch) -> None:
    """It is a candidate like any other."""
    patch.setattr(State, "may_take", property(lambda self: self in (State.ACTIVE, State.DRAINING)))


@bug
def a_drained_node_keeps_all(patch: Patch) -> None:
    """It asks nobody to take what it owns."""
    patch.setattr(State, "yields", property(lambda self: self is State.LEAVING))


@bug
def goes_back_unasked(patch: Patch) -> None:
    """Addresses go back to the first in line, though nobody said so."""

    def always(seat: seats.Seat, node: NodeName) -> bool:
        return seat.line.verdict.winner != node

    patch.setattr(handover, "may_go_back", always)
