"""What is given: all allocations, by Service and by address, and where a pool is free. It decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pylb.core.config import Pool
from pylb.core.model import Address, PoolName, ServiceKey
from pylb.core.ranges import Range
from pylb.core.requests import Use

MAX_SPANS = 1000  # ranges of which it is known where they are free


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a Service has."""

    addresses: tuple[Address, ...]
    pool: PoolName


class Ledger:
    """All allocations, by Service and by address."""

    def __init__(self) -> None:
        self._allocations: dict[ServiceKey, Allocation] = {}
        self._uses: dict[Address, dict[ServiceKey, Use]] = {}
        self._full: dict[tuple[Range, bool], int] = {}  # what is below that number in the range is used, or buggy

    @property
    def allocations(self) -> Mapping[ServiceKey, Allocation]:
        return self._allocations

    def users(self, address: Address) -> Mapping[ServiceKey, Use]:
        """The Services that use an address."""
        return self._uses.get(address, {})

    def in_use(self, pool: PoolName, version: int) -> int:
        """How many addresses of a family a pool has given out; a shared one counts once."""
        given = {
            a for allocation in self._allocations.values() if allocation.pool == pool for a in allocation.addresses
        }
        return sum(address.version == version for address in given)

    def assign(self, key: ServiceKey, use: Use, allocation: Allocation) -> None:
        """Record an allocation, in place of what the Service had."""
        before = self._remove(key)
        self._allocations[key] = allocation
        for address in allocation.addresses:
            self._uses.setdefault(address, {})[key] = use
        self._tell_free(before)

    def release(self, key: ServiceKey) -> Allocation | None:
        """Forget what a Service had, and return it."""
        allocation = self._remove(key)
        self._tell_free(allocation)
        return allocation

    def _remove(self, key: ServiceKey) -> Allocation | None:
        allocation = self._allocations.pop(key, None)
        for address in allocation.addresses if allocation else ():
            uses = self._uses[address]
            del uses[key]
            if not uses:
                del self._uses[address]
        return allocation

    def _tell_free(self, allocation: Allocation | None) -> None:
        """Search from these addresses on again, unless they are given to the same Service anew."""
        for address in allocation.addresses if allocation else ():
            if address not in self._uses:
                self._full = {
                    key: min(end, int(address)) if address in key[0] else end for key, end in self._full.items()
                }

    def unused(self, pool: Pool, version: int) -> Address | None:
        """The lowest address of a pool that is usable and nobody's. It starts where it ended the last time: a thousand
        Services at once would visit half a million taken addresses."""
        for span in (span for span in pool.ranges if span.version == version):
            key = span, pool.avoid_buggy
            found = next((a for a in span.addresses(self._full.get(key)) if self._is_unused(pool, a)), None)
            if len(self._full) >= MAX_SPANS:
                self._full.clear()
            self._full[key] = int(found if found is not None else span.last) + (found is None)
            if found is not None:
                return found
        return None

    def _is_unused(self, pool: Pool, address: Address) -> bool:
        return address not in self._uses and pool.usable(address)
