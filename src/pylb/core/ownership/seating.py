"""All seats of one node together: the links that each faces, what was heard of it, and what the beats of a link say.

It keeps the books; what is done about an address is decided by its keeper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pylb.core.model import Address
from pylb.core.ownership.beats import Beat
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.evidence import Row
from pylb.core.ownership.peers import Peer
from pylb.core.ownership.presence import Presence
from pylb.core.ownership.seats import Held, Seat
from pylb.core.ownership.segment import Link, Segment
from pylb.core.ownership.witness import LOST

LAPSE = 1.0  # s between two stale claims that each make us announce: who repeats old beats is not to make noise of them

Seats = Mapping[Address, Seat]


def face(seat: Seat, presence: Presence, now: float) -> None:
    """Find the links that an address is answered on; all of them where none suits, so that somebody can say so."""
    address, names = seat.line.address, seat.line.verdict.interfaces_of(presence.node)
    all_ = tuple(presence.segments.values())
    suits = tuple(segment for segment in all_ if _suits(segment.link, address, names))
    if not suits and any(_suits(link, address, names) for link in presence.away):
        all_ = ()  # its own link is down: another is no place for it
    before, seat.segments = seat.segments, suits or all_
    if seat.mine is None or before == seat.segments:
        return
    if not seat.segments:
        seat.mine.cut_since = now
        seat.mine.doubt()
    elif seat.mine.cut_since is not None:
        doubt(seat.mine, now - seat.mine.cut_since, now)
        seat.mine.cut_since = None
    elif not set(seat.segments) & set(before):
        doubt(seat.mine, math.inf, now)  # nobody there has ever heard of it


def doubt(mine: Held, seconds: float, now: float) -> None:
    """What is ours is to be confirmed; after a long absence it counts no more than if it had been forgotten."""
    mine.doubt()
    if seconds > LOST:
        mine.claim, mine.contested = replace(mine.claim, provisional=True, restored=True), now


def collect(seat: Seat, segments: Iterable[Segment]) -> None:
    """What was heard of an address before it was known here."""
    for segment in segments:
        for peer in segment.peers:
            claim = peer.claims.get(seat.line.address)
            if claim is not None:
                seat.heard[segment.link.name, peer.node] = claim


def unsettled(seats: Seats) -> list[Address]:
    """The addresses of this node's own of which its claim may become an ordinary one in time."""
    held = ((address, seat.mine) for address, seat in seats.items())
    return [address for address, mine in held if mine is not None and (mine.claim.provisional or mine.claim.restored)]


def imagine(seat: Seat, claim: Claim, macs: Mapping[str, bytes], now: float) -> None:
    """The API tells of an owner that was not heard yet, and its MACs by link: it can be asked by them, and stood in for.

    A link may have another name there.
    """
    for segment in seat.segments:
        mac = macs.get(segment.link.name) or next(iter(macs.values()), None)
        if mac is not None and claim.node in seat.line.verdict.ranking and mac != segment.link.mac:
            segment.peers.imagine(claim.node, mac, {seat.line.address: claim}, now)


def may_start(seat: Seat, presence: Presence, peer: Peer, row: Row, now: float) -> bool:
    """Whether an owner that was never heard may only be about to start, as this node did."""
    return not peer.is_real and not row.limit and not presence.has_waited(seat.segments, now)


def note_claims(seats: Seats, link: str, peer: Peer, before: Mapping[Address, Claim]) -> set[Address]:
    """A node's list of claims changed; the addresses that this is about."""
    changed = set()
    for address in before.keys() | peer.claims.keys():
        seat, claim = seats.get(address), peer.claims.get(address)
        if seat is None or claim == before.get(address):
            continue
        if claim is None:
            seat.heard.pop((link, peer.node), None)
        else:
            seat.heard[link, peer.node] = claim
            if seat.mine is not None and claim.node == peer.node:
                seat.mine.again = True  # even if it is gone again before the next tick
        changed.add(address)
    return changed


def note_contest(seats: Seats, beat: Beat, now: float) -> set[Address]:
    """A claim that may be stale, against one of ours: ours is not undisputed, and to be announced again."""
    found = set()
    for address, claim in beat.claims.items():
        seat = seats.get(address)
        if seat is not None and seat.mine is not None and claim.node == beat.node:
            if now >= seat.mine.contested + LAPSE:
                seat.mine.again = True
                found.add(address)
            seat.mine.contested = now
    return found


def remind(seats: Seats, segment: Segment) -> set[Address]:
    """A node that was apart from this one is heard: what it may have told the clients meanwhile must not stand.

    The addresses that are to be announced again.
    """
    found = set()
    for address, seat in seats.items():
        if seat.mine is not None and segment in seat.segments:
            seat.mine.again = True
            found.add(address)
    return found


def note_turn(seats: Seats, segment: Segment, peer: Peer, now: float) -> set[Address]:
    """A node fell silent, or is heard again, if by another's word alone: then what it says never comes here."""
    back = peer.is_fresh(now) and now >= peer.heard + peer.deadline
    return set(peer.claims) | (remind(seats, segment) if back else set())


def claims_on(segment: Segment, seats: Seats) -> dict[Address, Claim]:
    """What this node answers for on a link."""
    found: dict[Address, Claim] = {}
    for address, seat in seats.items():
        if segment not in seat.segments:
            continue
        if seat.mine is not None:
            if seat.mine.confirmed:
                found[address] = seat.mine.claim
        elif seat.standing is not None and seat.owner is not None:
            found[address] = seat.owner
        elif seat.relay is not None:
            found[address] = seat.relay
    return found


def _suits(link: Link, address: Address, names: frozenset[str] | None) -> bool:
    return link.name in names if names is not None else any(address in network for network in link.networks)
