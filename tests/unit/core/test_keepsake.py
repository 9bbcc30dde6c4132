"""What an export has in it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from pylb.core import keepsake
from pylb.core.allocation import memory
from pylb.core.allocation.memory import Entry, Memory
from pylb.core.config.objects import Objects
from pylb.core.model import LOAD_BALANCER, Service, service_key

NOW = 1_700_000_000.0
BLOG, SHOP = service_key("web", "blog"), service_key("web", "shop")


def service(name: str, *ingress: str, kind: str = LOAD_BALANCER, **more: Any) -> Service:
    return Service(key=service_key("web", name), type=kind, ingress=ingress, **more)


def test_objects_are_as_somebody_would_write_them() -> None:
    meta = {
        "name": "lan",
        "namespace": "metallb-system",
        "uid": "u",
        "resourceVersion": "7",
        "managedFields": [{}],
        "labels": {"a": "b"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "pylb.io/reserved": "10.0.0.1"},
    }
    raw = {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": meta, "spec": {"addresses": []}}
    [made] = keepsake.documents(Objects(pools=[{**raw, "status": {"assignedIPv4": 1}}]), [], Memory())
    assert made == {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {
            "name": "lan",
            "namespace": "metallb-system",
            "labels": {"a": "b"},
            "annotations": {"pylb.io/reserved": "10.0.0.1"},
        },
        "spec": {"addresses": []},
    }


def test_who_has_an_address_comes_before_who_had_one() -> None:
    """A name that is remembered and there again has what it has now; the controller's own reader takes it."""
    gone = Entry((ip_address("10.0.0.7"),), NOW - 100)
    known = Memory({BLOG: gone, SHOP: gone}, NOW - 50)
    kept = keepsake.remembered([service("blog", "10.0.0.1", "fd00::1"), service("waits")], known, NOW)
    assert kept.entries == {
        BLOG: Entry((ip_address("10.0.0.1"), ip_address("fd00::1")), NOW),
        SHOP: gone,
    }
    [made] = keepsake.documents(Objects(), [], kept)
    assert (made["kind"], made["metadata"]) == ("ConfigMap", {"name": "pylb-memory", "namespace": "pylb-system"})
    assert memory.parse(made["data"]).entries == kept.entries


@pytest.mark.parametrize(
    "other",
    [
        service("a", "10.0.0.1", kind="ClusterIP"),
        service("a", "10.0.0.1", load_balancer_class="example.com/other"),
        service("a", "host.example"),
        service("a"),
    ],
)
def test_addresses_of_others_are_not_kept(other: Service) -> None:
    assert not keepsake.remembered([other], Memory(), NOW).entries


def test_remarks_tell_addresses_and_wishes() -> None:
    services = [
        service("shop", load_balancer_ip="10.0.0.9", annotations={"metallb.io/allow-shared-ip": "a\nb"}),
        service("blog", "10.0.0.1", annotations={"metallb.universe.tf/address-pool": "lan", "x": "y"}),
        service("plain", kind="ClusterIP"),
        service("bare"),
    ]
    assert list(keepsake.remarks(services)) == [
        "web/blog 10.0.0.1 (metallb.universe.tf/address-pool: lan)",
        "web/shop waits (loadBalancerIP: 10.0.0.9; metallb.io/allow-shared-ip: a b)",
    ]


def test_an_old_configmap_is_kept_too() -> None:
    raw = {"metadata": {"name": "config", "namespace": "metallb-system", "uid": "u"}, "data": {"config": "x"}}
    [made] = keepsake.documents(Objects(), [raw], Memory())
    assert (made["apiVersion"], made["kind"], made["data"]) == ("v1", "ConfigMap", {"config": "x"})
