"""ServiceL2Status: which objects should stand in the API for what this node owns. Pure; `publisher` writes them.

As with MetalLB, an owner removes other nodes' objects for its Services, and a node that owns a Service no more removes
its own. Names are made from node and Service, so that a restarted speaker finds its objects again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pylb.core.model import L2Status, NodeName, ServiceKey, split_key

NODE_LABEL, NAME_LABEL, NAMESPACE_LABEL = "metallb.io/node", "metallb.io/service-name", "metallb.io/service-namespace"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, as (name, Service, interfaces), and the names of what to delete."""

    write: tuple[tuple[str, ServiceKey, tuple[str, ...]], ...] = ()
    delete: tuple[str, ...] = ()


def name(node: NodeName, service: ServiceKey) -> str:
    """The name of a node's object for a Service."""
    return "l2-" + hashlib.sha256(f"{node}/{service}".encode()).hexdigest()[:10]


def plan(node: NodeName, owned: Mapping[ServiceKey, tuple[str, ...]], existing: Iterable[L2Status]) -> Plan:
    """From what is owned (Service to the interfaces that were asked for by name) and what stands there."""
    standing = {status.name: status for status in existing}
    wanted = {name(node, service): (service, interfaces) for service, interfaces in owned.items()}
    write = tuple(
        (key, service, interfaces)
        for key, (service, interfaces) in sorted(wanted.items())
        if key not in standing or standing[key].interfaces != interfaces
    )
    delete = tuple(
        key
        for key, status in sorted(standing.items())
        if key not in wanted and (status.node == node or status.service in owned)
    )
    return Plan(write, delete)


def metadata(node: NodeName, service: ServiceKey, owner: Mapping[str, Any] | None) -> dict[str, Any]:
    """The object's metadata; `owner` is the speaker's pod as an owner reference, where it is known."""
    namespace, short = split_key(service)
    labels = {NODE_LABEL: node, NAME_LABEL: short, NAMESPACE_LABEL: namespace}
    references = {"ownerReferences": [dict(owner)]} if owner else {}
    return {"name": name(node, service), "labels": labels, **references}


def status(node: NodeName, service: ServiceKey, interfaces: Iterable[str]) -> dict[str, Any]:
    """The object's status; interfaces are left out where none were asked for by name."""
    namespace, short = split_key(service)
    found = {"node": node, "serviceName": short, "serviceNamespace": namespace}
    names = [{"name": interface} for interface in interfaces]
    return {**found, "interfaces": names} if names else found
