"""Services that have an address and would like another: who they are, and those who have what each other wants. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pylb.core import requests
from pylb.core.allocator import Decision
from pylb.core.ledger import Ledger
from pylb.core.model import Service, ServiceKey

MAX_RING = 100  # Services that pass their addresses on to each other

Decide = Callable[[Service], Decision]


def is_unmet(service: Service, decision: Decision) -> bool:
    """Whether a Service has an address, and asks for another one, or for one more."""
    allocation = decision.allocation
    if allocation is None or decision.ignored:
        return False
    prefers = service.family_policy == requests.PREFER_DUAL_STACK
    lacks = prefers and len(allocation.addresses) < len(requests.cluster_families(service.cluster_ips))
    return lacks or decision.reason is not None


def let_go(
    ledger: Ledger, unmet: Mapping[ServiceKey, Decision], services: Mapping[ServiceKey, Service], decide: Decide
) -> set[ServiceKey]:
    """Release Services that all get what they ask for as soon as all of them let go of what they have; who they are.

    One that waits until another's address is free would else wait for ever for who waits for it. Nothing is released
    unless it helps all of them.
    """
    ring = find_ring({key: one for key, one in unmet.items() if key in services})
    if not ring:
        return set()
    before = {key: ledger.allocations[key] for key in ring}
    _release(ledger, ring)
    helps = all(_has_its_wish(ledger, services[key], decide) for key in ring)
    _release(ledger, ring)
    if helps:
        return set(ring)
    for key, allocation in before.items():
        ledger.assign(key, requests.use(services[key]), allocation)
    return set()


def find_ring(unmet: Mapping[ServiceKey, Decision]) -> tuple[ServiceKey, ...]:
    """Services each of which is held up by the next alone, and the last by the first; () where there are none."""
    for first in sorted(unmet):
        ring, key = [first], first
        while len(ring) <= MAX_RING:
            blockers = unmet[key].blockers
            if blockers == (first,):
                return tuple(ring)
            if len(blockers) != 1 or blockers[0] not in unmet or blockers[0] in ring:
                break
            key = blockers[0]
            ring.append(key)
    return ()


def _release(ledger: Ledger, keys: Iterable[ServiceKey]) -> None:
    for key in keys:
        ledger.release(key)


def _has_its_wish(ledger: Ledger, service: Service, decide: Decide) -> bool:
    decision = decide(service)
    if decision.allocation is None or decision.reason is not None:
        return False
    ledger.assign(service.key, requests.use(service), decision.allocation)
    return True
