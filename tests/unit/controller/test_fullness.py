"""How full a pool is, as MetalLB counts it."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.world import configured, pool, service
from pylb.controller import fullness
from pylb.controller.reconcile import Books
from pylb.core.model import NodeName, Service
from pylb.core.ranges import parse_address

SHARED = {"metallb.io/allow-shared-ip": "k"}


def reserving(raw: Any, ranges: str) -> Any:
    """The pool, with those ranges reserved."""
    return {**raw, "metadata": {**raw["metadata"], "annotations": {"pylb.io/reserved": ranges}}}


def counted(pools: tuple[Any, ...], *services: Service) -> list[tuple[int, int, int, int]]:
    books, config = Books(), configured(*pools)
    present = {one.key: one for one in services}
    books.settle(config, present, present)
    found = fullness.statuses(config, books.ledger)
    names = ("assignedIPv4", "availableIPv4", "assignedIPv6", "availableIPv6")
    assert all(set(status) == set(names) for status in found.values())
    return [
        (status[names[0]], status[names[1]], status[names[2]], status[names[3]])
        for _, status in sorted(found.items(), key=lambda item: item[0].name)
    ]


@pytest.mark.parametrize(
    ("pools", "services", "expected"),
    [
        ((pool("p", "10.0.0.100-10.0.0.110"),), (), [(0, 11, 0, 0)]),
        ((pool("p", "10.0.0.100-10.0.0.110"),), (service("a"), service("b")), [(2, 9, 0, 0)]),
        ((pool("p", "10.0.0.0/31"),), (service("a"), service("b"), service("c")), [(2, 0, 0, 0)]),
        (  # a shared address counts once
            (pool("p", "10.0.0.0/30"),),
            (service("a", annotations=SHARED), service("b", 81, annotations=SHARED)),
            [(1, 3, 0, 0)],
        ),
        ((pool("p", "10.0.0.0/24", avoidBuggyIPs=True),), (service("a"),), [(1, 253, 0, 0)]),
        ((pool("p", "10.0.0.0/30", "fd00::/126"),), (service("a", dual=True, family_policy="x"),), [(1, 3, 1, 3)]),
        ((pool("p", "fd00::/64"),), (service("a", v6=True),), [(0, 0, 1, fullness.BIGGEST - 1)]),
        ((pool("p", "fd00::/66"),), (), [(0, 0, 0, fullness.BIGGEST)]),  # 62 host bits, with MetalLB too
        ((pool("p", "fd00::/67"),), (), [(0, 0, 0, 2**61)]),
        ((pool("p", "fd00::/67", "fd01::/67", "fd02::/67", "fd03::/67", "fd04::/68"),), (), [(0, 0, 0, 2**63 - 1)]),
        ((pool("p", "fd00::1-fd00::2:0:0:0:0"),), (), [(0, 0, 0, fullness.BIGGEST)]),
        (  # those that end in .0 and .255 are neither available nor given
            (pool("p", "10.0.0.254-10.0.1.1", avoidBuggyIPs=True),),
            (service("a"), service("b"), service("c")),
            [(2, 0, 0, 0)],
        ),
        (
            (pool("p", "10.0.0.0/32"), pool("q", "10.0.1.0/30")),
            (service("a"), service("b")),
            [(1, 0, 0, 0), (1, 3, 0, 0)],
        ),
        ((), (service("a"),), []),
        (  # what is reserved is not available, and assigned to whoever asked for it
            (reserving(pool("p", "10.0.0.0/29"), "10.0.0.0-10.0.0.1"),),
            (service("a"), service("b", load_balancer_ip="10.0.0.1")),
            [(2, 5, 0, 0)],
        ),
    ],
)
def test_what_a_pools_status_says(pools: tuple[Any, ...], services: tuple[Service, ...], expected: Any) -> None:
    assert counted(pools, *services) == expected


def test_a_pool_of_an_old_configmap_has_no_status() -> None:
    made = pool("p", "10.0.0.0/30")
    config = configured({**made, "kind": "ConfigMap"})
    assert fullness.statuses(config, Books().ledger) == {}


def test_nodes_own_addresses_are_not_available() -> None:
    books, config = Books(), configured(pool("p", "10.0.0.0/29"))
    books.learn(config, {parse_address(f"10.0.0.{last}"): NodeName("n") for last in (1, 2, 200)})
    held = service("a", ingress=("10.0.0.1",))
    books.settle(config, {held.key: held}, [held.key])
    [status] = fullness.statuses(config, books.ledger, books.taken).values()
    assert (status["assignedIPv4"], status["availableIPv4"]) == (1, 6)
