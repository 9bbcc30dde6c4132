"""What is given: all allocations, by Service and by address, and where a pool is free. It decides nothing.

However many Services there are, neither a change nor a search visits them all: an address that was found to be of no use
is not looked at again before somebody leaves it.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from pylb.core.allocation.heights import MAX_KINDS, Heights, Row
from pylb.core.allocation.memory import NOTHING, Memory
from pylb.core.allocation.requests import Use
from pylb.core.allocation.tenants import NOBODY, Tenants
from pylb.core.config.loader import Pool
from pylb.core.model import Address, PoolName, Port, ServiceKey
from pylb.core.ranges import Range

SPARE = "spare"  # kind of use: addresses that nobody uses, and nobody may come back for

Kind = tuple[str, str, Port | None]  # sharing key, backend, and a port that clashes; None: the others share otherwise


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a Service has."""

    addresses: tuple[Address, ...]
    pool: PoolName


class Ledger:
    """All allocations, by Service and by address."""

    def __init__(self) -> None:
        self.left = 0  # how often an address was left, or is used otherwise: somebody who waited may have it
        self.joined = 0  # how often a Service came to an address that others use
        self._allocations: dict[ServiceKey, Allocation] = {}
        self._tenants: dict[Address, Tenants] = {}
        self._shared: dict[tuple[str, int], list[int]] = {}  # sharing key, family: addresses, once for each user
        self._heights = Heights()
        self._passed: dict[Hashable, tuple[Sequence[object], int]] = {}
        self._spared: tuple[Memory, int] = NOTHING, 0  # of what the heights of what is spare are known

    @property
    def allocations(self) -> Mapping[ServiceKey, Allocation]:
        return self._allocations

    def users(self, address: Address) -> Mapping[ServiceKey, Use]:
        """The Services that use an address."""
        tenants = self._tenants.get(address)
        return tenants.users if tenants is not None else NOBODY

    def fits(self, address: Address, key: ServiceKey, use: Use) -> bool:
        """Whether a Service may use an address beside those that use it already."""
        tenants = self._tenants.get(address)
        return tenants is None or tenants.fits(key, use)

    def in_use(self, pool: PoolName, version: int) -> int:
        """How many addresses of a family a pool has given out; a shared one counts once."""
        return self.given()[pool, version]

    def given(self) -> Counter[tuple[PoolName, int]]:
        """The same of all pools and families, in one pass over everything."""
        known = {(one.pool, address) for one in self._allocations.values() for address in one.addresses}
        return Counter((pool, address.version) for pool, address in known)

    def assign(self, key: ServiceKey, use: Use, allocation: Allocation) -> None:
        """Record an allocation, in place of what the Service had."""
        if self._allocations.get(key) == allocation and all(self.users(a)[key] == use for a in allocation.addresses):
            return
        before = self._remove(key)
        self._allocations[key] = allocation
        for address in dict.fromkeys(allocation.addresses):  # a status may name one twice
            self._enter(address, key, use)
        self._tell_free(key, before)

    def release(self, key: ServiceKey) -> Allocation | None:
        """Forget what a Service had, and return it."""
        before = self._remove(key)
        self._tell_free(key, before)
        return self._allocations.pop(key, None)

    def passed(self, kind: Hashable, known: Sequence[object]) -> int:
        """How many pools of a rank have nothing for a kind of Services; `known` are the very rank, and all else that it
        depends on."""
        seen, count = self._passed.get(kind, ((), 0))
        return count if len(seen) == len(known) and all(map(operator.is_, seen, known)) else 0

    def pass_by(self, kind: Hashable, known: Sequence[object], count: int) -> None:
        """So many have nothing, until somebody leaves an address."""
        if len(self._passed) >= MAX_KINDS and kind not in self._passed:
            self._passed.clear()
        self._passed[kind] = known, count

    def _enter(self, address: Address, key: ServiceKey, use: Use) -> None:
        tenants = self._tenants.get(address)
        if tenants is None:
            tenants = self._tenants[address] = Tenants()
        else:
            self.joined += 1
        tenants.add(key, use)
        if use.sharing:
            insort(self._shared.setdefault((use.sharing, address.version), []), int(address))

    def _remove(self, key: ServiceKey) -> dict[Address, Use]:
        """A Service uses nothing any more; how it used what it had. Its allocation is left to be replaced."""
        allocation, found = self._allocations.get(key), {}
        for address in dict.fromkeys(allocation.addresses) if allocation else ():
            tenants = self._tenants[address]
            found[address] = use = tenants.remove(key)
            if not tenants.users:
                del self._tenants[address]
            if use.sharing:
                self._unshare(address, use)
        return found

    def _unshare(self, address: Address, use: Use) -> None:
        listed = self._shared[use.sharing, address.version]
        del listed[bisect_left(listed, int(address))]
        if not listed:
            del self._shared[use.sharing, address.version]

    def _tell_free(self, key: ServiceKey, before: Mapping[Address, Use]) -> None:
        """Search from these addresses on again, unless the Service uses them as before."""
        for address, use in before.items():
            if self.users(address).get(key) != use:
                self.left += 1
                self._passed.clear()
                self._heights.lower(address)

    def unused(self, pool: Pool, version: int, memory: Memory = NOTHING) -> Address | None:
        """The lowest address that a pool offers, that is usable and nobody's, and that `memory` keeps for none."""
        for span in pool.offered:
            if span.version == version:
                found = self._unused(span, pool, memory)
                if found is not None:
                    return found
        return None

    def available(
        self, pool: Pool, version: int, key: ServiceKey, use: Use, memory: Memory = NOTHING
    ) -> Address | None:
        """The lowest address that a pool offers, that is usable and that the Service may use: alone, as it does already,
        or beside those with whom it shares; none that nobody else uses and `memory` keeps."""
        held = self._allocations.get(key)
        own = [a for a in held.addresses if a.version == version] if held else []
        for span in pool.offered:
            if span.version != version:
                continue
            free = self._unused(span, pool, memory)
            shared = self._shareable(span, pool, key, use, free) if use.sharing else None
            mine = [a for a in own if a in span and pool.usable(a) and self._is_left(a, key, use, memory)]
            found = [address for address in (shared, free, *mine) if address is not None]
            if found:
                return min(found, key=int)
        return None

    def _is_left(self, address: Address, key: ServiceKey, use: Use, memory: Memory) -> bool:
        """Whether the Service may go on with what it uses: beside others, or with what nobody may come back for."""
        return self.fits(address, key, use) and (len(self.users(address)) > 1 or memory.gone(address) is None)

    def _unused(self, span: Range, pool: Pool, memory: Memory = NOTHING) -> Address | None:
        row = self._heights.row(span, pool.avoid_buggy)
        if memory.entries:
            return self._spare(row, span, pool, memory)
        make = type(span.first)
        while row.left:
            if make(row.left[0]) not in self._tenants and pool.usable(make(row.left[0])):
                return make(row.left[0])
            del row.left[0]
        found = next(self._beyond(row.frontier, span, pool), None)
        row.frontier = int(span.last) + 1 if found is None else int(found)
        return found

    def _beyond(self, start: int, span: Range, pool: Pool) -> Iterator[Address]:
        return (a for a in span.addresses(start) if a not in self._tenants and pool.usable(a))

    def _spare(self, row: Row, span: Range, pool: Pool, memory: Memory) -> Address | None:
        """The lowest one that nobody may come back for."""
        if self._spared != (memory, memory.forgets):  # what was kept may not be any more
            self._heights.forget(SPARE)
            self._spared = memory, memory.forgets
        make = type(span.first)
        begin = row.height(SPARE)
        left = (make(number) for number in row.left[bisect_left(row.left, begin) :])
        vacant = (a for a in left if a not in self._tenants and pool.usable(a))
        found = next((a for a in vacant if memory.gone(a) is None), None)
        if found is None:
            beyond = self._beyond(max(begin, row.frontier), span, pool)
            found = next((a for a in beyond if memory.gone(a) is None), None)
        row.rise(SPARE, int(span.last) + 1 if found is None else int(found))
        return found

    def _shareable(self, span: Range, pool: Pool, key: ServiceKey, use: Use, free: Address | None) -> Address | None:
        """The lowest address below a free one that others with the same sharing key use, and the Service may, too.

        What is against an address is so until somebody leaves it. Where nobody else uses it that is not known: nothing is
        noted from the first such address on.
        """
        listed, row = self._shared.get((use.sharing, span.version), []), self._heights.row(span, pool.avoid_buggy)
        first = self._unused(span, pool)
        known = int(first) if first is not None else row.last + 1
        begin = row.height(use, *_reasons(use))
        end = begin
        for address in _numbers(listed, begin, int(free) if free is not None else row.last + 1, type(span.first)):
            if self.users(address).keys() == {key}:
                known = min(known, int(address))
                continue
            against = self._against(address, key, use) if pool.usable(address) else use
            if against is None:
                self._note(row, use, begin, min(end, known))
                return address
            end = int(address) + 1
            if end <= known and listed[bisect_left(listed, row.height(against))] == int(address):  # and all below
                row.rise(against, end)
        self._note(row, use, begin, min(end, known))
        return None

    @staticmethod
    def _note(row: Row, use: Use, begin: int, end: int) -> None:
        if end > begin:
            row.rise(use, end)

    def _against(self, address: Address, key: ServiceKey, use: Use) -> Kind | None:
        """What stands against the Service's use of an address, and against all others of that kind; None for nothing."""
        tenants = self._tenants[address]
        if not tenants.shares(key, use):
            return use.sharing, use.backend, None
        return next((one for one in _reasons(use) if one[2] is not None and tenants.clash(key, one[2])), None)


def _reasons(use: Use) -> list[Kind]:
    """All that may be against a use that shares."""
    return [(use.sharing, use.backend, port) for port in (None, *use.ports)]


def _numbers(listed: list[int], begin: int, limit: int, make: type[IPv4Address | IPv6Address]) -> Iterator[Address]:
    """The addresses from `begin` on and below `limit` that are listed, each once."""
    before = -1
    for index in range(bisect_left(listed, begin), len(listed)):
        number = listed[index]
        if number >= limit:
            return
        if number != before:
            before = number
            yield make(number)
