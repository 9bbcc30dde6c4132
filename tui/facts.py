"""What the screen is made from: one frozen value for each thing that was heard. They carry no verdicts.

A fact is an event of a speaker or controller (`core.events`), a changed object of the API, a speaker's `/state`, or
news of the connection. Times are Unix seconds. Who hears them is `source`; what they add up to is `store`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pylb.core.config import Config
from pylb.core.events import Event
from pylb.core.model import L2Status, Node, Pod, Service


class Kind(str, Enum):
    """The kinds of objects that the screen shows one by one."""

    SERVICE = "service"
    STATUS = "status"  # ServiceL2Status
    NODE = "node"
    POD = "pod"  # pylb's own
    NOTE = "note"  # Kubernetes Events about Services


@dataclass(frozen=True, slots=True)
class Note:
    """A Kubernetes Event about a Service."""

    at: float
    service: str
    warning: bool
    reason: str
    text: str


Value = Service | L2Status | Node | Pod | Note


@dataclass(frozen=True, slots=True)
class ObjectChanged:
    """An object is as `value` says, or gone where that is None."""

    kind: Kind
    key: str
    value: Value | None
    created: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of a kind are known now; `available` is false where the cluster has no such kind, or forbids it."""

    kind: Kind
    available: bool = True


@dataclass(frozen=True, slots=True)
class ConfigSeen:
    """Pools and advertisements as they stand; `config` is None where the problems forbid it."""

    config: Config | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """Another speaker, as one speaker hears it."""

    node: str
    alive: bool


@dataclass(frozen=True, slots=True)
class Held:
    """An address, as one speaker sees it."""

    address: str
    owner: str  # "" where it knows none
    mine: bool
    candidates: tuple[str, ...] = ()  # in the order in which they would take it
    excluded: tuple[tuple[str, str], ...] = ()  # (node, reason)
    reason: str = ""
    interfaces: tuple[str, ...] = ()
    standing: str = ""  # whom that speaker stands in for
    term: int = 0  # of the owner's claim
    provisional: bool = False  # it is held without a witness


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A speaker's `/state`."""

    node: str
    incarnation: str = ""
    version: str = ""
    state: str = ""
    members: tuple[Member, ...] = ()
    addresses: tuple[Held, ...] = ()
    stale: bool = False  # it works with the last good configuration, not the newest
    problems: tuple[str, ...] = ()
    strangers: tuple[tuple[str, float], ...] = ()  # nodes whose speakers share no key with it, and for how many seconds


@dataclass(frozen=True, slots=True)
class SpeakerHeard:
    """A speaker told its state."""

    at: float
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class SpeakerSilent:
    """A speaker cannot be asked: its Pod does not answer, or is gone."""

    at: float
    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class Contest:
    """Somebody else writes a Service's status, too: who, and what he made of its addresses."""

    by: str
    wrote: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ControllerHeard:
    """The leading controller told which Services it leaves to somebody else, by their keys."""

    at: float
    contests: Mapping[str, Contest]


@dataclass(frozen=True, slots=True)
class Online:
    """The API server sent a good byte."""

    at: float


@dataclass(frozen=True, slots=True)
class Offline:
    """The API server cannot be reached; the next try is at `retry_at`."""

    at: float
    reason: str
    retry_at: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """Facts that were lost because they came faster than they could be shown."""

    count: int


Fact = (
    Event
    | ObjectChanged
    | Listed
    | ConfigSeen
    | SpeakerHeard
    | SpeakerSilent
    | ControllerHeard
    | Online
    | Offline
    | Dropped
)
