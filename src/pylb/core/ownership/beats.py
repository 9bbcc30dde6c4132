"""What a heartbeat says, however it travelled. Values only; `speaker.beat` makes bytes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from pylb.core.model import Address, NodeName
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.evidence import Verdict

INTERVAL = 0.1  # s between beats
STRIDE = 16  # sequences from one beat to the next: so many datagrams may be needed to tell it


class State(str, Enum):
    """What a speaker says of itself."""

    JOINING = "joining"  # listens; is no candidate yet
    ACTIVE = "active"
    RESTARTING = "restarting"  # ends, its node stays: asks that somebody stands in
    DRAINING = "draining"  # answers on, but its addresses are to go to others
    LEAVING = "leaving"  # ends for good: the same, at once

    @property
    def may_take(self) -> bool:
        """Whether it takes addresses that have no owner or lose theirs."""
        return self is State.ACTIVE

    @property
    def takes_part(self) -> bool:
        """Whether it answers for what it owns, and goes on to."""
        return self in (State.ACTIVE, State.DRAINING)

    @property
    def yields(self) -> bool:
        """Whether it asks others to take what it owns."""
        return self in (State.DRAINING, State.LEAVING)


@dataclass(frozen=True, slots=True)
class Ack:
    """The newest beat heard of a node: that it was heard, and, being of that node's choice, that this beat is fresh."""

    incarnation: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Loss:
    """A node that its sender watches, and does not hear any more: its newest beat, and what became of it so far."""

    incarnation: int
    sequence: int
    verdict: Verdict = Verdict.OPEN


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat, sent on one link.

    `incarnation` is drawn anew at each start (64 random bits: a Pi has no clock), `sequence` grows with each beat.
    `claims` are what its sender answers for on that link: its own claims, and those of the owners that it stands in for.
    The mapping is the same object from beat to beat while nothing changed.
    """

    node: NodeName
    incarnation: int
    sequence: int
    state: State
    link: str = ""
    mac: bytes = b""  # of that link
    claims: Mapping[Address, Claim] = field(default_factory=dict)
    acks: Mapping[NodeName, Ack] = field(default_factory=dict)
    witnessed: bool = True  # whether its witness answers: one that was cut off takes nothing over
    partial: bool = False  # its sender goes by what is valid of an invalid configuration
    # Where a link has too many nodes for each to beat to all:
    asks: bool = False  # whoever it goes to is asked to answer in his next turn
    lost: Mapping[NodeName, Loss] = field(default_factory=dict)
    to: tuple[NodeName, ...] | None = None  # whom it goes to; None: to all. Not said in it
