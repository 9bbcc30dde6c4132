"""Kubernetes Events about Services, with MetalLB's reasons and messages; sources are part of that compatibility.

Where pylb has more to say, what MetalLB says comes first: people and scripts match the beginning. Which notice makes an
earlier one moot that nobody has read yet is decided here too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pylb.core.model import Address, NodeName, ServiceKey
from pylb.core.reasons import Reason

CONTROLLER, SPEAKER = "metallb-controller", "metallb-speaker"  # source.component and reportingComponent
NORMAL, WARNING = "Normal", "Warning"
LAYER2 = "layer2"
IP_ALLOCATED, CLEAR_ASSIGNMENT = "IPAllocated", "ClearAssignment"
ALLOCATION_FAILED, LOAD_BALANCER_FAILED = "AllocationFailed", "LoadBalancerFailed"
CONFIGURATION_ERROR, CONFIGURATION_WARNING = "ConfigurationError", "ConfigurationWarning"
SECOND_WRITER, UNKNOWN_ANNOTATION, NOT_MOVED = "SecondWriter", "UnknownAnnotation", "NotMoved"  # pylb's own
LASTING = frozenset({ALLOCATION_FAILED, LOAD_BALANCER_FAILED})  # true until another notice makes them moot
CONFIGURATION_PREFIX = "configuration error: "
_ADDITIONALLY = "Assigned additional IP"
_MOOT: dict[str, frozenset[str]] = {  # reason of a notice: reasons of earlier ones that it makes moot
    IP_ALLOCATED: frozenset({IP_ALLOCATED, ALLOCATION_FAILED, LOAD_BALANCER_FAILED}),
    CLEAR_ASSIGNMENT: frozenset({IP_ALLOCATED, CLEAR_ASSIGNMENT}),  # it tells why the next one comes, and so it stays
    ALLOCATION_FAILED: frozenset({IP_ALLOCATED, ALLOCATION_FAILED, LOAD_BALANCER_FAILED}),
    LOAD_BALANCER_FAILED: frozenset({ALLOCATION_FAILED, LOAD_BALANCER_FAILED}),  # its address stays with the Service
    CONFIGURATION_ERROR: frozenset({CONFIGURATION_ERROR}),
    CONFIGURATION_WARNING: frozenset({CONFIGURATION_WARNING}),
    SECOND_WRITER: frozenset({SECOND_WRITER}),
    UNKNOWN_ANNOTATION: frozenset({UNKNOWN_ANNOTATION}),
    NOT_MOVED: frozenset({NOT_MOVED}),
}
_CALLED = {"controller": "as MetalLB's controller is called", "k3s": "its ServiceLB"}  # field managers that people know


@dataclass(frozen=True, slots=True)
class Notice:
    """An Event to write about an object."""

    type: str
    reason: str
    message: str


def makes_moot(newer: Notice, older: Notice) -> bool:
    """Whether who has read neither notice of an object needs to read the newer one alone."""
    if older.reason == IP_ALLOCATED and newer.message.startswith(_ADDITIONALLY):
        return False  # beside the first address, not instead of it
    return older.reason in _MOOT.get(newer.reason, ())


def ip_allocated(addresses: Iterable[Address]) -> Notice:
    """New addresses."""
    shown = " ".join(f'"{address}"' for address in addresses)
    return Notice(NORMAL, IP_ALLOCATED, f"Assigned IP [{shown}]")


def ip_allocated_additionally(address: Address) -> Notice:
    """The address of the other family under PreferDualStack."""
    return Notice(NORMAL, IP_ALLOCATED, f'{_ADDITIONALLY} "{address}"')


def allocation_failed(key: ServiceKey, why: str, fix: str = "") -> Notice:
    """No address could be given; `fix` is what would help."""
    return Notice(WARNING, ALLOCATION_FAILED, _advised(f'Failed to allocate IP for "{key}": {why}', fix))


def load_balancer_failed(why: str, fix: str = "") -> Notice:
    """The request cannot be understood; what the Service has stays."""
    return Notice(WARNING, LOAD_BALANCER_FAILED, _advised(f"invalid requested loadbalancer IPs: {why}", fix))


def _advised(text: str, fix: str) -> str:
    return f"{text}; {fix}" if fix else text


def clear_assignment(key: ServiceKey, why: str) -> Notice:
    """The pools no longer allow what the Service has."""
    text = f'current IP for "{key}" not allowed by config, will attempt for new IP assignment: {why}'
    return Notice(NORMAL, CLEAR_ASSIGNMENT, text)


def deprecated_annotation(key: str) -> Notice:
    """A wish is written under the old prefix."""
    return Notice(WARNING, "deprecatedAnnotation", f"Service uses deprecated annotation {key}")


def unknown_annotations(slips: Iterable[object]) -> Notice:
    """Wishes under a known prefix that nobody reads; one notice for all of them."""
    return Notice(WARNING, UNKNOWN_ANNOTATION, "; ".join(map(str, slips)))


def node_assigned(node: NodeName, protocol: str = LAYER2) -> Notice:
    """A node answers for the Service's address."""
    return Notice(NORMAL, "nodeAssigned", f'announcing from node "{node}" with protocol "{protocol}"')


def not_moved(address: Address, node: NodeName, reason: Reason, fix: str = "") -> Notice:
    """Somebody asked for a move that cannot be; `fix` is what would help."""
    text = f'"{address}" is not moved to node "{node}": {reason.text} ({reason})'
    return Notice(WARNING, NOT_MOVED, _advised(text, fix))


def not_drained(node: NodeName, why: str) -> Notice:
    """A Node's annotation about draining says nothing."""
    return Notice(WARNING, UNKNOWN_ANNOTATION, f"{why}, and nothing is drained; to drain it: pylb drain {node}")


def announce_failed(node: NodeName, address: Address, protocol: str = LAYER2) -> Notice:
    """The elected node lacks the interfaces that the advertisement names."""
    text = (
        f'the interfaces specified by LB IP "{address}" doesn\'t exist in assigned node "{node}" '
        f'with protocol "{protocol}"'
    )
    return Notice(WARNING, "announceFailed", text)


def config_rejected(problems: Iterable[str]) -> Notice:
    """The configuration was refused: the last good one stays, or, where none was known, what is valid of this one."""
    return Notice(WARNING, CONFIGURATION_ERROR, CONFIGURATION_PREFIX + "\n".join(problems))


def config_odd(texts: Iterable[str]) -> Notice:
    """The configuration is in force, and may not do what was meant."""
    return Notice(WARNING, CONFIGURATION_WARNING, "\n".join(texts))


def kept_as_it_is(addresses: Iterable[str], why: str) -> Notice:
    """No pool that is in force allows what the Service has; it stays until the configuration can be read whole."""
    text = f"{' '.join(addresses)} stays, and may not be announced, since a part alone is in force: {why}"
    return Notice(WARNING, CONFIGURATION_ERROR, CONFIGURATION_PREFIX + text)


def waits_for_configuration(why: str) -> Notice:
    """The Service waits, and the pool that would serve it may be one that cannot be read."""
    return Notice(WARNING, CONFIGURATION_ERROR, f"{CONFIGURATION_PREFIX}a part alone is in force: {why}")


def second_writer(by: str, wrote: Iterable[str], decided: Iterable[str], quiet_s: float) -> Notice:
    """Somebody else writes the Service's status, too: he has it for now."""
    known = f" ({_CALLED[by]})" if by in _CALLED else ""
    shown, ours = (" ".join(addresses) or "nothing" for addresses in (wrote, decided))
    text = (
        f'"{by}"{known} writes this Service\'s status, too: {shown}, where pylb wrote {ours}; pylb leaves it alone until '
        f"nobody else wrote it for {quiet_s / 60:.0f} min; stop one of the two (MetalLB: pylb install --takeover)"
    )
    return Notice(WARNING, SECOND_WRITER, text)
