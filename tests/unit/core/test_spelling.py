"""Annotations that look like a wish and are none: which they are, what was meant, and that it is told once a change."""

from __future__ import annotations

import pytest

from pylb.controller.reconcile import Books
from pylb.core import notices
from pylb.core.config import loader as config
from pylb.core.model import Service, ServiceKey
from pylb.core.notices import Notice
from pylb.core.spelling import MAX_NAMED, slips

POOL = "metallb.io/address-pool"
LAN = {"metadata": {"name": "lan", "namespace": "metallb-system"}, "spec": {"addresses": ["10.0.0.0/24"]}}
KEY = ServiceKey("a/b")


def _service(*keys: str, **more: object) -> Service:
    fields = {"annotations": dict.fromkeys(keys, "lan"), "cluster_ips": ("10.96.0.1",), **more}
    return Service(KEY, **fields)  # type: ignore[arg-type]  # a table's rows


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("metallb.io/adress-pool", POOL),
        ("metallb.io/addressPool", POOL),
        ("metallb.io/loadbalancerips", "metallb.io/loadBalancerIPs"),
        ("metallb.io/loadBalancerIP", "metallb.io/loadBalancerIPs"),
        ("metallb.universe.tf/allow-shared-ips", "metallb.io/allow-shared-ip"),
        ("pylb.io/address-pool", POOL),
        ("metalb.io/address-pool", POOL),
        ("MetalLB.io/address-pool", POOL),
        ("metallb.com/loadbalancerips", "metallb.io/loadBalancerIPs"),
        ("metallb.universal.tf/allow-shared-ip", "metallb.io/allow-shared-ip"),
        ("pybl.io/remember", "pylb.io/remember"),
        ("metallb.io/colour", ""),
        ("metallb.io/", ""),
    ],
)
def test_what_was_meant(key: str, meant: str) -> None:
    [slip] = slips(_service(key))
    assert (slip.key, slip.meant) == (key, meant)
    wanted = f"did you mean {meant}?" if meant else f"there are {POOL}, "
    assert str(slip).startswith(f"annotation {key} is not known")
    assert wanted in str(slip)


@pytest.mark.parametrize(
    "key",
    [
        POOL,
        "metallb.io/loadBalancerIPs",
        "metallb.universe.tf/allow-shared-ip",
        "metallb.io/ip-allocated-from-pool",
        "metallb.universe.tf/ip-allocated-from-pool",
        "kubectl.kubernetes.io/last-applied-configuration",
        "metallb.example.com/adress-pool",
        "metallb.example.com/address-pool",
        "metalb.io/colour",
        "address-pool",
        "remember",
    ],
)
def test_what_is_known_or_not_ours_is_not_told(key: str) -> None:
    assert slips(_service(key)) == ()


def test_a_service_of_another_type_has_no_wishes() -> None:
    assert slips(_service("metallb.io/adress-pool", type="ClusterIP")) == ()


def test_only_the_first_few_are_told() -> None:
    assert len(slips(_service(*(f"metallb.io/x{number}" for number in range(50))))) == MAX_NAMED


def test_it_is_told_once_for_each_change() -> None:
    """With the address, not again while nothing changes, and anew for another mistake."""
    books = Books()

    def told(service: Service) -> list[Notice]:
        [outcome] = books.settle(loaded, {KEY: service}, [KEY])
        return [one for one in outcome.notices if one.reason == notices.UNKNOWN_ANNOTATION]

    loaded = config.load(config.Objects([LAN])).config
    assert loaded is not None
    [first] = told(_service("metallb.io/adress-pool"))
    assert first.type == notices.WARNING
    assert first.message == f"annotation metallb.io/adress-pool is not known; did you mean {POOL}?"
    assert told(_service("metallb.io/adress-pool")) == []
    assert len(told(_service("metallb.io/adres-pool"))) == 1
    assert told(_service(POOL)) == []


def test_another_load_balancers_service_is_told_nothing() -> None:
    loaded = config.load(config.Objects([LAN])).config
    assert loaded is not None
    service = _service("metallb.io/adress-pool", load_balancer_class="other")
    assert Books().settle(loaded, {KEY: service}, [KEY])[0].notices == ()


def test_what_is_of_pools_says_so_on_a_service() -> None:
    [slip] = slips(_service("pylb.io/reserved"))
    assert str(slip) == "annotation pylb.io/reserved says nothing of a Service: it is one of IPAddressPools"
