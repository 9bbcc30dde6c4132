"""What the arbiter tells: what was taken, dropped and stood in for, and what is to be announced. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pylb.core.model import Address, NodeName
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.lines import Line
from pylb.core.reasons import Reason


class Lost(str, Enum):
    """Why a member is not alive any more."""

    SILENT = "silent"
    LEFT = "left"
    STALLED = "stalled"  # this node itself: nothing ran for longer than the stall limit
    CUT_OFF = "cut_off"  # this node itself: it lacks what it needs to take part


@dataclass(frozen=True, slots=True)
class Took:
    """This node owns an address from now on. `silent`: how long the lost owner had given no sign, in s."""

    line: Line
    claim: Claim
    previous: NodeName | None
    cause: Cause
    silent: float | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """This node owns an address no more; `to` has it now, where that is known."""

    address: Address
    line: Line | None
    reason: Reason
    to: NodeName | None = None


@dataclass(frozen=True, slots=True)
class MoveRefused:
    """A move of an address of this node's was asked for, and cannot be; the request is spent.

    Unless it names another claim than the present one, of this `term`: then it never was about that.
    """

    line: Line
    node: NodeName
    reason: Reason
    term: int = 0


@dataclass(frozen=True, slots=True)
class StoodIn:
    """This node answers for an owner whose speaker is silent, with that owner's MAC."""

    address: Address
    owner: NodeName


@dataclass(frozen=True, slots=True)
class StoodDown:
    """It does so no more."""

    address: Address
    owner: NodeName


@dataclass(frozen=True, slots=True)
class Announce:
    """Announce an address that is owned already again: another node's last word must not stand."""

    address: Address


@dataclass(frozen=True, slots=True)
class Up:
    """A node's speaker is heard."""

    node: NodeName


@dataclass(frozen=True, slots=True)
class Down:
    """A node's speaker is not heard any more; `silent` is the time since its last sign, in s."""

    node: NodeName
    cause: Lost
    silent: float = 0.0


@dataclass(frozen=True, slots=True)
class Stalled:
    """This process was held up for so many seconds: what is queued is stale."""

    seconds: float


Effect = Took | Dropped | MoveRefused | StoodIn | StoodDown | Announce | Up | Down | Stalled
