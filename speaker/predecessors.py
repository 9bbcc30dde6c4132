"""What to make of a speaker of the version before, which beats in the first format, while a cluster is upgraded: pure.

It lists nothing and names nobody, and goes by a simpler rule: the first in an address's line among those that are alive
owns it, at once; who restarts or drains is leaving, for it. So what it answers for follows from who is heard. It gives
way to no claim, so its own stands above ours, and ends only when we come before it in the line, or it leaves.

A beat of the first format cannot show that it is fresh. So none is believed of a node whose speaker is heard in another
incarnation: who recorded one gains nothing while that speaker runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import Ack, Beat, State
from pylb.core.ownership.claims import MAX_TERM, Claim
from pylb.core.ownership.seats import Seat
from pylb.speaker.datagram import Telling

MAX_NODES = 1024  # whose claims are remembered


class Predecessors:
    """Those that one node hears."""

    def __init__(self, arbiter: Arbiter) -> None:
        self._arbiter = arbiter
        self._claims: dict[NodeName, Mapping[Address, Claim]] = {}

    def complete(self, telling: Telling, sent: Mapping[str, int], now: float) -> list[Beat]:
        """The beats that its sender would have sent on our links; `sent` has our last sequence on each.

        It is taken to hear us, as we hear it: the heads of both formats are the same.
        """
        arbiter, beat = self._arbiter, replace(telling.beat, partial=telling.partial)
        segments = arbiter.presence.segments
        known = [peer for one in segments.values() if (peer := one.fresh(beat.node, now)) is not None]
        if any(peer.incarnation != beat.incarnation for peer in known):
            return []
        mac = telling.macs[0] if len(telling.macs) == 1 else b""  # of several nobody knows which link has which
        beat = replace(beat, mac=mac, claims=self._claims_of(beat))
        acks = {name: {arbiter.node: Ack(arbiter.incarnation, sent[name])} for name in segments if name in sent}
        return [replace(beat, link=name, acks=acks.get(name, {})) for name in segments]

    def _claims_of(self, beat: Beat) -> Mapping[Address, Claim]:
        """What it answers for; the same object while that is the same."""
        arbiter = self._arbiter
        presence = arbiter.presence
        peers = [peer for segment in presence.segments.values() for peer in segment.peers if peer.state.may_take]
        alive = {beat.node, *(peer.node for peer in peers if peer.node in presence.members)}
        mine = arbiter.node if arbiter.state.may_take else None
        claims = ((address, _claim(seat, beat, alive, mine)) for address, seat in arbiter.seats.items())
        found = {address: claim for address, claim in claims if claim is not None}
        if beat.state is State.JOINING:
            found = {}
        before = self._claims.get(beat.node)
        if before == found:
            return before
        if len(self._claims) >= MAX_NODES:
            self._claims.clear()
        self._claims[beat.node] = found
        return found


def _claim(seat: Seat, beat: Beat, alive: set[NodeName], me: NodeName | None) -> Claim | None:
    """Its claim to an address, if it is the first of the others there; `me`: this node, where that takes part."""
    ranking = seat.line.verdict.ranking
    first = next((node for node in ranking if node in alive), None)
    if first != beat.node:
        return None
    ends = beat.state.yields or (me in ranking and ranking.index(me) < ranking.index(first))
    if seat.mine is None:
        return Claim(first, seat.term, restored=True, yields=ends)
    return None if ends else Claim(first, min(seat.mine.claim.term + 1, MAX_TERM), restored=True)
