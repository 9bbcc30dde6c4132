"""Which speakers are alive, as one node sees it: a state machine over beats and time, without sockets or clock.

Silence alone makes a member dead, at exactly its deadline; a beat that is late, repeated or of a dead incarnation
changes nothing. A node that was held up itself, or cut off, cannot tell who was silent: it gives all members a fresh
deadline and listens again before it takes part, as it does when it starts.

Who goes by a part of the configuration, since it never knew a whole one, is no candidate beside those who know one: they
would not agree on who is first. Among its like it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from pylb.core.model import NodeName

INTERVAL = 0.1  # s between beats
DEADLINE = 0.5  # s of silence after which a member is dead
STALL_LIMIT = 0.3  # s without a tick after which a node distrusts itself; below every peer's deadline
LISTEN = DEADLINE + INTERVAL  # s that a new speaker listens before it takes part
LISTEN_AGAIN = (
    3 * INTERVAL
)  # s that one listens that was held up: each live peer has spoken by then, SETTLE ago at least
SETTLE = (
    1.5 * INTERVAL
)  # s between saying "active" and counting oneself, where nobody was active for as long: all start at once
PATIENCE = 2.0  # s in which all learn that the configuration is whole again: who learns it first moves nothing yet
MAX_MEMBERS = 256  # a forger with the key cannot fill the memory


class State(str, Enum):
    """What a speaker says of itself in its beats."""

    JOINING = "joining"  # listens; is no candidate yet
    ACTIVE = "active"
    LEAVING = "leaving"  # goes on answering until the others have taken over


class Cause(str, Enum):
    """Why a member is not alive any more."""

    SILENT = "silent"
    LEFT = "left"
    STALLED = "stalled"  # this node itself: nothing ran for longer than the stall limit
    CUT_OFF = "cut_off"  # this node itself: it lacks what it needs to take part


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat says, however it travelled."""

    node: NodeName
    incarnation: int  # 64 random bits a start: a Pi has no clock to count starts by
    sequence: int
    state: State
    partial: bool = False  # its sender goes by what is valid of an invalid configuration


@dataclass(frozen=True, slots=True)
class Up:
    """A member is alive."""

    node: NodeName


@dataclass(frozen=True, slots=True)
class Down:
    """A member is not alive any more; `silent` is the time since its last sign, in s."""

    node: NodeName
    cause: Cause
    silent: float


Change = Up | Down


@dataclass(slots=True)
class _Member:
    incarnation: int
    sequence: int
    state: State
    heard: float
    active_since: float
    before: int | None = None  # the incarnation that this one followed: its late beats are stale
    silent: bool = False  # past its deadline; kept, so that a repeated beat of it stays known as stale
    partial: bool = False
    whole_since: float = -math.inf  # since when it is not, where it was before

    @property
    def alive(self) -> bool:
        return self.state is State.ACTIVE and not self.silent


class Membership:
    """The members that one node hears. Times are seconds of any clock that never steps back."""

    def __init__(self, node: NodeName, incarnation: int, now: float) -> None:
        self.node = node
        self.incarnation = incarnation
        self.state = State.JOINING
        self.stale = 0  # beats that were late or repeated
        self.cold = True  # nobody had been active for long when this node became so: no address had an owner
        self.partial = False  # this node goes by what is valid of an invalid configuration
        self._whole_since = -math.inf
        self._sequence = 0
        self._ticked = now
        self._first_at = now + LISTEN  # not active before
        self._active_at = math.inf  # not before `connect`
        self._counts_from = math.inf  # when this node counts itself among the active
        self._members: dict[NodeName, _Member] = {}

    @property
    def alive(self) -> frozenset[NodeName]:
        """The active members, and this node if it is active."""
        others = {name for name, member in self._members.items() if self._is_peer(member)}
        return frozenset(others | {self.node} if self._counts else others)

    @property
    def _counts(self) -> bool:
        return self.state is State.ACTIVE and self._counts_from <= self._ticked

    @property
    def members(self) -> dict[NodeName, float]:
        """When each other member that is not silent was last heard."""
        return {name: member.heard for name, member in self._members.items() if not member.silent}

    def may_answer(self, now: float) -> bool:
        """Whether this node may rely on what it knows: it takes part, and was not held up just now."""
        return now <= self._ticked + STALL_LIMIT and self.state is not State.JOINING

    def beat(self) -> Beat:
        """The next beat to send."""
        self._sequence += 1
        return Beat(self.node, self.incarnation, self._sequence, self.state, self.partial)

    def leave(self) -> None:
        """Say in every beat from now on that this node leaves."""
        self.state = State.LEAVING

    def connect(self, now: float) -> list[Change]:
        """What this node needs to take part is there: listen first, since an old claim may be another's by now."""
        self._active_at = max(self._first_at, now + LISTEN_AGAIN)
        return self._withdraw(Cause.CUT_OFF, now)

    def disconnect(self, now: float) -> list[Change]:
        """It is not: the interface that this node is known by is down, or the cluster was not read yet."""
        self._active_at = math.inf
        return self._withdraw(Cause.CUT_OFF, now)

    def go_by(self, partial: bool, now: float) -> list[Change]:
        """This node goes by a part of the configuration from now on, or by a whole one."""
        if partial is self.partial:
            return []
        before, self.partial = self.alive, partial
        self._whole_since = -math.inf if partial else now
        return [Up(name) for name in sorted(self.alive - before)]

    @property
    def _tolerant(self) -> bool:
        return self.partial or self._ticked < self._whole_since + PATIENCE

    def _is_peer(self, member: _Member) -> bool:
        """Whether a member is a candidate, as this node sees it."""
        return member.alive and (self._tolerant or not member.partial)

    def _outranked(self, now: float) -> bool:
        """Whether this node has to leave everything to somebody who knows a whole configuration."""
        patience = PATIENCE if self.state is State.ACTIVE else 0.0
        whole = (one for one in self._members.values() if one.alive and not one.partial)
        return self.partial and any(now >= one.whole_since + patience for one in whole)

    def receive(self, beat: Beat, now: float) -> list[Change]:
        """Take in a beat of another node."""
        if beat.node == self.node:
            return []
        known = self._members.get(beat.node)
        if known is not None and _is_stale(known, beat):
            self.stale += 1
            return []
        if known is None and not self._room():
            return []
        was_alive = known is not None and self._is_peer(known)
        since = known.active_since if known is not None and known.alive else now
        before = _before(known, beat)
        new = _Member(beat.incarnation, beat.sequence, beat.state, now, since, before, partial=beat.partial)
        if known is not None and known.incarnation == beat.incarnation:
            new.whole_since = now if known.partial and not beat.partial else known.whole_since
        self._members[beat.node] = new
        if self._is_peer(new):
            return [] if was_alive else [Up(beat.node)]
        return [Down(beat.node, Cause.LEFT, 0.0)] if was_alive else []

    def tick(self, now: float) -> list[Change]:
        """Let time pass. To be called each INTERVAL, and at `next_deadline`."""
        stalled, held_up, counted = now > self._ticked + STALL_LIMIT, now - self._ticked, self._counts
        before = self.alive - {self.node}
        if stalled:
            self._active_at = max(self._active_at, now + LISTEN_AGAIN)
            changes = self._withdraw(Cause.STALLED, now, held_up)
            self._ticked = now
            return changes
        self._ticked = now
        changes = [*self._part_with(before), *self._bury(now)]
        if self.state is State.ACTIVE and self._outranked(now):
            return [*changes, *self._withdraw(Cause.CUT_OFF, now)]
        if self.state is State.JOINING and now >= self._active_at and not self._outranked(now):
            self.state = State.ACTIVE
            self.cold = not any(one.alive and now - one.active_since >= SETTLE for one in self._members.values())
            self._counts_from = now + SETTLE if self.cold else now
        return changes if counted or not self._counts else [*changes, Up(self.node)]

    def _part_with(self, before: frozenset[NodeName]) -> list[Change]:
        """Those whom this node was patient with for long enough."""
        return [Down(name, Cause.LEFT, 0.0) for name in sorted(before - self.alive)]

    def _bury(self, now: float) -> list[Change]:
        """Those who have been silent for too long."""
        changes: list[Change] = []
        for name, member in self._members.items():
            if not member.silent and now >= member.heard + DEADLINE:
                if self._is_peer(member):
                    changes.append(Down(name, Cause.SILENT, now - member.heard))
                member.silent = True
        return changes

    def next_deadline(self) -> float | None:
        """When the next member dies if nothing is heard, or None without members."""
        return min((heard + DEADLINE for heard in self.members.values()), default=None)

    def _room(self) -> bool:
        """Make room for one more member, at the cost of the one that has been silent longest."""
        if len(self._members) < MAX_MEMBERS:
            return True
        gone = [(member.heard, name) for name, member in self._members.items() if member.silent]
        if gone:
            del self._members[min(gone)[1]]
        return bool(gone)

    def _withdraw(self, cause: Cause, now: float, silent: float = 0.0) -> list[Change]:
        """Take no part until it is time; nobody else is blamed for what was not heard meanwhile."""
        for member in self._members.values():
            member.heard = now
        counted = self._counts
        if self.state is not State.LEAVING:
            self.state = State.JOINING
        return [Down(self.node, cause, silent)] if counted else []


def _before(known: _Member | None, beat: Beat) -> int | None:
    if known is None or known.incarnation == beat.incarnation:
        return known.before if known else None
    return known.incarnation


def _is_stale(known: _Member, beat: Beat) -> bool:
    if beat.incarnation == known.incarnation:
        return beat.sequence <= known.sequence
    return beat.incarnation == known.before
