"""Kubernetes Events about Services, with MetalLB's reasons and messages; sources are part of that compatibility."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pylb.core.model import Address, NodeName, ServiceKey

CONTROLLER, SPEAKER = "metallb-controller", "metallb-speaker"  # source.component and reportingComponent
NORMAL, WARNING = "Normal", "Warning"
LAYER2 = "layer2"
CLEAR_ASSIGNMENT = "ClearAssignment"


@dataclass(frozen=True, slots=True)
class Notice:
    """An Event to write about an object."""

    type: str
    reason: str
    message: str


def ip_allocated(addresses: Iterable[Address]) -> Notice:
    """New addresses."""
    shown = " ".join(f'"{address}"' for address in addresses)
    return Notice(NORMAL, "IPAllocated", f"Assigned IP [{shown}]")


def ip_allocated_additionally(address: Address) -> Notice:
    """The address of the other family under PreferDualStack."""
    return Notice(NORMAL, "IPAllocated", f'Assigned additional IP "{address}"')


def allocation_failed(key: ServiceKey, why: str) -> Notice:
    """No address could be given."""
    return Notice(WARNING, "AllocationFailed", f'Failed to allocate IP for "{key}": {why}')


def load_balancer_failed(why: str) -> Notice:
    """The request cannot be understood; what the Service has stays."""
    return Notice(WARNING, "LoadBalancerFailed", f"invalid requested loadbalancer IPs: {why}")


def clear_assignment(key: ServiceKey, why: str) -> Notice:
    """The pools no longer allow what the Service has."""
    text = f'current IP for "{key}" not allowed by config, will attempt for new IP assignment: {why}'
    return Notice(NORMAL, CLEAR_ASSIGNMENT, text)


def deprecated_annotation(key: str) -> Notice:
    """A wish is written under the old prefix."""
    return Notice(WARNING, "deprecatedAnnotation", f"Service uses deprecated annotation {key}")


def node_assigned(node: NodeName, protocol: str = LAYER2) -> Notice:
    """A node answers for the Service's address."""
    return Notice(NORMAL, "nodeAssigned", f'announcing from node "{node}" with protocol "{protocol}"')


def announce_failed(node: NodeName, address: Address, protocol: str = LAYER2) -> Notice:
    """The elected node lacks the interfaces that the advertisement names."""
    text = (
        f'the interfaces specified by LB IP "{address}" doesn\'t exist in assigned node "{node}" '
        f'with protocol "{protocol}"'
    )
    return Notice(WARNING, "announceFailed", text)


def config_rejected(problems: Iterable[str]) -> Notice:
    """The configuration was refused; the last good one stays."""
    return Notice(WARNING, "ConfigurationError", "configuration error: " + "\n".join(problems))
