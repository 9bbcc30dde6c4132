"""Names that Kubernetes takes, for what had any name in the old ConfigMap."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.core.legacy import conversion as legacy
from pylb.core.legacy import names as legacy_names
from pylb.core.legacy.names import Named, clean
from pylb.core.model import ObjectRef


def named(namespace: str = "pylb-system", **document: Any) -> Named:
    made = legacy.convert(
        {key.replace("_", "-"): value for key, value in document.items()}, ObjectRef("ConfigMap", "n", "config")
    )
    assert not made.problems
    return legacy_names.named(made, namespace)


def pool(name: str, protocol: str = "layer2") -> dict[str, Any]:
    return {"name": name, "protocol": protocol, "addresses": ["10.0.0.0/28"]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *((name, name) for name in ("default", "a", "my-ip-space", "10-net", "lan.home", "a" * 63)),
        ("My_Pool", "my-pool"),
        ("10_net", "net"),
        ("_lan", "lan"),
        ("UPPER", "upper"),
        ("a" * 70, "a" * 63),
        ("lan ", "lan"),
        ("two words", "two-words"),
        ("a.-b", "a--b"),
        ("a..b", "a--b"),
        ("1_2", ""),
        ("___", ""),
        ("", ""),
    ],
)
def test_clean(old: str, new: str) -> None:
    """Such as the API server takes stay; others are changed as MetalLB's converter did, and are then taken."""
    assert clean(old) == new
    assert not new or clean(new) == new


def test_whatever_names_a_pool_or_a_profile_follows_it() -> None:
    found = named(
        address_pools=[pool("My_Pool"), pool("Far_Away", "bgp")],
        peers=[{"bfd-profile": "Very_Fast"}, {"bfd-profile": "gone"}],
        bfd_profiles=[{"name": "Very_Fast"}],
    )
    bodies = {one.name: one.body for one in found.wanted}
    assert bodies["l2advertisement1"]["spec"]["ipAddressPools"] == ["my-pool"]
    assert bodies["bgpadvertisement1"]["spec"]["ipAddressPools"] == ["far-away"]
    assert bodies["peer1"]["spec"]["bfdProfile"] == "very-fast"
    assert bodies["peer2"]["spec"]["bfdProfile"] == "gone"
    assert found.pools == {"My_Pool": "my-pool", "Far_Away": "far-away"}
    assert found.profiles == {"Very_Fast": "very-fast"}
    assert not found.faults


def test_resources_come_in_the_order_in_which_they_refer_to_each_other() -> None:
    found = named(
        address_pools=[pool("a"), pool("b", "bgp")],
        peers=[{}],
        bfd_profiles=[{"name": "f"}],
        bgp_communities={"x": "1:1"},
    )
    assert [one.kind for one in found.wanted] == [
        "Community",
        "BFDProfile",
        "BGPPeer",
        *["IPAddressPool"] * 2,
        "BGPAdvertisement",
        "L2Advertisement",
    ]
    assert {one.body["metadata"]["namespace"] for one in found.wanted} == {"pylb-system"}
    assert all(set(one.body) == {"apiVersion", "kind", "metadata", "spec"} for one in found.wanted)


@pytest.mark.parametrize(
    ("names", "place", "says"),
    [
        (("a_b", "a-b"), "address-pools[1].name", '"a_b" and "a-b" both become "a-b"'),
        (("x", "x"), "address-pools[1].name", 'two are called "x"'),
        (("1_2",), "address-pools[0].name", '"1_2" cannot be made a name of Kubernetes'),
    ],
)
def test_names_that_cannot_be(names: tuple[str, ...], place: str, says: str) -> None:
    [(where, text)] = named(address_pools=[pool(name) for name in names]).faults
    assert where == place
    assert says in text
