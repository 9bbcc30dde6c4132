"""What one node does about one address: keep it, give it up, take it, stand in for its owner, or wait. No clock.

Every decision follows from the seat (what is known of the address), the presence (who is there) and the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from pylb.core.model import Address, NodeName
from pylb.core.ownership import handover, seating, turns
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import Cause, Claim, meet
from pylb.core.ownership.effects import Announce, Dropped, StoodDown, StoodIn, Took
from pylb.core.ownership.evidence import STAND_IN
from pylb.core.ownership.peers import Peer
from pylb.core.ownership.presence import LISTEN_AGAIN, RECORDED, WANTED, Presence
from pylb.core.ownership.record import Record
from pylb.core.ownership.seats import Held, Seat
from pylb.core.ownership.segment import Segment
from pylb.core.reasons import Reason

NEWCOMER = 2.0  # s after its start in which a node counts peers that it has not heard yet
TURN = 2.0  # s that the next in line waits for the one before it to make a first claim
STAGGER = 0.2  # s that the next in line waits for the one before it to take over
RELEASED = 0.5  # s until what an owner dropped is taken: others may have seen the cause a little earlier
YIELDING = 2.0  # s that an owner that is not eligible any more waits for its successor


class Keeper:
    """Decides about seats, one at a time."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._node = presence.node
        self._say = presence.effects.append
        self.nodes: frozenset[NodeName] = frozenset()  # those of the cluster
        self.recorded: Mapping[Address, Record] = {}  # whom the API names as owners

    def consider(self, seat: Seat, now: float) -> bool:
        """Decide about one address; True if nothing can change until something else does."""
        if not seat.line.verdict.ranking:
            self._drop(seat, seat.line.verdict.reason or Reason.NOT_ELECTED)
            self.stand_down(seat)
            seat.owner, seat.vacant_since = None, now
            return True
        rivals = seat.rivals(now)
        if seat.mine is not None:
            return self._keep(seat, seat.mine, rivals, now)
        if rivals:
            return self._watch(seat, rivals, now)
        if not seat.segments:
            return True  # no link, no say
        if seat.owner is None or not seat.owner.term:
            seat.owner = seat.hearsay(now) or seat.owner or self._recall(seat, now)
        if seat.owner is None:
            self._fill(seat, now)
        elif seat.owner.node == self._node:
            self._resume(seat, seat.owner, now)
        else:
            self._replace(seat, seat.owner, now)
        return False

    # An address of our own

    def _keep(self, seat: Seat, mine: Held, rivals: list[Claim], now: float) -> bool:
        """Confirm it, defend it or give it up."""
        told = seat.hearsay(now)
        for rival in (*rivals, *seat.relayed(told, mine.claim, rivals)):
            mine.contested = now
            self._presence.want(rival.node, now + WANTED)
            yields = not mine.confirmed and rival in rivals and handover.yields_to(mine, rival)
            if seat.prefers(rival, mine.claim) or yields:
                if mine.confirmed and rival in rivals and not seat.is_known(rival.node, mine.stated):
                    return False  # it is to announce after us, so it must hear of us first
                seat.owner = rival
                self._drop(seat, Reason.NOT_ELECTED, rival.node)
                return False  # it may ask for a successor
            if rival.term >= mine.claim.term:
                mine.claim, mine.again = mine.claim.above(rival), True
            mine.again, mine.rival = mine.again or rival.node not in seat.noted, rival.node
        if not mine.confirmed:
            if told is not None and told.node != self._node and seat.prefers(told, mine.claim):
                seat.owner = told
                self._drop(seat, Reason.NOT_ELECTED, told.node)
                return False
            self._confirm(seat, mine, now)
        if mine.again and seat.noted.keys() >= {rival.node for rival in rivals}:
            mine.again = False
            if mine.confirmed:
                self._presence.effects.extend(handover.stands(seat, mine))
        heard = seat.hears(now) or bool(seat.noted) or seat.is_alone(self.nodes)
        mine.weigh(seat.is_witnessed(now), heard, seat.is_sure(), now)
        goes = self._yield(seat, mine, now) or handover.is_asked(self._presence, seat, mine, self.nodes, now)
        if goes or handover.may_go_back(seat, self._node):
            return False
        return mine.confirmed and not mine.again

    def _confirm(self, seat: Seat, mine: Held, now: float) -> None:
        """Rely on a claim again, once a node that hears us knows of it, or nobody else answers for the address."""
        since = max((segment.since + segment.listening for segment in seat.segments), default=now)
        if self._presence.state is State.JOINING or now < since + LISTEN_AGAIN:
            return
        if seat.hears(now) or (mine.asked and now >= mine.asked_at + LISTEN_AGAIN):
            mine.confirmed, mine.stated = True, now
            self._say(Announce(seat.line.address))

    def _yield(self, seat: Seat, mine: Held, now: float) -> bool:
        """Ask the successor to take an address that this node should not have; whether it is so."""
        eligible = self._node in seat.line.verdict.ranking
        if eligible and not handover.leaves(self._presence, seat, mine, now):
            if mine.claim.yields:
                mine.claim, mine.yields_since = replace(mine.claim, yields=False), None
            return False
        if mine.yields_since is None:
            mine.yields_since = now
        mine.claim = replace(mine.claim, yields=True)
        no_heir = handover.first(self._presence, seat, now, but=self._node) is None
        if not eligible and (no_heir or now >= mine.yields_since + YIELDING):
            self._drop(seat, seat.line.verdict.excluded.get(self._node, Reason.NOT_ELECTED))
            seat.owner, seat.vacant_since = None, now
        return True

    # An address of another's

    def _watch(self, seat: Seat, rivals: list[Claim], now: float) -> bool:
        """Another owns it, and says so."""
        best = rivals[0]
        for other in rivals[1:]:
            best = meet(best, other, seat.line.verdict.ranking, seat.line.address)
        # Two who do not hear each other hear of each other through us.
        seat.relay = max(rivals, key=lambda claim: claim.term) if len(rivals) > 1 else None
        seat.owner, seat.released, seat.absent_since = best, None, None
        if self._ends(seat, best.node, now):
            return False
        self.stand_down(seat)
        seat.yielded_since = min(seat.yielded_since, now) if best.yields else math.inf
        cause = handover.inherits(self._presence, seat, best, now)
        if cause is not None:
            self._take(seat, Claim(self._node, seat.next_term(best)), best.node, cause, now)
            return False
        return len(rivals) == 1 and not best.yields and handover.asked(seat.line, best) is None

    def _ends(self, seat: Seat, owner: NodeName, now: float) -> bool:
        """Whether the owner's speaker is about to end, and waits for somebody to stand in."""
        for segment in seat.segments:
            peer = segment.fresh(owner, now)
            if peer is not None and peer.state is State.RESTARTING:
                self._stand_in(seat, owner, segment, now)
                return True
        return False

    def _replace(self, seat: Seat, owner: Claim, now: float) -> None:
        """Its owner does not say that it answers: find out what became of it."""
        known = [(segment, peer) for segment in seat.segments if (peer := segment.peers.get(owner.node)) is not None]
        if not known:
            if self._presence.has_waited(seat.segments, now) or owner.node not in seat.line.verdict.ranking:
                self._free(seat, owner, now)
            return
        for segment, peer in known:
            if peer.is_fresh(now):
                self._relieve(seat, owner, segment, peer, now)
                return
        segment, peer = known[0]
        if peer.state is State.LEAVING:
            self._succeed(seat, owner, Cause.LEFT, segment, now, now - peer.sign)
            return
        if not turns.is_concerned(self._presence, seat, segment, peer, now):
            return
        self._presence.want(owner.node, now + WANTED)
        suspicion = segment.suspicion(peer, now)
        if suspicion is None:
            return
        if suspicion.may_stand_in or peer.state is State.RESTARTING:
            self._stand_in(seat, owner.node, segment, now)
        row = segment.judge(peer, suspicion, now)
        is_over = row is not None and segment.is_over(peer, suspicion, row, now)
        if row is None or row.cause is None or not is_over or seating.may_start(seat, self._presence, peer, row, now):
            suspicion.judged = None
            return
        self._succeed(seat, owner, row.cause, segment, now, now - suspicion.sign)

    def _relieve(self, seat: Seat, owner: Claim, segment: Segment, peer: Peer, now: float) -> None:
        """Its owner is heard, but does not say that it answers."""
        drains = peer.state is State.DRAINING
        if drains or owner.node not in seat.line.verdict.ranking:
            if handover.first(self._presence, seat, now, but=owner.node) == self._node:
                cause = Cause.DRAIN if drains else Cause.NOT_ELIGIBLE
                self._take(seat, Claim(self._node, seat.next_term(owner)), owner.node, cause, now)
            else:
                self._stand_in(seat, owner.node, segment, now)
            return
        if peer.state.may_take or peer.state.yields:
            if segment.circle is not None or peer.is_heard(now):  # else what it says came to us long ago
                self._free(seat, owner, now)
            return
        self._stand_in(seat, owner.node, segment, now)
        seat.absent_since = now if seat.absent_since is None else seat.absent_since
        if now >= seat.absent_since + STAND_IN:
            self._succeed(seat, owner, Cause.SPEAKERLESS, segment, now, now - seat.absent_since)

    def _succeed(self, seat: Seat, owner: Claim, cause: Cause, segment: Segment, now: float, silent: float) -> None:
        """Take an address over from an owner that is lost, if it is our turn and we are not the one that is cut off."""
        suspicion = segment.suspicions.get(owner.node)
        turn = turns.heir(self._presence, seat, segment, owner.node, now)
        if turn is None:
            return
        judged, witnessed = now, True
        if suspicion is not None:
            suspicion.judged = judged = suspicion.judged or now
            witnessed = segment.has_witness(suspicion, owner.node, now)
            if not witnessed and not segment.is_past_patience(suspicion, now):
                return
        if now >= judged + turns.pause(segment, turn, STAGGER):
            term = seat.next_term(owner)
            claim = Claim(self._node, term, provisional=not witnessed, taken=cause is not Cause.LEFT)
            self._take(seat, claim, owner.node, cause, now, silent)

    # An address of nobody's

    def _fill(self, seat: Seat, now: float) -> None:
        """Nobody is known to own it: a first claim, by the first in line."""
        if seat.released and now < seat.vacant_since + RELEASED:
            return
        began = self._presence.active_at
        unheard = self.nodes if now < began + NEWCOMER else frozenset()  # who was not heard by then is passed over
        most = 1 + (now - max(seat.vacant_since, began + NEWCOMER)) / TURN
        turn = turns.place(self._presence, seat, now, most=max(0.0, most), unheard=unheard)
        if turn is not None and now >= max(seat.vacant_since, began + (NEWCOMER if turn else 0.0)) + TURN * turn:
            cause = Cause.RELEASED if seat.released else Cause.FIRST
            self._take(seat, Claim(self._node, seat.term + 1), seat.released, cause, now)

    def _recall(self, seat: Seat, now: float) -> Claim | None:
        """The owner that the API names, for a node that has just started."""
        recorded = self.recorded.get(seat.line.address)
        if recorded is None or seat.recalled or seat.term or now >= self._presence.active_at + RECORDED:
            return None
        seat.recalled = self._presence.state is not State.JOINING
        claim = Claim(recorded.claim.node, recorded.claim.term, restored=True)
        seating.imagine(seat, claim, recorded.macs, now)
        return claim

    def _resume(self, seat: Seat, claim: Claim, now: float) -> None:
        """It was ours before this speaker started again."""
        if turns.is_candidate(self._presence, seat, now) or handover.must_stay(self._presence, seat, now):
            again = replace(claim, term=max(claim.term, 1), restored=True, yields=False)
            self._take(seat, again, self._node, Cause.RESUMED, now)
        elif self._presence.state is State.ACTIVE and now >= self._presence.active_at:
            seat.owner, seat.vacant_since = None, now

    # Changes

    def _take(
        self,
        seat: Seat,
        claim: Claim,
        previous: NodeName | None,
        cause: Cause,
        now: float,
        silent: float | None = None,
    ) -> None:
        self.stand_down(seat)
        claim = replace(claim, provisional=claim.provisional or not seat.is_witnessed(now))
        if silent is not None and previous is not None:
            self._presence.want(previous, math.inf)
        seat.mine, seat.owner, seat.released = Held(claim, now, previous, stated=now), None, None
        seat.term = max(seat.term, claim.term)
        self._say(Took(seat.line, claim, previous, cause, silent))

    def _drop(self, seat: Seat, reason: Reason, to: NodeName | None = None) -> None:
        if seat.mine is not None:
            seat.term, seat.mine = max(seat.term, seat.mine.claim.term), None
            self._say(Dropped(seat.line.address, seat.line, reason, to))

    def _free(self, seat: Seat, owner: Claim, now: float) -> None:
        """Its owner has given it up, or was never heard."""
        self.stand_down(seat)
        seat.owner, seat.released, seat.vacant_since = None, owner.node, now
        seat.term = max(seat.term, owner.term)

    def vacate(self, seat: Seat) -> None:
        """Nobody wants the address any more."""
        self._drop(seat, Reason.NO_ADDRESS)
        self.stand_down(seat)

    def _stand_in(self, seat: Seat, owner: NodeName, segment: Segment, now: float) -> None:
        """Answer with the owner's MAC, if we are the first of those who can; any number of them say the same thing."""
        if seat.standing == owner:
            self._presence.want(owner, now + WANTED)
        elif self._presence.state.takes_part and turns.stands_in(self._presence, segment, owner, now):
            seat.standing = owner
            self._say(StoodIn(seat.line.address, owner))

    def stand_down(self, seat: Seat) -> None:
        """Do so no more."""
        if seat.standing is not None:
            self._say(StoodDown(seat.line.address, seat.standing))
            seat.standing = None
