"""Pools found by an address, by a namespace and by rank, without a look at each: there may be a thousand. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise

from pylb.core import selectors
from pylb.core.config.objects import Pool
from pylb.core.model import Address, Labels, Namespace, PoolName

MAX_KNOWN = 1000  # namespaces, and sets of pools, that are known at once

Ranks = Sequence[Sequence[Pool]]


class PoolIndex:
    """What is looked up of the pools of one configuration again and again."""

    def __init__(self, pools: Mapping[PoolName, Pool], namespaces: Mapping[str, Namespace]) -> None:
        self._pools, self._namespaces = pools, namespaces
        self._spans: dict[int, list[tuple[int, int, Pool]]] = {4: [], 6: []}  # first, last; by family
        for pool in pools.values():
            for span in pool.ranges:
                self._spans[span.version].append((int(span.first), int(span.last), pool))
        for spans in self._spans.values():
            spans.sort(key=lambda span: span[:2])
        self._distinct = all(a[1] < b[0] for spans in self._spans.values() for a, b in pairwise(spans))
        automatic = [pools[name] for name in sorted(pools) if pools[name].auto_assign]
        self._plain = tuple(pool for pool in automatic if not pool.pinned)
        self._pinned = sorted((pool for pool in automatic if pool.pinned), key=_priority)
        self._open: dict[str, tuple[Pool, ...]] = {}
        self._ranks: dict[tuple[int, ...], Ranks] = {}

    def holder(self, addresses: Sequence[Address]) -> Pool | None:
        """The first pool that holds all the addresses; ranges of pools that were loaded hold no address twice."""
        if not self._distinct:
            return next((pool for pool in self._pools.values() if all(a in pool for a in addresses)), None)
        found = self._at(addresses[0])
        return found if found is not None and all(self._at(address) is found for address in addresses[1:]) else None

    def _at(self, address: Address) -> Pool | None:
        number, spans = int(address), self._spans[address.version]
        index = bisect_right(spans, number, key=lambda span: span[0]) - 1
        return spans[index][2] if index >= 0 and number <= spans[index][1] else None

    def ranks(self, namespace: str, labels: Labels) -> Ranks:
        """The pools that may be used without being asked for, best first, those together that have one priority; each
        rank by name. The same object for the same pools."""
        picked = [pool for pool in self._open_to(namespace) if _speaks(pool, labels)]
        key = tuple(map(id, picked))
        found = self._ranks.get(key)
        if found is None:
            if len(self._ranks) >= MAX_KNOWN:
                self._ranks.clear()
            groups = (tuple(group) for _, group in groupby(picked, key=_priority))
            found = self._ranks[key] = (*groups, self._plain)
        return found

    def _open_to(self, namespace: str) -> Iterable[Pool]:
        """The pools whose `serviceAllocation` names the namespace, or none."""
        found = self._open.get(namespace)
        if found is None:
            if len(self._open) >= MAX_KNOWN:
                self._open.clear()
            known = self._namespaces.get(namespace)
            labels: Labels = known.labels if known else {}
            found = self._open[namespace] = tuple(pool for pool in self._pinned if _is_open(pool, namespace, labels))
        return found


def _priority(pool: Pool) -> tuple[bool, int]:
    """1 is best, 0 last."""
    return pool.priority == 0, pool.priority


def _is_open(pool: Pool, namespace: str, labels: Labels) -> bool:
    if not pool.namespaces and not pool.namespace_selectors:
        return True
    return namespace in pool.namespaces or selectors.matches_any(pool.namespace_selectors, labels)


def _speaks(pool: Pool, labels: Labels) -> bool:
    return not pool.service_selectors or selectors.matches_any(pool.service_selectors, labels)
