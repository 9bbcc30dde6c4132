"""How full the pools are: the status of each IPAddressPool, as MetalLB counts it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pylb.core.allocation.ledger import Ledger
from pylb.core.config.loader import Config, Pool
from pylb.core.model import Address, ObjectRef, PoolName

POOL_KIND = "IPAddressPool"
BIGGEST = 2**63 - 1  # MetalLB's counters are int64
BIG = 2**62  # addresses in one CIDR that count as BIGGEST with MetalLB

Status = dict[str, int]


def statuses(config: Config, ledger: Ledger, taken: Iterable[Address] = ()) -> dict[ObjectRef, Status]:
    """The status of each pool that is an object of its own; those of an old ConfigMap have none.

    Available is what a Service may have that asks for no address: neither what the pool reserves, nor `taken`, the
    nodes' own addresses.
    """
    owners = _owners(ledger)
    used: Counter[tuple[PoolName, int]] = Counter((pool, address.version) for address, pool in owners.items())
    lost = [address for address in taken if address not in owners]
    return {
        pool.ref: _status(pool, used, lost, _reserved(pool, owners) if pool.reserved else Counter())
        for pool in config.pools.values()
        if pool.ref.kind == POOL_KIND
    }


def _owners(ledger: Ledger) -> dict[Address, PoolName]:
    """The pool that each address in use is of; a shared one is there once."""
    return {address: allocation.pool for allocation in ledger.allocations.values() for address in allocation.addresses}


def _reserved(pool: Pool, owners: Mapping[Address, PoolName]) -> Counter[int]:
    """How many addresses in use are reserved ones of a pool, by family."""
    own = (address for address, name in owners.items() if name == pool.name)
    return Counter(address.version for address in own if any(address in span for span in pool.reserved))


def _status(
    pool: Pool, used: Mapping[tuple[PoolName, int], int], lost: Sequence[Address], reserved: Counter[int]
) -> Status:
    found: Status = {}
    offered = replace(pool, ranges=pool.offered, reserved=()) if pool.reserved else pool
    for version in (4, 6):
        assigned = used[pool.name, version]
        found[f"assignedIPv{version}"] = assigned
        gone = sum(one.version == version and one in offered and offered.usable(one) for one in lost)
        left = capacity(offered, version) - (assigned - reserved[version]) - gone
        found[f"availableIPv{version}"] = max(0, left)
    return found


def capacity(pool: Pool, version: int) -> int:
    """How many addresses of a family a pool can give out, as MetalLB counts them: one CIDR of BIG makes it BIGGEST."""
    vast = (span for span in pool.ranges if span.version == version and span.size >= BIG)
    if any(block.num_addresses >= BIG for span in vast for block in span.blocks()):
        return BIGGEST
    return min(BIGGEST, pool.capacity(version))
