"""What a Service asks for: pinned addresses, a pool, families, a sharing key, read from its fields and annotations.

Annotations are read under `metallb.io/` (its presence wins, even when empty) and the older `metallb.universe.tf/`.
A request that cannot be understood is a value too: a `Refusal` with MetalLB's text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pylb.core.errors import ParseError
from pylb.core.model import LOCAL, Address, Labels, Port, Service, ServiceKey
from pylb.core.ranges import parse_address
from pylb.core.reasons import Reason

PREFIX = "metallb.io/"
OLD_PREFIX = "metallb.universe.tf/"
ADDRESS_POOL = "address-pool"
LOAD_BALANCER_IPS = "loadBalancerIPs"
ALLOW_SHARED_IP = "allow-shared-ip"
ALLOCATED_FROM = PREFIX + "ip-allocated-from-pool"  # written by the controller
SINGLE_STACK, PREFER_DUAL_STACK, REQUIRE_DUAL_STACK = "SingleStack", "PreferDualStack", "RequireDualStack"


@dataclass(frozen=True, slots=True)
class Use:
    """How a Service uses its addresses: what has to fit if another one is to share them."""

    sharing: str  # the sharing key, or ""
    backend: str  # what must be equal under traffic policy Local; "" under Cluster
    ports: frozenset[Port]


@dataclass(frozen=True, slots=True)
class Request:
    """A Service's wishes, understood."""

    key: ServiceKey
    namespace: str
    labels: Labels
    families: frozenset[int]  # of its cluster IPs: {4}, {6} or both
    policy: str  # spec.ipFamilyPolicy
    primary: int  # the family that comes first
    addresses: tuple[Address, ...]  # pinned, as typed
    pool: str  # wanted by name, or ""
    use: Use


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that cannot be met as it stands, whatever the pools."""

    reason: Reason
    text: str  # in MetalLB's words where it has some
    rest: Request | None = None  # what can be understood: all but the pinned addresses


def annotation(service: Service, name: str) -> str | None:
    """The value of one of MetalLB's annotations on a Service, under either prefix."""
    current = service.annotations.get(PREFIX + name)
    return current if current is not None else service.annotations.get(OLD_PREFIX + name)


def deprecated_annotations(service: Service) -> tuple[str, ...]:
    """Annotations that the Service writes under the old prefix and that count."""
    names = (ADDRESS_POOL, LOAD_BALANCER_IPS, ALLOW_SHARED_IP)
    return tuple(
        OLD_PREFIX + name
        for name in names
        if OLD_PREFIX + name in service.annotations and PREFIX + name not in service.annotations
    )


def is_shared(service: Service) -> bool:
    """Whether the Service carries a sharing annotation at all (MetalLB looks at its presence, not its value)."""
    return annotation(service, ALLOW_SHARED_IP) is not None


def pin_source(service: Service) -> str:
    """Where the Service's pinned address is written (`spec.loadBalancerIP` or the annotation's key), or ""."""
    key = next(
        (key for prefix in (PREFIX, OLD_PREFIX) if (key := prefix + LOAD_BALANCER_IPS) in service.annotations), ""
    )
    if service.annotations.get(key):
        return key
    return "spec.loadBalancerIP" if service.load_balancer_ip else ""


def parse(service: Service) -> Request | Refusal:
    """What the Service asks for, or why that cannot be understood."""
    families = cluster_families(service.cluster_ips)
    if not families:
        return Refusal(Reason.NO_CLUSTER_IP, "the Service has no cluster IP, so there is nothing to send traffic to")
    if service.family_policy == REQUIRE_DUAL_STACK and len(families) < 2:
        shown = " ".join(service.cluster_ips)
        return Refusal(Reason.FAMILY_MISMATCH, f"Service requires dual stack but not enough clusterips [{shown}]")
    request = Request(
        key=service.key,
        namespace=service.namespace,
        labels=service.labels,
        families=families,
        policy=service.family_policy,
        primary=_primary(service, families),
        addresses=(),
        pool=annotation(service, ADDRESS_POOL) or "",
        use=use(service),
    )
    pins = _pinned(service, families)
    return replace(pins, rest=request) if isinstance(pins, Refusal) else replace(request, addresses=pins)


def use(service: Service) -> Use:
    """How a Service uses whatever addresses it has."""
    local = service.traffic_policy == LOCAL
    backend = ",".join(f"{key}={value}" for key, value in sorted(service.selector.items())) if local else ""
    return Use(annotation(service, ALLOW_SHARED_IP) or "", backend, frozenset(service.ports))


def cluster_families(cluster_ips: Iterable[str]) -> frozenset[int]:
    """The families of a Service's cluster IPs; empty for a headless Service or one that has none yet."""
    found = set()
    for text in cluster_ips:
        try:
            found.add(parse_address(text).version)
        except ParseError:  # "None" and ""
            return frozenset()
    return frozenset(found)


def quoted(addresses: Iterable[object]) -> str:
    """Addresses as Go prints a slice with %q, which is how MetalLB's texts show them: `["1.2.3.4" "fd00::1"]`."""
    return "[" + " ".join(f'"{address}"' for address in addresses) + "]"


def _pinned(service: Service, families: frozenset[int]) -> tuple[Address, ...] | Refusal:
    listed = annotation(service, LOAD_BALANCER_IPS) or ""
    if listed and service.load_balancer_ip:
        text = f"service can not have both {PREFIX}{LOAD_BALANCER_IPS} and svc.Spec.LoadBalancerIP"
        return Refusal(Reason.INVALID_REQUEST, text)
    typed = [part.strip() for part in listed.split(",")] if listed else [service.load_balancer_ip]
    if typed == [""]:
        return ()
    try:
        pins = tuple(parse_address(text) for text in typed)
    except ParseError:
        where = PREFIX + LOAD_BALANCER_IPS if listed else "spec.loadBalancerIP"
        return Refusal(Reason.INVALID_REQUEST, f'invalid {where}: "{listed or service.load_balancer_ip}"')
    return _fitting(pins, families)


def _fitting(pins: tuple[Address, ...], families: frozenset[int]) -> tuple[Address, ...] | Refusal:
    if len(pins) > 2:
        return Refusal(Reason.INVALID_REQUEST, f"more than two addresses requested: {quoted(pins)}")
    if len({pin.version for pin in pins}) < len(pins):
        return Refusal(Reason.INVALID_REQUEST, f"{quoted(pins)} has the same family")
    if {pin.version for pin in pins} != families:
        text = f"requested loadBalancer IP(s) {quoted(pins)} does not match the ipFamily of the service"
        return Refusal(Reason.FAMILY_MISMATCH, text)
    return pins


def _primary(service: Service, families: frozenset[int]) -> int:
    wanted = 6 if service.families[:1] == ("IPv6",) else 4
    return wanted if wanted in families else min(families)
