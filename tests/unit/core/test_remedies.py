"""What would help a Service that waits, said after MetalLB's words."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.world import configured, pool, service
from pylb.controller.reconcile import Books
from pylb.core import notices
from pylb.core.allocation.remedies import NAMED_MAX, listed
from pylb.core.config.loader import Config
from pylb.core.model import Service

POOL, PIN, SHARE = "metallb.io/address-pool", "metallb.io/loadBalancerIPs", "metallb.io/allow-shared-ip"
FULL = pool("p", "10.0.0.1/32")
TWO = (FULL, pool("q", "10.0.1.0/24", autoAssign=False))
FIRST = service("a", annotations={SHARE: "k"}, load_balancer_ip="10.0.0.1")


def waits(config: Config, **fields: Any) -> str:
    """The Event of a Service that comes after FIRST, behind MetalLB's beginning of it."""
    books, late = Books(), service("b", **fields)
    books.settle(config, {FIRST.key: FIRST}, [FIRST.key])
    present: dict[Any, Service] = {FIRST.key: FIRST, late.key: late}
    [notice] = next(o.notices for o in books.settle(config, present, [late.key]) if o.service is late)
    beginning = 'Failed to allocate IP for "default/b": '
    assert (notice.type, notice.reason) == (notices.WARNING, "AllocationFailed")
    assert notice.message.startswith(beginning)
    assert notice.message == beginning + f"{books.waiting[late.key].text}; {books.waiting[late.key].fix}"
    return notice.message.removeprefix(beginning)


@pytest.mark.parametrize(
    ("pools", "fields", "said"),
    [
        ((), {}, "no address pool is defined; create an IPAddressPool in metallb-system or pylb-system"),
        (
            (FULL,),
            {},
            "no available IPs; nothing is left in pool p: add a range, or delete a Service of type LoadBalancer",
        ),
        (
            (TWO[1],),
            {},
            "no available IPs; pool q must be asked for by name: annotate metallb.io/address-pool, or set autoAssign",
        ),
        (
            (pool("q", "10.0.1.0/24", serviceAllocation={"namespaces": ["x"]}),),
            {},
            "no available IPs; the serviceAllocation of pool q does not select this Service: change it, or add a pool",
        ),
        ((FULL,), {"v6": True}, "no available IPs; no pool has IPv6 addresses: add a range of them to one"),
        (
            TWO,
            {"annotations": {POOL: "r"}},
            'unknown pool "r"; the cluster has pools p, q: correct metallb.io/address-pool, or create the pool',
        ),
        (
            TWO,
            {"annotations": {POOL: "p"}},
            (
                'no available IPs in pool "p"; add a range to it, name another pool, or delete a Service that has one of '
                "its addresses"
            ),
        ),
        (
            TWO,
            {"annotations": {POOL: "q"}, "v6": True},
            'no available IPs in pool "q"; it has no IPv6 addresses: add a range of them, or name another pool',
        ),
        (
            (pool("q", "10.0.1.0/24", serviceAllocation={"namespaces": ["x"]}),),
            {"annotations": {POOL: "q"}},
            (
                "pool q not compatible for ip assignment; its serviceAllocation selects neither namespace default nor this "
                "Service's labels"
            ),
        ),
        (
            TWO,
            {"load_balancer_ip": "10.9.9.9"},
            (
                '["10.9.9.9"] is not allowed in config; the pools have 10.0.0.1 (p), 10.0.1.0/24 (q): ask for one of these, '
                "or add the address to a pool"
            ),
        ),
        (
            (pool("q", "10.0.1.0/24", avoidBuggyIPs=True),),
            {"load_balancer_ip": "10.0.1.255"},
            (
                '["10.0.1.255"] is not allowed in config; the pool has avoidBuggyIPs, which leaves 10.0.1.255 out: ask for '
                "another address"
            ),
        ),
        (
            TWO,
            {"annotations": {POOL: "p"}, "load_balancer_ip": "10.0.1.5"},
            (
                'requested loadBalancer IP(s) ["10.0.1.5"] is not compatible with requested address pool p; it is of pool '
                "q: correct metallb.io/address-pool, or leave it out"
            ),
        ),
        (
            TWO,
            {"load_balancer_ip": "10.0.0.1"},
            (
                'can\'t change sharing key for "default/b", address also in use by default/a; ask for another address, or '
                "use the same metallb.io/allow-shared-ip (under traffic policy Local, the same selector too)"
            ),
        ),
        (
            TWO,
            {"load_balancer_ip": "10.0.0.1", "annotations": {SHARE: "k"}},
            'port TCP/80 is already in use on "10.0.0.1"; default/a has it: choose another port, or another address',
        ),
        (
            TWO,
            {"annotations": {PIN: "fd00::9"}},
            (
                'requested loadBalancer IP(s) ["fd00::9"] does not match the ipFamily of the service; the Service has '
                "cluster IPs of IPv4: ask for one address of each of these"
            ),
        ),
        (
            TWO,
            {"annotations": {PIN: "nonsense"}},
            (
                'invalid metallb.io/loadBalancerIPs: "nonsense"; write one address of each of the Service\'s families, in '
                "metallb.io/loadBalancerIPs or spec.loadBalancerIP, not in both"
            ),
        ),
        (
            TWO,
            {"family_policy": "RequireDualStack"},
            (
                "Service requires dual stack but not enough clusterips [10.96.0.7]; set spec.ipFamilyPolicy to "
                "PreferDualStack or SingleStack, or give the cluster Services of both families"
            ),
        ),
        (
            TWO,
            {"cluster_ips": ("None",)},
            (
                "the Service has no cluster IP, so there is nothing to send traffic to; a headless Service cannot be of "
                "type LoadBalancer: leave spec.clusterIP out"
            ),
        ),
        (
            (FULL, pool("s", "10.0.2.0/24", "fd00::/120")),
            {"annotations": {PIN: "10.0.0.1,fd00::1"}, "dual": True},
            '["10.0.0.1" "fd00::1"] is not allowed in config; both addresses must be of one pool',
        ),
        (
            TWO,
            {"annotations": {PIN: "fd00::9"}, "v6": True},
            '["fd00::9"] is not allowed in config; no pool has addresses of that family: add a range of them to one',
        ),
    ],
)
def test_what_blocks_it_and_what_would_help(pools: tuple[Any, ...], fields: dict[str, Any], said: str) -> None:
    assert waits(configured(*pools), **fields) == said


def test_an_address_that_comes_and_goes_elsewhere_is_no_news() -> None:
    """The text goes by the configuration alone; else each Service that waits would be told again with each address."""
    books, config = Books(), configured(pool("p", "10.0.0.1/32"), pool("q", "10.0.1.0/30", autoAssign=False))
    first, late, other = service("a"), service("b"), service("c", annotations={POOL: "q"})
    books.settle(config, {s.key: s for s in (first, late)}, [first.key, late.key])
    present = {s.key: s for s in (first, late, other)}
    assert [o.service for o in books.settle(config, present, [other.key])] == [other]  # nobody else is helped by that
    books.forget(other.key)
    again = [o for o in books.settle(config, present, []) if o.service is late]
    assert [outcome.notices for outcome in again] == [()]


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "0"), (NAMED_MAX, "0, 1, 2"), (NAMED_MAX + 5, "0, 1, 2 and 5 more")],
)
def test_long_lists_are_cut(count: int, said: str) -> None:
    assert listed(range(count)) == said
