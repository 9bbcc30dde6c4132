"""What is known of the cluster, as one frozen value. `store.fold` makes it; nothing here judges or draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pylb.core.config.loader import Config
from pylb.core.events import Event, MemberDown, MemberUp
from pylb.core.explanation.wire import WireSeen
from pylb.core.history import Entry
from pylb.core.model import Endpoint, EndpointSlice, L2Status, Node, Pod, Service
from pylb.tui.facts import Contest, Kind, Note, Seat, Snapshot
from pylb.tui.objects import BgpAdvert, BgpPeer, BgpStatus, ConfigVerdict, PoolUse


@dataclass(frozen=True, slots=True)
class Dated:
    """A Service and when it was made."""

    service: Service
    created: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """A ServiceL2Status and when it was made, which is when its node began to announce; `since` is its own word of that."""

    status: L2Status
    created: float | None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Speaker:
    """A speaker that was asked for its state. `claims` says since when it is known to hold which address."""

    heard_at: float
    snapshot: Snapshot
    claims: Mapping[str, float] = field(default_factory=dict)
    silent: str = ""  # why it does not answer, "" while it does
    silent_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller that was asked for its state."""

    heard_at: float
    seat: Seat
    silent: str = ""  # why it does not answer, "" while it does
    silent_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Take:
    """A node began to announce, and who did before it ("" where nobody is known to have)."""

    node: str
    since: float
    before: str = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Trail:
    """Who began to announce an address (or, known by its ServiceL2Status alone, a Service), and when.

    Each node's last take is kept: one that is cut off from the others takes for itself what they still hold.
    """

    takes: tuple[Take, ...] = ()  # oldest first, one a node
    changes: tuple[float, ...] = ()  # when it went from one node to another, newest last

    def of(self, node: str) -> Take | None:
        """The node's last take, while it is not known to have ended."""
        return next((take for take in self.takes if take.node == node and not take.ended), None)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a Service has no address."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A MAC outside the cluster that answered for an address."""

    at: float
    mac: str
    seen_by: str


@dataclass(frozen=True, slots=True)
class Link:
    """The connection to the API server: `online` is None until the first word of it."""

    online: bool | None = None
    heard_at: float | None = None
    lost_at: float | None = None
    reason: str = ""
    retry_at: float = 0.0
    back_at: float = 0.0  # when it last came back: speakers are asked through it, and need a moment


@dataclass(frozen=True, slots=True)
class State:
    """Everything that is known."""

    services: Mapping[str, Dated] = field(default_factory=dict)
    statuses: Mapping[str, Status] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    pods: Mapping[str, Pod] = field(default_factory=dict)
    notes: Mapping[str, Note] = field(default_factory=dict)
    speakers: Mapping[str, Speaker] = field(default_factory=dict)
    trails: Mapping[str, Trail] = field(default_factory=dict)
    waits: Mapping[str, Waiting] = field(default_factory=dict)
    contests: Mapping[str, Contest] = field(default_factory=dict)  # by Service
    contests_at: float = 0.0  # when the leading controller told them
    foreign: Mapping[str, Foreign] = field(default_factory=dict)
    rejections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by who refuses the configuration
    controllers: Mapping[str, Controller] = field(default_factory=dict)  # by "namespace/name" of their pods
    slices: Mapping[str, EndpointSlice] = field(default_factory=dict)
    backends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # Service -> its slices
    pools: Mapping[str, PoolUse] = field(default_factory=dict)  # as the controller wrote it; by "namespace/name"
    bgp: Mapping[str, BgpStatus] = field(default_factory=dict)
    peers: Mapping[str, BgpPeer] = field(default_factory=dict)
    bgp_adverts: Mapping[str, BgpAdvert] = field(default_factory=dict)
    verdicts: Mapping[str, ConfigVerdict] = field(default_factory=dict)
    wires: Mapping[str, WireSeen] = field(default_factory=dict)  # by address, the newest look
    config: Config | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()  # what is odd about the configuration, and holds nothing back
    listed: Mapping[Kind, bool] = field(default_factory=dict)  # whether the kind exists and may be read
    denied: Mapping[Kind, str] = field(default_factory=dict)  # what may not be read, and why
    scope: str = ""  # the namespace whose Services alone are looked at, "" for all
    events: tuple[Event, ...] = ()  # oldest first
    members: tuple[MemberUp | MemberDown, ...] = ()  # the same of speakers alone, kept longer
    log: tuple[Event | Note, ...] = ()  # all that happened, oldest first
    moves: tuple[Entry, ...] = ()  # oldest first, each once: of the three below
    written: tuple[Entry, ...] = ()  # as pylb-history tells them
    lived: tuple[Entry, ...] = ()  # as speakers told them since
    observed: tuple[Entry, ...] = ()  # as ServiceL2Statuses came and went: of a Service, without an address
    remarks: tuple[str, ...] = ()  # on where the facts come from
    link: Link = Link()
    counters: Mapping[str, int] = field(default_factory=dict)

    def endpoints(self, service: str) -> list[Endpoint]:
        """The endpoints of a Service, from all its slices."""
        found = (self.slices.get(key) for key in self.backends.get(service, ()))
        return [endpoint for one in found if one is not None for endpoint in one.endpoints]
