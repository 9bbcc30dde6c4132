"""Services that have an address and would like another: who they are, and those who have what each other wants. Pure.

Who asks for what another has waits until that is free. Services that wait for each other would wait for ever, so they all
let go at once, if all of them get what they ask for then: two that swap, a ring, or two groups that share an address each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from pylb.core.allocation import requests
from pylb.core.allocation.allocator import Decision
from pylb.core.allocation.ledger import Allocation, Ledger
from pylb.core.model import Service, ServiceKey

MAX_GROUP = 100  # Services that pass their addresses on to each other
MAX_TRIALS = 10_000  # decisions for groups that it may not help: more than that wait for the next round

Decide = Callable[[Service], Decision]
Unmet = Mapping[ServiceKey, Decision]


def is_unmet(service: Service, decision: Decision) -> bool:
    """Whether a Service has an address, and asks for another one, or for one more."""
    allocation = decision.allocation
    if allocation is None or decision.ignored:
        return False
    prefers = service.family_policy == requests.PREFER_DUAL_STACK
    lacks = prefers and len(allocation.addresses) < len(requests.cluster_families(service.cluster_ips))
    return lacks or decision.reason is not None


def let_go(ledger: Ledger, unmet: Unmet, services: Mapping[ServiceKey, Service], decide: Decide) -> set[ServiceKey]:
    """Release Services that all get what they ask for as soon as all of them let go of what they have; who they are.

    Nobody is released but in a group in which it helps all.
    """
    circles = in_circles({key: one for key, one in unmet.items() if key in services})
    exchange = _Exchange(ledger, circles, services, decide)
    told = ledger.left, ledger.joined
    moved = exchange.moved()
    if not moved:  # what was tried and taken back is no news; else all who wait would be decided on again for it
        ledger.left, ledger.joined = told
    _release(ledger, moved)
    return moved


def in_circles(unmet: Unmet) -> dict[ServiceKey, Decision]:
    """Less those who wait for somebody who asks for nothing, or for somebody who waits for such a one."""
    waiters: defaultdict[ServiceKey, list[ServiceKey]] = defaultdict(list)
    for key, decision in unmet.items():
        for blocker in decision.blockers:
            waiters[blocker].append(key)
    hopeless = [key for key, one in unmet.items() if not one.blockers or any(by not in unmet for by in one.blockers)]
    left = dict(unmet)
    while hopeless:
        key = hopeless.pop()
        if left.pop(key, None) is not None:
            hopeless += waiters[key]
    return left


class _Exchange:
    """Tries group after group; those that it helped have their new addresses in the ledger."""

    def __init__(self, ledger: Ledger, unmet: Unmet, services: Mapping[ServiceKey, Service], decide: Decide) -> None:
        self._ledger, self._unmet, self._services, self._decide = ledger, unmet, services, decide
        self._trials = 0

    def moved(self) -> set[ServiceKey]:
        """All whom it helped."""
        moved: set[ServiceKey] = set()
        failed: set[frozenset[ServiceKey]] = set()
        for first in sorted(self._unmet):
            if first in moved or self._trials >= MAX_TRIALS:
                continue
            group = self._closed(self._unmet[first].blockers)
            if first in group and group not in failed:
                found = self._try(group)
                moved |= found
                failed |= set() if found else {group}
        return moved

    def _closed(self, keys: Iterable[ServiceKey]) -> frozenset[ServiceKey]:
        """These, whom they wait for, and so on; too many are none."""
        found, left = set(keys), [*keys]
        while left:
            more = set(self._unmet[left.pop()].blockers) - found
            found |= more
            left += more
            if len(found) > MAX_GROUP:
                return frozenset()
        return frozenset(found)

    def _try(self, group: frozenset[ServiceKey]) -> frozenset[ServiceKey]:
        """Those to whom it gave what they ask for: the group, or with it those who hold it up beside; or nobody."""
        before: dict[ServiceKey, Allocation] = {}
        while group:
            before |= {key: self._ledger.allocations[key] for key in group if key not in before}
            _release(self._ledger, group)
            blockers = self._assign(group)
            if not blockers:
                return group
            wider = blockers <= self._unmet.keys() and self._closed({*group, *blockers})
            group = wider if wider and wider > group else frozenset()
        _release(self._ledger, before)
        for key, allocation in before.items():
            self._ledger.assign(key, requests.use(self._services[key]), allocation)
        return group

    def _assign(self, group: Iterable[ServiceKey]) -> set[ServiceKey]:
        """Give all of them what they ask for; who is in the way, the one itself that gets nothing for another reason."""
        blockers: set[ServiceKey] = set()
        for key in sorted(group):
            self._trials += 1
            decision = self._decide(self._services[key])
            if decision.allocation is None or decision.reason is not None:
                blockers |= {*(decision.blockers or (key,))}
            else:
                self._ledger.assign(key, requests.use(self._services[key]), decision.allocation)
        return blockers


def _release(ledger: Ledger, keys: Iterable[ServiceKey]) -> None:
    for key in keys:
        ledger.release(key)
