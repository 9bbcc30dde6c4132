"""What /metrics says on a real cluster, beside what MetalLB's said there, and beside the status of the pool."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes import exposed
from fakes.cluster import advertisement, pool, service, until
from fakes.real import RealLan

POOL, WEB, WEB6 = "counted", "default/counted", "default/counted-too"
STATUS = f"/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/{POOL}"
SETTLED_S = 20.0


@pytest.fixture(scope="module")
def lan(cluster: object) -> Iterator[RealLan]:
    """The cluster, with a pool of eight addresses, of which two are given, one to two Services."""
    shared = {"metallb.io/allow-shared-ip": "k"}
    bodies = [
        pool(POOL, "10.77.3.0/29", "fd77:3::/64"),
        advertisement(POOL),
        service(WEB, 80, annotations=shared),
        service(WEB6, 81, annotations=shared),
    ]
    with RealLan(cluster) as lan:
        lan.create(*bodies)
        until("both have an address", lambda: lan.addresses(WEB) and lan.addresses(WEB6), SETTLED_S)
        yield lan
        lan.remove(*bodies)


@pytest.mark.parametrize("component", ["controller", "speaker"])
def test_all_that_metallb_has_is_there(lan: RealLan, component: str) -> None:
    """By name and type; labels of what has no series yet are the unit tests' matter."""
    who = component if component == "controller" else f"speaker-{lan.nodes[0]}"
    ours = exposed.families(lan.read(who, "metrics").decode())
    wanted = {name: kind for name, (kind, _) in exposed.observed(component).items() if name not in exposed.DIFFERENCES}
    assert {name: ours[name][0] for name in wanted if name in ours} == wanted


def test_the_pools_status_and_the_metrics_say_the_same(lan: RealLan) -> None:
    """A shared address counts once."""

    def told() -> tuple[int, int, int]:
        found = lan.get(STATUS).get("status") or {}
        return found.get("assignedIPv4", -1), found.get("availableIPv4", -1), found.get("availableIPv6", -1)

    until("the status is written", lambda: told() == (1, 7, 2**63 - 1), SETTLED_S)
    metrics = lan.metrics("controller")
    names = ("ipv4_addresses_in_use_total", "ipv4_addresses_total", "ipv6_addresses_total")
    values = [metrics[f'metallb_allocator_{name}{{pool="{POOL}"}}'] for name in names]
    assert values == [1, 8, float(2**63 - 1)]
    assert metrics["metallb_k8s_client_updates_total"] > 0
    assert metrics["metallb_k8s_client_config_loaded_bool"] == 1
    assert metrics["metallb_k8s_client_config_stale_bool"] == 0
