"""Where the ledger says that a pool is free: always what a search from the first address on would find."""

from __future__ import annotations

import random
from ipaddress import IPv6Address

import pytest

from fakes.world import configured, pool, service
from pylb.core.allocation import requests
from pylb.core.allocation.ledger import Allocation, Ledger
from pylb.core.allocation.memory import Memory
from pylb.core.allocation.requests import Use
from pylb.core.config.loader import Pool
from pylb.core.model import Address, PoolName, Port, ServiceKey

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


def fitting(ledger: Ledger, pool: Pool, version: int, key: ServiceKey, use: Use, memory: Memory) -> Address | None:
    """The same as `Ledger.available`, by a look at each address from the first on."""
    for address in (a for span in pool.offered if span.version == version for a in span.addresses()):
        others = [other for user, other in ledger.users(address).items() if user != key]
        shares = all(one.sharing and (one.sharing, one.backend) == (use.sharing, use.backend) for one in others)
        awaited = not others and memory.gone(address) is not None
        if pool.usable(address) and shares and not awaited and not any(one.ports & use.ports for one in others):
            return address
    return None


@pytest.mark.parametrize("seed", range(40))
def test_the_lowest_available_address_for_those_who_share_whatever_came_and_went(seed: int) -> None:
    """Keys, ports and backends clash in all ways; a Service may have addresses already, and others may come back."""
    chance, ledger, memory = random.Random(seed), Ledger(), Memory(seen=1.0)  # noqa: S311 - a history, no secret
    pools = [configured(pool("p", *SPANS, avoidBuggyIPs=buggy)).pools[PoolName("p")] for buggy in (False, True)]
    keys = [ServiceKey(f"default/s{number}") for number in range(14)]
    for _ in range(400):
        key, seen, version = chance.choice(keys), chance.choice(pools), chance.choice((4, 6))
        ports = frozenset(Port("TCP", chance.choice((80, 443, 8080))) for _ in range(chance.choice((1, 1, 2))))
        use = Use(chance.choice(("", "k", "k", "l")), chance.choice(("", "", "app=a")), ports)
        kept = chance.choice((memory, Memory())) if seed % 2 else Memory()
        address = ledger.available(seen, version, key, use, kept)
        assert address == fitting(ledger, seen, version, key, use, kept)
        if chance.random() < 0.3:
            gone = ledger.release(key)
            if gone is not None and chance.random() < 0.5:
                memory.remember(key, gone.addresses)
        elif address is not None:
            ledger.assign(key, use, Allocation((address,), seen.name))
            memory.forget(key)


def test_what_is_given_is_counted_by_pool_and_family_and_shared_addresses_once() -> None:
    ledger, one = Ledger(), configured(pool("p", *SPANS)).pools[PoolName("p")]
    for number in range(3):
        owner = service(f"default/s{number}", 80 + number, annotations={"metallb.io/allow-shared-ip": "k"})
        address = ledger.available(one, 4, owner.key, requests.use(owner))
        assert address is not None
        ledger.assign(owner.key, requests.use(owner), Allocation((address, IPv6Address("fd77::1")), one.name))
    assert ledger.given() == {("p", 4): 1, ("p", 6): 1}
    assert (ledger.left, ledger.joined) == (0, 4)


def test_an_allocation_that_names_an_address_twice_can_be_given_back() -> None:
    """A status may say so, whoever wrote it."""
    ledger, owner, twice = Ledger(), service("default/s"), (IPv6Address("fd77::1"), IPv6Address("fd77::1"))
    ledger.assign(owner.key, requests.use(owner), Allocation(twice, PoolName("p")))
    assert ledger.release(owner.key) == Allocation(twice, PoolName("p"))
    assert ledger.users(twice[0]) == {}
