"""ServiceL2Status: which objects should stand in the API for what this node owns. Pure; `publisher` writes them.

As with MetalLB, an owner removes other nodes' objects for its Services, and a node that owns a Service no more removes
its own. Names are made from node and Service, so that a restarted speaker finds its objects again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from pylb.core.model import Address, L2Status, NodeName, ServiceKey, split_key
from pylb.core.seats import Seat

NODE_LABEL, NAME_LABEL, NAMESPACE_LABEL = "metallb.io/node", "metallb.io/service-name", "metallb.io/service-namespace"
TERM, SINCE = "pylb.io/term", "pylb.io/since"  # annotations


@dataclass(frozen=True, slots=True)
class Holding:
    """What a node has of a Service: the interfaces that were asked for by name, and the claim with the highest term.

    `since` is when that was made, in RFC 3339; of term 0 nothing is told.
    """

    interfaces: tuple[str, ...] = ()
    term: int = 0
    since: str = ""

    def joined(self, other: Holding) -> Holding:
        """Both, of two addresses of one Service."""
        newer = max(self, other, key=lambda one: one.term)
        return replace(newer, interfaces=tuple(sorted({*self.interfaces, *other.interfaces})))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, as (name, Service, what is had of it), and the names of what to delete."""

    write: tuple[tuple[str, ServiceKey, Holding], ...] = ()
    delete: tuple[str, ...] = ()


def name(node: NodeName, service: ServiceKey) -> str:
    """The name of a node's object for a Service."""
    return "l2-" + hashlib.sha256(f"{node}/{service}".encode()).hexdigest()[:10]


def holdings(
    placements: Mapping[Any, tuple[str, ...]], seats: Mapping[Address, Seat], node: NodeName, epoch: float
) -> dict[ServiceKey, Holding]:
    """What a node has of each Service, of the addresses that it announces. `epoch`: when its clock showed 0, Unix seconds."""
    found: dict[ServiceKey, Holding] = {}
    for address, names in placements.items():
        seat = seats.get(address)
        if seat is None or seat.mine is None:
            continue
        asked = names if seat.line.verdict.interfaces_of(node) is not None else ()
        holding = Holding(tuple(sorted(asked)), seat.mine.claim.term, moment(epoch + seat.mine.since))
        for service in seat.line.services:
            found[service] = found[service].joined(holding) if service in found else holding
    return found


def plan(node: NodeName, owned: Mapping[ServiceKey, Holding], existing: Iterable[L2Status]) -> Plan:
    """From what is owned and what stands there. A claim that was made again in the same term is told already."""
    standing = {status.name: status for status in existing}
    wanted = {name(node, service): (service, holding) for service, holding in owned.items()}
    write = tuple(
        (key, service, _told(holding, standing.get(key)))
        for key, (service, holding) in sorted(wanted.items())
        if not _stands(holding, standing.get(key))
    )
    delete = tuple(
        key
        for key, status in sorted(standing.items())
        if key not in wanted and (status.node == node or status.service in owned)
    )
    return Plan(write, delete)


def _stands(holding: Holding, status: L2Status | None) -> bool:
    if status is None or status.interfaces != holding.interfaces:
        return False
    return holding.term in (0, status.term)


def _told(holding: Holding, status: L2Status | None) -> Holding:
    same = status is not None and status.term == holding.term and status.since
    return replace(holding, since=same) if same else holding


def moment(at: float) -> str:
    """A Unix time in RFC 3339, to the second, as Kubernetes writes it."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def metadata(
    node: NodeName, service: ServiceKey, owner: Mapping[str, Any] | None, holding: Holding | None = None
) -> dict[str, Any]:
    """The object's metadata; `owner` is the speaker's pod as an owner reference, where it is known."""
    namespace, short = split_key(service)
    labels = {NODE_LABEL: node, NAME_LABEL: short, NAMESPACE_LABEL: namespace}
    references = {"ownerReferences": [dict(owner)]} if owner else {}
    notes = {"annotations": {TERM: str(holding.term), SINCE: holding.since}} if holding and holding.term else {}
    return {"name": name(node, service), "labels": labels, **notes, **references}


def status(node: NodeName, service: ServiceKey, interfaces: Iterable[str]) -> dict[str, Any]:
    """The object's status; interfaces are left out where none were asked for by name."""
    namespace, short = split_key(service)
    found = {"node": node, "serviceName": short, "serviceNamespace": namespace}
    names = [{"name": interface} for interface in interfaces]
    return {**found, "interfaces": names} if names else found
