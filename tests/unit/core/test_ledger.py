"""Where the ledger says that a pool is free: always what a search from the first address on would find."""

from __future__ import annotations

import random

import pytest

from fakes.world import configured, pool, service
from pylb.core import requests
from pylb.core.config import Pool
from pylb.core.ledger import Allocation, Ledger
from pylb.core.model import Address, PoolName

SPANS = ("10.77.0.250-10.77.1.3", "10.77.3.0-10.77.3.3", "fd77::1-fd77::6")


def searched(ledger: Ledger, pool: Pool, version: int) -> Address | None:
    found = (a for span in pool.ranges if span.version == version for a in span.addresses())
    return next((a for a in found if pool.usable(a) and not ledger.users(a)), None)


@pytest.mark.parametrize("seed", range(20))
def test_the_lowest_unused_address_whatever_was_given_and_taken_back(seed: int) -> None:
    """Some assignments repeat what a Service has, and two pools look at the same addresses with other eyes."""
    chance, ledger = random.Random(seed), Ledger()  # noqa: S311 - a history, no secret
    pools = [configured(pool("p", *SPANS, avoidBuggyIPs=buggy)).pools[PoolName("p")] for buggy in (False, True)]
    services = [service(f"default/s{number}") for number in range(12)]
    for _ in range(200):
        one, seen = chance.choice(services), chance.choice(pools)
        version = chance.choice((4, 6))
        address = ledger.unused(seen, version)
        assert address == searched(ledger, seen, version)
        held = ledger.allocations.get(one.key)
        if chance.random() < 0.3:
            ledger.release(one.key)
        elif held is not None and chance.random() < 0.3:
            ledger.assign(one.key, requests.use(one), held)
        elif address is not None:
            ledger.assign(one.key, requests.use(one), Allocation((address,), seen.name))


def test_a_full_pool_has_none_until_one_is_given_back() -> None:
    ledger, one = Ledger(), configured(pool("p", "10.77.0.1-10.77.0.2")).pools[PoolName("p")]
    for number in range(2):
        owner, address = service(f"default/s{number}"), ledger.unused(one, 4)
        assert address is not None
        ledger.assign(owner.key, requests.use(owner), Allocation((address,), one.name))
    assert ledger.unused(one, 4) is None
    ledger.release(service("default/s0").key)
    assert str(ledger.unused(one, 4)) == "10.77.0.1"
