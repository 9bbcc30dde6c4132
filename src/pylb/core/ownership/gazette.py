"""The API server as a third speaker: what nodes that do not hear each other tell each other through it. No clock.

That a claim stands in the API says nothing of now: its node may be dead. So an owner that does not hear a node that
should be there *renews*: it writes, in one object for all that it owns, a stamp that it never wrote before, and whom it
does not hear. A claim counts as heard while such stamps come. Whether they come is judged by this node's own watch and
its own clock, as Leases are; what another clock says matters nowhere. A quiet cluster renews nothing.

Which of two claims stands is not decided here: `seats.Seat.noted` has those that count, beside those of the LAN.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import tie
from pylb.core.ownership.peers import Peer
from pylb.core.ownership.presence import Presence
from pylb.core.ownership.record import RENEWED, Notice, Renewal
from pylb.core.ownership.seats import Seat

UNHEARD = 2.0  # s of silence after which an owner renews for a node that is ready by the API's word
FIRST_A_NODE, FIRST_MAX = 0.5, 8.0  # s, times the nodes, over which all spread their first renewals
SECOND, SECOND_A_NODE, SECOND_MAX = 3.0, 1.0, 12.0  # s from the first to the second: who has to yield waits for two
EVERY, EVERY_A_NODE = 10.0, 1.25  # s between all that follow: all together stay below one write a second
HEARD = 30.0  # s for which a renewed claim counts as heard
HEARD_TIMES = 3  # and so many times EVERY, where that is more
LAG = 1.0  # s after the last sign of a node in which a renewal may still be on its way from before
SPARED = 4.0  # s after it, and the time for all first renewals, in which its objects are left alone
PACE = 0.25  # s between two looks while nothing is read
MAX_SEEN = 64  # stamps of one node that are remembered
NEVER = float("-inf")
NOBODY: frozenset[NodeName] = frozenset()
NOTHING = Notice()

Seats = Mapping[Address, Seat]


@dataclass(slots=True)
class Voice:
    """What one other node tells, and when it last renewed it for us; times in seconds."""

    notice: Notice
    seen: frozenset[str]  # stamps
    last: float = NEVER
    before: float = NEVER  # the time before the last
    claimed: float = NEVER  # when its claims last changed

    def counts(self, sign: float, firm: bool, limit: float, now: float) -> bool:
        """Whether it renewed since a node's last sign on the LAN; `firm`: twice, since one may have been long on its way."""
        return (self.before if firm else self.last) > sign + LAG and now < self.last + limit


@dataclass(slots=True)
class _Pace:
    """When this node renewed."""

    count: int = 0
    at: float = NEVER
    began: float | None = None  # since when there is somebody to renew for
    burst: int = 0  # renewals since then
    told: frozenset[NodeName] = NOBODY


class Gazette:
    """One node's reading of the API, and what it has to write there."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._voices: dict[NodeName, Voice] = {}
        self._ready: frozenset[NodeName] = NOBODY
        self._size = 0
        self._has_read = False
        self._contested: set[tuple[NodeName, Address]] = set()  # claims that came up beside one of ours
        self._noted: set[Address] = set()
        self._pace = _Pace()
        self._look_at = NEVER
        self.renewal: Renewal | None = None  # what is to stand in the API now; None: whatever does
        self.spared: frozenset[NodeName] = NOBODY  # whose objects are to be left alone: they may be alive

    def read(
        self, notices: Mapping[NodeName, Notice], ready: Collection[NodeName], seats: Seats, now: float
    ) -> set[Address]:
        """What stands in the API now, and which nodes are ready by its word; the addresses that this changes."""
        own = self._presence.node
        before = self._voices
        self._voices = {node: self._hear(node, one, now) for node, one in notices.items() if node != own}
        self._ready, self._size = frozenset(ready) - {own}, len(ready)
        self._has_read = True
        changed = set(self._note_contests(before, seats))
        self._look_at = NEVER
        return changed | self.tick(seats, now)

    def _hear(self, node: NodeName, notice: Notice, now: float) -> Voice:
        known, own = self._voices.get(node), self._presence.node
        stamps = frozenset(one.stamp for one in notice.renewals)
        if known is None:
            known = Voice(NOTHING, frozenset()) if self._has_read else Voice(notice, stamps)
        new = [one for one in notice.renewals if one.stamp not in known.seen]
        seen = known.seen | stamps if len(known.seen) < MAX_SEEN else stamps
        claimed = known.claimed if notice.claims == known.notice.claims else now
        if any(own in one.unheard for one in new):
            return Voice(notice, seen, now, known.last, claimed)
        return Voice(notice, seen, known.last, known.before, claimed)

    def _note_contests(self, before: Mapping[NodeName, Voice], seats: Seats) -> Iterator[Address]:
        """Who had claimed what is ours, and does not any more, may have told the clients so: ours is announced again."""
        for node in before.keys() | self._voices.keys():
            old = before[node].notice.claims if node in before else {}
            new = self._voices[node].notice.claims if node in self._voices else {}
            for address in old.keys() | new.keys() if old is not new else ():
                seat = seats.get(address)
                if seat is None or seat.mine is None:
                    self._contested.discard((node, address))
                elif address in new and address not in old:
                    self._contested.add((node, address))
                elif address not in new and ((node, address) in self._contested or self._spoke(node, before)):
                    self._contested.discard((node, address))
                    seat.mine.again = True
                    yield address

    @staticmethod
    def _spoke(node: NodeName, before: Mapping[NodeName, Voice]) -> bool:
        """Whether a node spoke by the API because it does not hear us: it may answer for what it had before, too."""
        return node in before and before[node].last != NEVER

    def tick(self, seats: Seats, now: float) -> set[Address]:
        """Find out what counts as heard, and whether to renew; the addresses about which that is something new."""
        if now < self._look_at:
            return set()
        self._look_at = now + PACE
        self._renew(seats, now)
        self.spared = self._spare(now)
        speaking = {node: voice for node, voice in self._voices.items() if now < voice.last + self._limit}
        told = {address for voice in speaking.values() for address in voice.notice.claims}
        changed = set()
        for address in (self._noted | told) & seats.keys():
            seat = seats[address]
            noted = {
                node: voice.notice.claims[address]
                for node, voice in speaking.items()
                if address in voice.notice.claims and self._counts(seat, node, voice, now)
            }
            if noted != seat.noted:
                seat.noted = noted
                changed.add(address)
        self._noted = {address for address in told & seats.keys() if seats[address].noted}
        return changed

    def _counts(self, seat: Seat, node: NodeName, voice: Voice, now: float) -> bool:
        """Whether what a node tells counts for an address: not beside the LAN's word, nor for one that is cut off itself.

        Nor what it is not sure of, as one that is cut off: whoever is not should take the address over.
        """
        if not seat.segments or not seat.is_witnessed(now) or any(one.fresh(node, now) for one in seat.segments):
            return False
        if seat.mine is None and voice.notice.claims[seat.line.address].provisional:
            return False
        sign = max((segment.sign(node) for segment in seat.segments), default=NEVER)
        return voice.counts(sign, seat.mine is not None, self._limit, now)

    @property
    def _every(self) -> float:
        return max(EVERY, EVERY_A_NODE * self._size)

    @property
    def _limit(self) -> float:
        return max(HEARD, HEARD_TIMES * self._every)

    @property
    def _spread(self) -> float:
        return min(FIRST_A_NODE * self._size, FIRST_MAX)

    # What this node writes

    def _renew(self, seats: Seats, now: float) -> None:
        """Renew at once for somebody new, then soon, then now and then."""
        unheard = self._unheard(now)
        if not unheard or not any(seat.mine is not None and seat.mine.confirmed for seat in seats.values()):
            self.renewal, self._pace = None, _Pace(self._pace.count, self._pace.at)
            return
        pace = self._pace
        pace.began = now if pace.began is None else pace.began
        if now < self._due(pace, unheard):
            return
        pace.count, pace.at, pace.burst, pace.told = pace.count + 1, now, pace.burst + 1, unheard
        self.renewal = Renewal(f"{self._presence.incarnation:x}-{pace.count}", unheard)

    def _due(self, pace: _Pace, unheard: frozenset[NodeName]) -> float:
        """When to renew next; each node has a place of its own among the first."""
        second = min(max(SECOND, SECOND_A_NODE * self._size), SECOND_MAX)
        if pace.burst == 0 and pace.began is not None:
            share = tie(self._presence.node, RENEWED)[0] / 256
            return max(pace.began + share * self._spread, pace.at + second)
        return pace.at + (second if pace.burst == 1 or unheard - pace.told else self._every)

    def _unheard(self, now: float) -> frozenset[NodeName]:
        """The nodes that should be there and are not heard: those that were, and those that tell of claims."""
        found: set[NodeName] = set()
        if not self._ready or not self._presence.state.takes_part:
            return NOBODY
        segments = self._presence.segments.values()
        for segment in segments:
            late = (node for node in segment.silent & self._ready if now >= segment.sign(node) + UNHEARD)
            found.update(node for node in late if not self._has_left(segment.peers.get(node), now))
        if now >= self._presence.active_at + UNHEARD:
            found.update(node for node in self._strangers(now) if not any(one.peers.get(node) for one in segments))
        return frozenset(found)

    def _has_left(self, peer: Peer | None, now: float) -> bool:
        """Whether a node's speaker ended in order, and nothing has come of it since."""
        if peer is None or peer.state not in (State.RESTARTING, State.LEAVING):
            return False
        voice = self._voices.get(peer.node)
        return voice is None or now >= voice.last + HEARD

    def _strangers(self, now: float) -> Iterator[NodeName]:
        """Nodes that tell of claims, are ready and are heard on no link."""
        segments = self._presence.segments.values()
        for node, voice in self._voices.items():
            if voice.notice.claims and node in self._ready and not any(one.fresh(node, now) for one in segments):
                yield node

    def _spare(self, now: float) -> frozenset[NodeName]:
        """The nodes whose objects are to be left alone, though this node has what they tell of."""
        found: set[NodeName] = set()
        for node in self._strangers(now):
            voice, signs = self._voices[node], [one.sign(node) for one in self._presence.segments.values()]
            sign = max((sign for sign in signs if sign > NEVER), default=self._presence.active_at)
            since = max(sign, voice.claimed)
            if now < since + SPARED + self._spread or voice.counts(sign, False, self._limit, now):
                found.add(node)
        return frozenset(found)
