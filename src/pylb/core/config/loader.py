"""The whole configuration, from all its objects at once: either a `Config`, or every `Problem` that is in them.

Rules and texts are MetalLB's (`internal/config`), across both namespaces that are read. What one of MetalLB's modes
takes is taken. Whoever loads keeps the last good `Config` when problems come back; those of BGP alone leave layer 2 as it
is wanted (`Loaded.layer2`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pylb.core.allocation.poolindex import PoolIndex
from pylb.core.config import bgp as config_bgp
from pylb.core.config import pairings
from pylb.core.config import pools as config_pools
from pylb.core.config import sessions as config_sessions
from pylb.core.config.layer2 import choose, read_layer2
from pylb.core.config.objects import (
    BGP_ADVERTISEMENT,
    COMMUNITY,
    JSON,
    KINDS,
    L2_ADVERTISEMENT,
    ORIGIN,
    PEER,
    POOL,
    PROFILE,
    BFDProfile,
    BGPAdvertisement,
    BGPPeer,
    Community,
    L2Advertisement,
    Objects,
    Pool,
    Preference,
    Problem,
)
from pylb.core.config.pools import MAX_RANGES
from pylb.core.config.sessions import Nodes
from pylb.core.config.sheets import Sheet, name_of, reference
from pylb.core.model import Address, Labels, Namespace, Node, PoolName

__all__ = [
    "EMPTY",
    "KINDS",
    "MAX_OBJECTS",
    "MAX_RANGES",
    "ORIGIN",
    "BFDProfile",
    "BGPAdvertisement",
    "BGPPeer",
    "Community",
    "Config",
    "L2Advertisement",
    "Loaded",
    "Objects",
    "Pool",
    "Preference",
    "Problem",
    "load",
]

T = TypeVar("T")
MAX_OBJECTS = 1000  # of a kind; a homelab has a handful


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration without problems."""

    pools: Mapping[PoolName, Pool] = field(default_factory=dict)
    advertisements: Mapping[PoolName, tuple[L2Advertisement, ...]] = field(default_factory=dict)
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    bgp_advertisements: Mapping[PoolName, tuple[BGPAdvertisement, ...]] = field(default_factory=dict)
    peers: Mapping[str, BGPPeer] = field(default_factory=dict)
    profiles: Mapping[str, BFDProfile] = field(default_factory=dict)
    communities: Mapping[str, Community] = field(default_factory=dict)
    index: PoolIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", PoolIndex(self.pools, self.namespaces))

    def pool_of(self, addresses: Iterable[Address]) -> Pool | None:
        """The one pool that holds all the addresses; `avoidBuggyIPs` is not looked at."""
        wanted = tuple(addresses)
        return self.index.holder(wanted) if wanted else None

    def allows(self, pool: Pool, namespace: str, labels: Labels) -> bool:
        """Whether a Service may use the pool."""
        found = self.namespaces.get(namespace)
        return pool.allows(namespace, found.labels if found else {}, labels)

    def with_bgp_of(self, other: Config) -> Config:
        """The same with what another says of BGP, for the pools that there are here."""
        adverts = {name: row for name, row in other.bgp_advertisements.items() if name in self.pools}
        return replace(
            self,
            bgp_advertisements=adverts,
            peers=other.peers,
            profiles=other.profiles,
            communities=other.communities,
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading gave: a config, or the problems that forbid it; and what is odd, but forbids nothing.

    Where objects of BGP alone have problems `layer2` is what the others say, without any of BGP.
    """

    config: Config | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    layer2: Config | None = None


EMPTY = Config()


class _Desk:
    """The sheets that are read, and what was found in them and between them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def read(self, objects: Sequence[JSON], kind: str, read: Callable[[Sheet], T | None]) -> Iterator[tuple[Sheet, T]]:
        """Each object that nothing is wrong with, in the order of names."""
        ordered = sorted(objects, key=lambda raw: (name_of(raw), reference(raw, kind).namespace))
        for raw in ordered[:MAX_OBJECTS]:
            sheet = Sheet(raw, kind)
            value = read(sheet)
            self.problems += sheet.problems
            self.warnings += sheet.warnings
            if value is not None:
                yield sheet, value
        if len(ordered) > MAX_OBJECTS:
            text = f"more than {MAX_OBJECTS} objects of this kind are not read"
            self.problems.append(Problem(reference(ordered[MAX_OBJECTS], kind), "", text, "remove some"))


def load(objects: Objects, namespaces: Iterable[Namespace] = (), nodes: Iterable[Node] = ()) -> Loaded:
    """Read all objects (JSON of the API) as one set; collects all problems.

    `nodes` decide which objects of BGP meet on one node; without any it is decided by their selectors alone.
    """
    desk = _Desk()
    pools = list(desk.read(objects.pools, POOL, config_pools.read_pool))
    adverts = list(desk.read(objects.advertisements, L2_ADVERTISEMENT, read_layer2))
    found = [pool for _, pool in pools]
    desk.problems += [*config_pools.repeated(found), *config_pools.overlaps(found)]
    chosen = choose([advert for _, advert in adverts], ((pool, sheet.labels) for sheet, pool in pools))
    config = Config({pool.name: pool for pool in found}, chosen, {one.name: one for one in namespaces})
    wrong = len(desk.problems)
    bgp = _load_bgp(desk, objects, pools, Nodes(tuple(node.labels for node in nodes)))
    problems, warnings = tuple(desk.problems), tuple(desk.warnings)
    if problems:
        return Loaded(None, problems, warnings, None if wrong else config)
    return Loaded(config.with_bgp_of(bgp), (), warnings)


def _load_bgp(desk: _Desk, objects: Objects, pools: Sequence[tuple[Sheet, Pool]], nodes: Nodes) -> Config:
    """What objects of BGP say; of those that nothing is wrong with."""
    names = _names(desk, objects.communities)
    profiles = [one for _, one in desk.read(objects.profiles, PROFILE, config_bgp.read_profile)]
    peers = [one for _, one in desk.read(objects.peers, PEER, config_bgp.read_peer)]
    desk.problems += [*config_sessions.repeated(profiles), *config_sessions.repeated(peers)]
    adverts = [
        one
        for _, one in desk.read(
            objects.bgp_advertisements, BGP_ADVERTISEMENT, lambda sheet: config_bgp.read_advertisement(sheet, names)
        )
    ]
    config = Config(
        bgp_advertisements=choose(adverts, ((pool, sheet.labels) for sheet, pool in pools)),
        peers={one.name: one for one in peers},
        profiles={one.name: one for one in profiles},
        communities=names,
    )
    typed = ((pool, sheet.spec["addresses"]) for sheet, pool in pools)
    across = pairings.across(typed, config.bgp_advertisements, config.peers, config.profiles, nodes)
    desk.problems += dict.fromkeys(across)
    desk.warnings += config_sessions.doubts(config.peers, config.profiles, nodes)
    return config


def _names(desk: _Desk, objects: Sequence[JSON]) -> dict[str, Community]:
    """The names of communities, each of which one object may give."""
    found: dict[str, Community] = {}
    for sheet, rows in desk.read(objects, COMMUNITY, config_bgp.read_communities):
        for name, value in rows:
            if name in found:
                text = f'duplicate definition of community "{name}"'
                fix = "another Community object gives it too: give each name once"
                desk.problems.append(Problem(sheet.ref, "spec.communities", text, fix))
            found.setdefault(name, value)
    return found
