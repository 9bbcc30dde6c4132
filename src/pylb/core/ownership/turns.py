"""Whose turn it is: this node's place in a line of those who may take an address, and who stands in for an owner. Pure.

Where not all hear each other all the time, only a few act: those who watch an owner stand in for it, and besides them
only the first in line find out what became of it.
"""

from __future__ import annotations

from collections.abc import Collection

from pylb.core.model import NodeName
from pylb.core.ownership.claims import tie
from pylb.core.ownership.peers import Peer
from pylb.core.ownership.presence import Presence
from pylb.core.ownership.seats import Seat
from pylb.core.ownership.segment import Segment

HEIRS = 4  # nodes in line that find out what became of an owner which they do not watch, above 32 nodes
RELAY = 0.4  # s that the next in line waits longer there: the one before it may have to be told, and to ask first


def is_candidate(presence: Presence, seat: Seat, now: float, but: NodeName | None = None) -> bool:
    """Whether this node may take an address now."""
    node = presence.node
    return node != but and presence.may_take(node, seat.segments, now) and node in seat.line.verdict.ranking


def place(
    presence: Presence,
    seat: Seat,
    now: float,
    but: NodeName | None = None,
    most: float = float("inf"),
    unheard: Collection[NodeName] = (),
) -> int | None:
    """How many of the nodes that may take an address come before this one; None if it may not, or they are above `most`.

    Of the `unheard` those count, too, that were never heard.
    """
    if not is_candidate(presence, seat, now, but):
        return None
    found = 0
    for node in seat.line.verdict.ranking:
        if node == presence.node:
            return found
        if node != but and (presence.may_take(node, seat.segments, now) or _is_new(node, seat, unheard)):
            found += 1
            if found > most:
                return None
    return None


def _is_new(node: NodeName, seat: Seat, unheard: Collection[NodeName]) -> bool:
    if node not in unheard:
        return False
    return not any((peer := segment.peers.get(node)) is not None and peer.is_real for segment in seat.segments)


def heir(presence: Presence, seat: Seat, segment: Segment, owner: NodeName, now: float) -> int | None:
    """This node's place among those who may follow an owner; None if it is not to."""
    return place(presence, seat, now, owner, float("inf") if segment.circle is None else HEIRS - 1)


def pause(segment: Segment, turn: int, stagger: float) -> float:
    """Seconds that a node waits for those before it in line to take over."""
    return stagger * turn + (RELAY if turn and segment.circle is not None else 0.0)


def is_concerned(presence: Presence, seat: Seat, segment: Segment, peer: Peer, now: float) -> bool:
    """Whether this node is to find out what became of an owner: all are, unless there are too many."""
    if segment.circle is None or presence.node in segment.circle.beside(peer.node, now):
        return True
    if peer.told is None and seat.hearsay(now) is not None:
        return False  # another stands in for it
    return heir(presence, seat, segment, peer.node, now) is not None


def stands_in(presence: Presence, segment: Segment, owner: NodeName, now: float) -> bool:
    """Whether this node is the first of those who can stand in for an owner."""
    if segment.circle is None:
        others = [peer.node for peer in segment.peers.fresh(now)]
    else:
        others = segment.circle.beside(owner, now)
        if presence.node not in others:
            return False
    able = (node for node in others if node not in (owner, presence.node) and _takes_part(segment, node))
    return all(tie(presence.node, owner) < tie(other, owner) for other in able)


def _takes_part(segment: Segment, node: NodeName) -> bool:
    peer = segment.peers.get(node)
    return peer is not None and peer.state.takes_part
