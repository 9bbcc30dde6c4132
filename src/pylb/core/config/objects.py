"""What a configuration is made of: objects of the API as they come, what is wrong with them, and what they say.

Values alone; `core.config.loader` makes one of the others. Names of kinds are known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pylb.core import places, selectors
from pylb.core.allocation.reserves import cut
from pylb.core.model import Address, Labels, ObjectRef, PoolName
from pylb.core.ranges import Range, count_buggy, is_buggy
from pylb.core.selectors import Selector

JSON = Mapping[str, Any]
ORIGIN = "origin"  # key of a converted object: the ObjectRef that people know it by
GROUP = places.GROUP
POOL, L2_ADVERTISEMENT = "IPAddressPool", "L2Advertisement"
BGP_ADVERTISEMENT, PEER, PROFILE, COMMUNITY = "BGPAdvertisement", "BGPPeer", "BFDProfile", "Community"
KINDS = {  # field of Objects: kind
    "pools": POOL,
    "advertisements": L2_ADVERTISEMENT,
    "bgp_advertisements": BGP_ADVERTISEMENT,
    "peers": PEER,
    "profiles": PROFILE,
    "communities": COMMUNITY,
}
BGP_PORT = 179  # TCP (RFC 4271, section 8)


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects that configure, as JSON of the API, by kind; each in any order."""

    pools: Sequence[JSON] = ()
    advertisements: Sequence[JSON] = ()  # L2Advertisements
    bgp_advertisements: Sequence[JSON] = ()
    peers: Sequence[JSON] = ()
    profiles: Sequence[JSON] = ()
    communities: Sequence[JSON] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the configuration, where, and what mends it.

    `field` is a path in the object (`spec.addresses[1]`), `text` is MetalLB's where MetalLB has one.
    """

    ref: ObjectRef
    field: str
    text: str
    fix: str = ""

    @property
    def told(self) -> str:
        """The text, and behind a semicolon what mends it."""
        return f"{self.text}; {self.fix}" if self.fix else self.text

    def __str__(self) -> str:
        return f"{self.ref}: {self.told}"


@dataclass(frozen=True, slots=True)
class Pool:
    """An IPAddressPool."""

    name: PoolName
    ref: ObjectRef
    ranges: tuple[Range, ...]
    auto_assign: bool = True
    avoid_buggy: bool = False
    pinned: bool = False  # has spec.serviceAllocation
    priority: int = 0  # lower is better, 0 is last
    namespaces: frozenset[str] = frozenset()
    namespace_selectors: tuple[Selector, ...] = ()
    service_selectors: tuple[Selector, ...] = ()
    failback: bool = False  # its addresses go back to the first in line
    reserved: tuple[Range, ...] = ()  # given to those alone who ask for an address of them
    remembered: bool = True  # Services that are gone get theirs back

    def __contains__(self, address: object) -> bool:
        return any(address in span for span in self.ranges)

    @property
    def offered(self) -> tuple[Range, ...]:
        """What it gives to those who ask for no address."""
        return cut(self.ranges, self.reserved) if self.reserved else self.ranges

    def usable(self, address: Address) -> bool:
        """Whether an address of the pool may be given out."""
        return not (self.avoid_buggy and is_buggy(address))

    def capacity(self, version: int) -> int:
        """How many addresses of a family it can give out."""
        spans = [span for span in self.ranges if span.version == version]
        buggy = sum(count_buggy(span) for span in spans) if self.avoid_buggy else 0
        return sum(span.size for span in spans) - buggy

    def allows(self, namespace: str, namespace_labels: Labels, service_labels: Labels) -> bool:
        """Whether `serviceAllocation` lets a Service of that namespace with those labels use it."""
        if not self.pinned:
            return True
        limited = bool(self.namespaces or self.namespace_selectors)
        inside = namespace in self.namespaces or selectors.matches_any(self.namespace_selectors, namespace_labels)
        wanted = not self.service_selectors or selectors.matches_any(self.service_selectors, service_labels)
        return (inside or not limited) and wanted


@dataclass(frozen=True, slots=True)
class Preference:
    """A weight for the nodes that a selector matches."""

    weight: int  # 1 to 100
    nodes: Selector


@dataclass(frozen=True, slots=True)
class L2Advertisement:
    """An L2Advertisement."""

    name: str
    ref: ObjectRef
    pools: frozenset[str] = frozenset()
    pool_selectors: tuple[Selector, ...] = ()
    nodes: tuple[Selector, ...] = ()
    interfaces: frozenset[str] = frozenset()
    services: tuple[Selector, ...] = ()
    preferences: tuple[Preference, ...] = ()

    def covers(self, labels: Labels) -> bool:
        """Whether it names the node with those labels."""
        return not self.nodes or selectors.matches_any(self.nodes, labels)

    def score(self, labels: Labels) -> int:
        """How much it prefers the node with those labels."""
        return sum(item.weight for item in self.preferences if item.nodes.matches(labels))


@dataclass(frozen=True, slots=True, order=True)
class Community:
    """A BGP community of two parts (RFC 1997), or a large one of three (RFC 8092)."""

    parts: tuple[int, ...]

    @property
    def large(self) -> bool:
        return len(self.parts) == 3

    def __str__(self) -> str:
        return ":".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class BGPAdvertisement:
    """A BGPAdvertisement. `unknown` are names of communities that no Community object tells the value of."""

    name: str
    ref: ObjectRef
    aggregation_length: int = 32
    aggregation_length_v6: int = 128
    local_pref: int = 0
    communities: frozenset[Community] = frozenset()
    unknown: tuple[str, ...] = ()
    peers: frozenset[str] = frozenset()  # names; none means all
    pools: frozenset[str] = frozenset()
    pool_selectors: tuple[Selector, ...] = ()
    nodes: tuple[Selector, ...] = ()
    services: tuple[Selector, ...] = ()

    def covers(self, labels: Labels) -> bool:
        """Whether it names the node with those labels."""
        return not self.nodes or selectors.matches_any(self.nodes, labels)


@dataclass(frozen=True, slots=True)
class BGPPeer:
    """A BGPPeer. Exactly one of `peer_asn` and `dynamic_asn`, and of `address` and `interface`, is set."""

    name: str
    ref: ObjectRef
    my_asn: int
    peer_asn: int = 0
    dynamic_asn: str = ""  # internal or external
    local_asn: int = 0  # shown to this peer in place of my_asn; 0: none
    address: Address | None = None
    interface: str = ""
    source: Address | None = None
    router_id: Address | None = None
    port: int = BGP_PORT
    hold_time: float | None = None  # s; None: the default
    keepalive_time: float | None = None  # s
    connect_time: float | None = None  # s
    nodes: tuple[Selector, ...] = ()
    password: str = field(default="", repr=False)
    password_secret: str = ""  # the name of a Secret
    profile: str = ""  # the name of a BFDProfile
    graceful_restart: bool = False
    multi_hop: bool = False
    vrf: str = ""
    disable_mp: bool = False
    dual_stack: bool = False

    def covers(self, labels: Labels) -> bool:
        """Whether the node with those labels is to have the session."""
        return not self.nodes or selectors.matches_any(self.nodes, labels)


@dataclass(frozen=True, slots=True)
class BFDProfile:
    """A BFDProfile; None is for the default of who speaks BFD. Intervals are in ms."""

    name: str
    ref: ObjectRef
    receive_interval: int | None = None
    transmit_interval: int | None = None
    echo_interval: int | None = None
    detect_multiplier: int | None = None
    minimum_ttl: int | None = None
    echo_mode: bool = False
    passive_mode: bool = False
