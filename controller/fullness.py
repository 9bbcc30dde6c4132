"""How full the pools are: the status of each IPAddressPool, as MetalLB counts it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pylb.core.config import Config, Pool
from pylb.core.ledger import Ledger
from pylb.core.model import Address, ObjectRef, PoolName

POOL_KIND = "IPAddressPool"
BIGGEST = 2**63 - 1  # MetalLB's counters are int64

Status = dict[str, int]


def statuses(config: Config, ledger: Ledger, taken: Iterable[Address] = ()) -> dict[ObjectRef, Status]:
    """The status of each pool that is an object of its own; those of an old ConfigMap have none.

    `taken` are the nodes' own addresses in the pools: those that no Service has are not available.
    """
    used, lost = _used(ledger), [address for address in taken if not ledger.users(address)]
    return {pool.ref: _status(pool, used, lost) for pool in config.pools.values() if pool.ref.kind == POOL_KIND}


def _used(ledger: Ledger) -> Counter[tuple[PoolName, int]]:
    """How many addresses each pool has given out, by family; a shared one counts once."""
    owners: dict[Address, PoolName] = {
        address: allocation.pool for allocation in ledger.allocations.values() for address in allocation.addresses
    }
    return Counter((pool, address.version) for address, pool in owners.items())


def _status(pool: Pool, used: Mapping[tuple[PoolName, int], int], lost: Sequence[Address]) -> Status:
    found: Status = {}
    for version in (4, 6):
        assigned = used[pool.name, version]
        found[f"assignedIPv{version}"] = assigned
        gone = sum(one.version == version and one in pool and pool.usable(one) for one in lost)
        found[f"availableIPv{version}"] = max(0, min(BIGGEST, pool.capacity(version)) - assigned - gone)
    return found
