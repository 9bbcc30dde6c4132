"""Who is first in line to announce an address: MetalLB's eligibility and order, as pure functions.

Every node that is not in line carries its `Reason`, so that people can be told why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pylb.core import selectors
from pylb.core.allocation import requests
from pylb.core.config.loader import Config, L2Advertisement
from pylb.core.model import LOCAL, Address, Endpoint, Node, NodeName, Service
from pylb.core.reasons import Reason

EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The line for one address: `ranking[0]` is the winner; `reason` says why nobody at all can announce it."""

    ranking: tuple[NodeName, ...] = ()
    excluded: Mapping[NodeName, Reason] = field(default_factory=dict)
    reason: Reason | None = None
    restricted: Mapping[NodeName, frozenset[str]] = field(
        default_factory=dict
    )  # interfaces, where advertisements name some

    @property
    def winner(self) -> NodeName | None:
        return self.ranking[0] if self.ranking else None

    def interfaces_of(self, node: NodeName) -> frozenset[str] | None:
        """The interfaces of a node that its advertisements name together; None: all of them."""
        return self.restricted.get(node)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What makes a node's place in the line: its score, then its hash."""

    node: NodeName
    score: int = 0


def rank(address: Address, candidates: Iterable[Candidate]) -> tuple[NodeName, ...]:
    """Candidates by score, descending, then by `sha256("node#address")`, ascending (MetalLB's `sortL2Candidates`)."""

    def place(candidate: Candidate) -> tuple[int, bytes]:
        return -candidate.score, hashlib.sha256(f"{candidate.node}#{address}".encode()).digest()

    return tuple(candidate.node for candidate in sorted(candidates, key=place))


def elect(
    config: Config,
    service: Service,
    addresses: Sequence[Address],
    endpoints: Sequence[Endpoint],
    nodes: Mapping[NodeName, Node],
    alive: Collection[NodeName],
) -> Verdict:
    """The line for a Service's first address among the nodes whose speakers are `alive` (MetalLB's `ShouldAnnounce`).

    Under dual stack both addresses go where the first one goes.
    """
    pool = config.pool_of(addresses)
    if pool is None:
        return Verdict(reason=Reason.NO_ADDRESS if not addresses else Reason.ADDRESS_IN_NO_POOL)
    if any(address in node.internal_ips for node in nodes.values() for address in addresses):
        return Verdict(reason=Reason.NODE_ADDRESS)
    if not any(endpoint.servable for endpoint in endpoints):
        return Verdict(reason=Reason.NO_ENDPOINT)
    adverts = matching(config.advertisements.get(pool.name, ()), service)
    if not adverts:
        return Verdict(reason=Reason.NO_ADVERTISEMENT)
    if requests.is_shared(service) and any(advert.services for advert in adverts):
        return Verdict(reason=Reason.SHARED_WITH_SERVICE_SELECTORS)
    return _line(addresses[0], service, endpoints, nodes, alive, adverts)


def matching(adverts: Iterable[L2Advertisement], service: Service) -> tuple[L2Advertisement, ...]:
    """The advertisements of a pool that speak of this Service."""
    return tuple(a for a in adverts if not a.services or selectors.matches_any(a.services, service.labels))


def _line(
    address: Address,
    service: Service,
    endpoints: Sequence[Endpoint],
    nodes: Mapping[NodeName, Node],
    alive: Collection[NodeName],
    adverts: Sequence[L2Advertisement],
) -> Verdict:
    local = {endpoint.node for endpoint in endpoints if endpoint.servable} if service.traffic_policy == LOCAL else None
    why = {name: _exclusion(node, alive, adverts, local) for name, node in nodes.items()}
    labels = {name: node.labels for name, node in nodes.items()}
    line = rank(
        address,
        (
            Candidate(name, sum(a.score(labels[name]) for a in adverts))
            for name, reason in why.items()
            if reason is None
        ),
    )
    excluded = {name: reason for name, reason in why.items() if reason is not None}
    reason = None if line else _common(excluded.values())
    named = {name: _interfaces(adverts, labels[name]) for name in line}
    return Verdict(line, excluded, reason, {name: names for name, names in named.items() if names is not None})


def _exclusion(
    node: Node,
    alive: Collection[NodeName],
    adverts: Sequence[L2Advertisement],
    local: Collection[NodeName | None] | None,
) -> Reason | None:
    """Why a node is not in line, or None."""
    if not any(advert.covers(node.labels) for advert in adverts):
        return Reason.NODE_NOT_SELECTED
    if EXCLUDE_LABEL in node.labels:
        return Reason.NODE_EXCLUDED
    if node.network_unavailable:
        return Reason.NODE_NETWORK_UNAVAILABLE
    if local is not None and node.name not in local:
        return Reason.NO_ENDPOINT_ON_NODE
    return None if node.name in alive else Reason.NOT_ALIVE


def _common(reasons: Iterable[Reason]) -> Reason:
    """The reason to name where no node is in line: the one that most nodes have."""
    found = list(reasons)
    return max(sorted(set(found)), key=found.count) if found else Reason.NOT_ALIVE


def _interfaces(adverts: Sequence[L2Advertisement], labels: Mapping[str, str]) -> frozenset[str] | None:
    """The interfaces that a node's advertisements name together; None where one of them names none."""
    mine = [advert for advert in adverts if advert.covers(labels)]
    if any(not advert.interfaces for advert in mine):
        return None
    return frozenset().union(*(advert.interfaces for advert in mine))
