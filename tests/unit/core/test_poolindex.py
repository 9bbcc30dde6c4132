"""What the index says of pools is what a look at each of them says."""

from __future__ import annotations

import random
from ipaddress import ip_address
from typing import Any

import pytest

from fakes.world import configured, namespace, pool
from pylb.core.config.loader import Config
from pylb.core.model import Address, PoolName

WEB = {"matchLabels": {"app": "web"}}
RED = {"matchLabels": {"colour": "red"}}


def generated(chance: random.Random) -> Config:
    """Pools in any order of names and addresses, with all kinds of `serviceAllocation`."""
    made = []
    for number, name in enumerate(chance.sample("abcdefgh", 6)):
        limits: dict[str, Any] = {"priority": chance.choice((0, 1, 2))}
        if chance.random() < 0.5:
            limits |= chance.choice(({"namespaces": ["one"]}, {"namespaceSelectors": [RED]}))
        if chance.random() < 0.3:
            limits["serviceSelectors"] = [WEB]
        spec = {"serviceAllocation": limits} if chance.random() < 0.7 else {"autoAssign": chance.random() < 0.8}
        made.append(
            pool(name, f"10.0.{number}.10-10.0.{number}.20", f"10.0.{number}.40/31", f"fd0{number}::/126", **spec)
        )
    return configured(*made, namespaces=[namespace("one"), namespace("two", colour="red")])


@pytest.mark.parametrize("seed", range(20))
def test_the_pool_that_holds_addresses(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - examples, no secret
    config = generated(chance)
    for _ in range(200):
        octet, last = chance.randrange(7), chance.choice((9, 10, 15, 20, 21, 39, 40, 41, 42))
        wanted: list[Address] = [ip_address(f"10.0.{octet}.{last}")]
        if chance.random() < 0.5:
            wanted.append(ip_address(f"fd0{chance.choice((octet, 3))}::{chance.randrange(5)}"))
        searched = next((one for one in config.pools.values() if all(a in one for a in wanted)), None)
        assert config.pool_of(wanted) is searched


@pytest.mark.parametrize("seed", range(40))
def test_the_ranks_of_pools(seed: int) -> None:
    """Those that pick the Service come first, 1 before 2 before 0, then those without any `serviceAllocation`."""
    config = generated(random.Random(seed))  # noqa: S311 - examples, no secret
    for where in ("one", "two", "three"):
        for labels in ({}, {"app": "web"}):
            able = [
                one for _, one in sorted(config.pools.items()) if one.auto_assign and config.allows(one, where, labels)
            ]
            expected = [[one.name for one in able if one.pinned and one.priority == rank] for rank in (1, 2, 0)]
            expected.append([one.name for one in able if not one.pinned])
            ranks = config.index.ranks(where, labels)
            assert [[one.name for one in rank] for rank in ranks if rank] == [rank for rank in expected if rank]
            assert config.index.ranks(where, labels) is ranks


def test_pools_that_overlap_are_looked_at_one_by_one() -> None:
    """Loading refuses them; whoever makes a Config by hand gets the first that holds all."""
    one = configured(pool("a", "10.0.0.0/24", "fd00::/126")).pools[PoolName("a")]
    both = Config({one.name: one, PoolName("b"): configured(pool("b", "10.0.0.0/16")).pools[PoolName("b")]})
    assert both.pool_of([ip_address("10.0.0.7")]) is one
    found = both.pool_of([ip_address("10.0.1.7")])
    assert found is not None
    assert found.name == "b"
