"""ServiceL2Status: which objects should stand in the API for what this node owns. Pure; `publisher` writes them.

As with MetalLB, an owner removes other nodes' objects for its Services, and a node that owns a Service no more removes
its own. Names are made from node and Service, so that a restarted speaker finds its objects again. Annotations tell the
claims, for those who do not hear this node (`core.ownership.gazette`) and for those who start while its speaker is away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from pylb.core.model import Address, L2Status, NodeName, ServiceKey, split_key
from pylb.core.ownership import record
from pylb.core.ownership.record import Notice, Record, Renewal
from pylb.core.ownership.seats import Seat

NODE_LABEL, NAME_LABEL, NAMESPACE_LABEL = "metallb.io/node", "metallb.io/service-name", "metallb.io/service-namespace"
TERM, SINCE = "pylb.io/term", "pylb.io/since"  # annotations


@dataclass(frozen=True, slots=True)
class Holding:
    """What a node has of a Service: the interfaces that were asked for by name, and the claim with the highest term.

    `since` is when that was made, in RFC 3339; of term 0 nothing is told. `records` has the claim of each address.
    """

    interfaces: tuple[str, ...] = ()
    term: int = 0
    since: str = ""
    records: Mapping[Address, Record] = field(default_factory=dict)

    def joined(self, other: Holding) -> Holding:
        """Both, of two addresses of one Service."""
        newer = max(self, other, key=lambda one: one.term)
        names = tuple(sorted({*self.interfaces, *other.interfaces}))
        return replace(newer, interfaces=names, records={**self.records, **other.records})


@dataclass(frozen=True, slots=True)
class Known:
    """What the cluster has: objects that tell of anything else are strays."""

    nodes: frozenset[NodeName]
    services: frozenset[ServiceKey]


@dataclass(frozen=True, slots=True)
class Account:
    """All that a node has to tell the API. `renewal`: also that it does not hear somebody, and that all this holds."""

    holdings: Mapping[ServiceKey, Holding]
    renewal: Renewal | None = None
    spared: frozenset[NodeName] = frozenset()  # nodes whose objects are left alone: they may be alive
    known: Known | None = None  # of the one node that removes strays


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, as (name, Service, what is had of it), and the names of what to delete."""

    write: tuple[tuple[str, ServiceKey, Holding], ...] = ()
    delete: tuple[str, ...] = ()


def name(node: NodeName, service: ServiceKey) -> str:
    """The name of a node's object for a Service."""
    return "l2-" + hashlib.sha256(f"{node}/{service}".encode()).hexdigest()[:10]


def holdings(
    placements: Mapping[Any, tuple[str, ...]],
    seats: Mapping[Address, Seat],
    node: NodeName,
    epoch: float,
    macs: Mapping[str, bytes],
) -> dict[ServiceKey, Holding]:
    """What a node has of each Service, of the addresses that it announces.

    `epoch`: when its clock showed 0, Unix seconds. `macs`: of its links.
    """
    found: dict[ServiceKey, Holding] = {}
    for address, names in placements.items():
        seat = seats.get(address)
        if seat is None or seat.mine is None:
            continue
        asked = names if seat.line.verdict.interfaces_of(node) is not None else ()
        told = Record(seat.mine.claim, {name: macs[name] for name in names if name in macs})
        since = moment(epoch + seat.mine.since)
        holding = Holding(tuple(sorted(asked)), seat.mine.claim.term, since, {address: told})
        for service in seat.line.services:
            found[service] = found[service].joined(holding) if service in found else holding
    return found


def plan(node: NodeName, account: Account, existing: Iterable[L2Status]) -> Plan:
    """From what is owned and what stands there. A claim that was made again in the same term is told already.

    Unless it is to be renewed, because somebody may go by it: then it is told as it is.
    """
    standing, owned = {status.name: status for status in existing}, account.holdings
    wanted = {name(node, service): (service, holding) for service, holding in owned.items()}
    exactly = account.renewal is not None
    write = tuple(
        (key, service, _told(holding, standing.get(key)))
        for key, (service, holding) in sorted(wanted.items())
        if not _stands(holding, standing.get(key), exactly)
    )
    delete = tuple(
        key
        for key, status in sorted(standing.items())
        if key not in wanted
        and (status.node == node or (status.service in owned and status.node not in account.spared))
    )
    return Plan(write, delete)


def _stands(holding: Holding, status: L2Status | None, exactly: bool) -> bool:
    if status is None or status.interfaces != holding.interfaces or holding.term not in (0, status.term):
        return False
    told, wanted = record.parse(status.claims, status.node), holding.records
    if exactly:
        return told == wanted
    return {a: (one.claim.term, one.macs) for a, one in told.items()} == {
        a: (one.claim.term, one.macs) for a, one in wanted.items()
    }


def carrier(node: NodeName, account: Account, existing: Iterable[L2Status]) -> tuple[str, str] | None:
    """The object that a renewal is to be written to, and its text; None if it stands, or there is nothing to renew."""
    if account.renewal is None:
        return None
    text, own = record.render_renewal(account.renewal), {name(node, service) for service in account.holdings}
    mine = {status.name: status.renewed for status in existing if status.name in own}
    return (min(mine), text) if mine and text not in mine.values() else None


def notices(existing: Iterable[L2Status]) -> dict[NodeName, Notice]:
    """What each node tells of its claims; of an address of several Services, the newest."""
    claims: dict[NodeName, dict[Address, Any]] = {}
    renewals: dict[NodeName, set[Renewal]] = {}
    for status in existing:
        mine = claims.setdefault(status.node, {})
        for address, one in record.parse(status.claims, status.node).items():
            if address not in mine or mine[address].term < one.claim.term:
                mine[address] = one.claim
        renewal = record.parse_renewal(status.renewed)
        if renewal is not None:
            renewals.setdefault(status.node, set()).add(renewal)
    return {node: Notice(found, frozenset(renewals.get(node, ()))) for node, found in claims.items()}


def strays(existing: Iterable[L2Status], known: Known) -> list[str]:
    """The objects of nodes and Services that the cluster does not have: no owner will ever remove them."""
    return [one.name for one in existing if one.node not in known.nodes or one.service not in known.services]


def _told(holding: Holding, status: L2Status | None) -> Holding:
    same = status is not None and status.term == holding.term and status.since
    return replace(holding, since=same) if same else holding


def moment(at: float) -> str:
    """A Unix time in RFC 3339, to the second, as Kubernetes writes it."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def metadata(
    node: NodeName, service: ServiceKey, owner: Mapping[str, Any] | None, holding: Holding | None = None
) -> dict[str, Any]:
    """The object's metadata; `owner` is what it goes with, as an owner reference, where that is known."""
    namespace, short = split_key(service)
    labels = {NODE_LABEL: node, NAME_LABEL: short, NAMESPACE_LABEL: namespace}
    references = {"ownerReferences": [dict(owner)]} if owner else {}
    return {"name": name(node, service), "labels": labels, **_notes(holding), **references}


def _notes(holding: Holding | None) -> dict[str, dict[str, str]]:
    if holding is None or not holding.term:
        return {}
    told = {TERM: str(holding.term), SINCE: holding.since, record.CLAIMS: record.render(holding.records)}
    return {"annotations": {key: text for key, text in told.items() if text}}


def status(node: NodeName, service: ServiceKey, interfaces: Iterable[str]) -> dict[str, Any]:
    """The object's status; interfaces are left out where none were asked for by name."""
    namespace, short = split_key(service)
    found = {"node": node, "serviceName": short, "serviceNamespace": namespace}
    names = [{"name": interface} for interface in interfaces]
    return {**found, "interfaces": names} if names else found
