"""What the screen is made from: one frozen value for each thing that was heard. They carry no verdicts.

A fact is an event of a speaker or controller (`core.events`), a changed object of the API, a speaker's `/state`, or
news of the connection. Times are Unix seconds. Who hears them is `source`; what they add up to is `store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from typing import overload

from pylb.core.config.loader import Config
from pylb.core.events import Event
from pylb.core.explanation.wire import WireSeen
from pylb.core.history import Entry
from pylb.core.model import EndpointSlice, L2Status, Node, Pod, Service
from pylb.tui.objects import BgpAdvert, BgpPeer, BgpStatus, ConfigVerdict, PoolUse


class Kind(str, Enum):
    """What is read of the API: kinds of objects, and two things that are read as a whole."""

    SERVICE = "service"
    STATUS = "status"  # ServiceL2Status
    NODE = "node"
    POD = "pod"  # of pylb, and of MetalLB where that runs
    NOTE = "note"  # Kubernetes Events
    SLICE = "slice"  # EndpointSlice
    POOL = "pool"  # the status of an IPAddressPool
    BGP = "bgp"  # ServiceBGPStatus
    PEER = "peer"  # BGPPeer
    BGP_ADVERT = "bgp_advert"  # BGPAdvertisement
    VERDICT = "verdict"  # ConfigurationState
    CONFIG = "config"  # as a whole: `ConfigSeen`
    HISTORY = "history"  # as a whole: `MovesSeen`


@dataclass(frozen=True, slots=True)
class Note:
    """A Kubernetes Event; `service` is empty for one that is not about a Service."""

    at: float
    service: str
    warning: bool
    reason: str
    text: str
    source: str = ""  # the component that wrote it
    about: str = ""  # "Kind namespace/name", or "Kind name"; empty for a Service


Value = (
    Service | L2Status | Node | Pod | Note | EndpointSlice | PoolUse | BgpStatus | BgpPeer | BgpAdvert | ConfigVerdict
)


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
    denied: str = ""  # why it may not be read, "" where it may
    scope: str = ""  # the namespace whose objects alone were asked for, "" for all


@dataclass(frozen=True, slots=True)
class ConfigSeen:
    """Pools and advertisements as they stand; `config` is None where the problems forbid it."""

    config: Config | None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()  # what is odd, and holds nothing back


@dataclass(frozen=True, slots=True)
class MovesSeen:
    """The moves that the ConfigMap `pylb-history` tells, oldest first."""

    moves: tuple[Entry, ...]


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


@lru_cache(maxsize=4_096)
def shared(said: Held) -> Held:
    """The same, which stands in memory once: of thousands of addresses the same few things are said."""
    return said


class Roster(Sequence[Held]):
    """Addresses as one speaker sees them, which cost little: `said` by address, without the address itself."""

    __slots__ = ("said",)

    def __init__(self, said: Mapping[str, Held]) -> None:
        self.said = said

    @classmethod
    def of(cls, held: Iterable[Held]) -> Roster:
        """What is said of these addresses; of one that is there twice, what comes last."""
        return cls({one.address: shared(replace(one, address="")) for one in held})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Roster) and self.said == other.said

    def __hash__(self) -> int:
        return hash(tuple(self.said))

    def __len__(self) -> int:
        return len(self.said)

    def __iter__(self) -> Iterator[Held]:
        return (replace(said, address=address) for address, said in self.said.items())

    @overload
    def __getitem__(self, place: int) -> Held: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Held]: ...

    def __getitem__(self, place: int | slice) -> Held | Sequence[Held]:
        return tuple(self)[place]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A speaker's `/state`. `said` is `addresses` by address, without the address itself."""

    node: str
    incarnation: str = ""
    version: str = ""
    state: str = ""
    members: tuple[Member, ...] = ()
    addresses: Sequence[Held] = ()
    stale: bool = False  # it works with the last good configuration, not the newest
    problems: tuple[str, ...] = ()
    strangers: tuple[tuple[str, float], ...] = ()  # nodes whose speakers share no key with it, and for how many seconds
    said: Mapping[str, Held] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        held = self.addresses
        roster = held if isinstance(held, Roster) else Roster.of(held)
        object.__setattr__(self, "addresses", roster)
        object.__setattr__(self, "said", roster.said)


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
class Seat:
    """A controller's word of itself."""

    pod: str  # "namespace/name"
    node: str = ""
    version: str = ""
    leads: bool = False
    writes: bool = False  # a leader may not while the API server does not answer
    identity: str = ""  # what it is called in the Lease
    holder: str = ""  # whom the Lease names
    trouble: str = ""  # why it can neither take nor keep the Lease
    problems: tuple[str, ...] = ()  # of the configuration


@dataclass(frozen=True, slots=True)
class ControllerHeard:
    """A controller told its state; the leading one also which Services it leaves to somebody else, by their keys."""

    at: float
    contests: Mapping[str, Contest] | None
    seat: Seat | None = None


@dataclass(frozen=True, slots=True)
class ControllerSilent:
    """A controller that was heard before cannot be asked any more."""

    at: float
    pod: str
    reason: str


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


@dataclass(frozen=True, slots=True)
class Rewound:
    """Everything begins anew: a recording is played from another place."""

    at: float


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that who looks should know of where the facts come from."""

    at: float
    text: str


Fact = (
    Event
    | ObjectChanged
    | Listed
    | ConfigSeen
    | MovesSeen
    | SpeakerHeard
    | SpeakerSilent
    | ControllerHeard
    | ControllerSilent
    | WireSeen
    | Online
    | Offline
    | Dropped
    | Rewound
    | Remark
)
