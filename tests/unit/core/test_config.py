"""Which configurations are accepted, and what is said about the others."""

from __future__ import annotations

import functools

import pytest

from fakes.world import advertisement, configured, namespace, pool
from pylb.core.config import loader as config
from pylb.core.config.loader import Objects
from pylb.core.legacy import conversion as legacy
from pylb.core.model import ObjectRef, PoolName

P = PoolName("p")
CONFIGMAP = ObjectRef("ConfigMap", "metallb-system", "config")


@pytest.mark.parametrize(
    ("pools", "adverts", "says"),
    [
        ([pool("p")], [], "has no prefixes defined"),
        ([pool("p", "10.0.0.9-10.0.0.2")], [], 'start IP "10.0.0.9" is after the end IP "10.0.0.2"'),
        ([pool("p", "10.0.0.1")], [], "write 10.0.0.1/32"),
        ([pool("p", "10.0.0.0/24", "10.0.0.7/32")], [], 'CIDR "10.0.0.7/32" in pool "p" overlaps with already defined'),
        (
            [pool("p", "10.77.0.100-10.77.0.110"), pool("q", "10.77.0.105/32")],
            [],
            'CIDR "10.77.0.105/32" in pool "q" overlaps with already defined CIDR "10.77.0.104/30"',
        ),
        (
            [pool("p", "10.0.0.0/30"), pool("p", "10.1.0.0/30", ns="pylb-system")],
            [],
            'duplicate definition of pool "p"',
        ),
        ([pool("p", "10.0.0.0/24", autoAssign="yes")], [], "autoAssign in body must be of type boolean"),
        (
            [pool("p", "10.0.0.0/24", serviceAllocation={"namespaces": ["a", "a"]})],
            [],
            "duplicate definition in namesp",
        ),
        ([pool("p", "10.0.0.0/24", serviceAllocation=[])], [], "serviceAllocation in body must be of type object"),
        ([pool("", "10.0.0.0/24")], [], "missing pool name"),
        ([], [advertisement(ipAddressPools=["a", "a"])], "duplicate definition"),
        (
            [],
            [advertisement(nodeSelectors=[{"matchLabels": {"a": "b"}}] * 2)],
            'duplicate definition of nodeSelectors "a=b"',
        ),
        ([], [advertisement(nodeSelectors=[{"matchExpressions": [{"key": "a", "operator": "Is"}]}])], '"Is" is not'),
        (
            [],
            [advertisement(preferredNodeSelectors=[{"weight": 101, "preference": {}}])],
            "should be less than or equal to 100",
        ),
        ([], [advertisement(interfaces="eth0")], "spec.interfaces in body must be of type array"),
    ],
)
def test_names_what_is_wrong(pools: list[dict], adverts: list[dict], says: str) -> None:
    loaded = config.load(Objects(pools, adverts))
    assert loaded.config is None
    assert [str(problem) for problem in loaded.problems if says in str(problem)], loaded.problems


def test_collects_all_problems_and_names_both_objects() -> None:
    bad = [pool("a"), pool("b", "x/y"), pool("c", "10.0.0.0/24"), pool("d", "10.0.0.0/25", ns="pylb-system")]
    texts = [str(problem) for problem in config.load(Objects(bad, [advertisement(interfaces=3)])).problems]
    assert len(texts) == 4
    assert any("IPAddressPool pylb-system/d" in text and "IPAddressPool metallb-system/c" in text for text in texts)


@pytest.mark.parametrize(
    ("spec", "advertised"),
    [
        ({}, True),
        ({"ipAddressPools": ["p"]}, True),
        ({"ipAddressPools": ["other"]}, False),  # an unknown name is no error
        ({"ipAddressPoolSelectors": [{"matchLabels": {"tier": "a"}}]}, True),
        ({"ipAddressPoolSelectors": [{"matchLabels": {"tier": "b"}}]}, False),  # selects nothing, so not everything
        ({"ipAddressPools": ["other"], "ipAddressPoolSelectors": [{"matchLabels": {"tier": "a"}}]}, True),
    ],
)
def test_which_pools_an_advertisement_selects(spec: dict, advertised: bool) -> None:
    one = pool("p", "10.0.0.0/24")
    one["metadata"]["labels"] = {"tier": "a"}
    found = configured(one, adverts=(advertisement(**spec),)).advertisements
    assert bool(found[P]) is advertised


@pytest.mark.parametrize(
    ("allocation", "allowed"),
    [
        ({}, True),
        ({"priority": 3}, True),
        ({"namespaces": ["web"]}, True),
        ({"namespaces": ["db"]}, False),
        ({"namespaces": ["db"], "namespaceSelectors": [{"matchLabels": {"team": "a"}}]}, True),
        ({"serviceSelectors": [{"matchLabels": {"app": "x"}}]}, True),
        ({"namespaces": ["web"], "serviceSelectors": [{"matchLabels": {"app": "y"}}]}, False),
    ],
)
def test_whom_a_pool_is_for(allocation: dict, allowed: bool) -> None:
    loaded = configured(pool("p", "10.0.0.0/24", serviceAllocation=allocation), namespaces=[namespace("web", team="a")])
    assert loaded.allows(loaded.pools[P], "web", {"app": "x"}) is allowed


def test_capacity_counts_families_apart_and_leaves_out_buggy_addresses() -> None:
    found = configured(pool("p", "10.0.0.0/24", "fd00::/64", avoidBuggyIPs=True)).pools[P]
    assert (found.capacity(4), found.capacity(6)) == (254, 2**64)


ENDLESS: list[object] = []  # what `&a [*a]` is in YAML
ENDLESS.append(ENDLESS)
LAUGHS: list[object] = functools.reduce(lambda inner, _: [inner] * 9, range(20), ["ha"])  # 9^20 of them
OLD = {"name": "default", "protocol": "layer2", "addresses": ["10.0.0.0/28"]}


def test_the_old_configmap_says_the_same_as_resources() -> None:
    document = {
        "address-pools": [OLD, {"name": "b", "protocol": "bgp", "addresses": ["10.1.0.0/28"], "auto-assign": False}],
        "peers": [{"peer-address": "10.0.0.1"}],
    }
    made = legacy.convert(document, CONFIGMAP)
    loaded = config.load(Objects(made.pools, made.advertisements)).config
    assert loaded is not None
    assert not made.problems
    assert [bool(loaded.advertisements[PoolName(name)]) for name in ("default", "b")] == [True, False]
    assert [loaded.pools[PoolName(name)].auto_assign for name in ("default", "b")] == [True, False]
    assert loaded.pools[PoolName("b")].ref == CONFIGMAP


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("just text", "a mapping with address-pools"),
        ({"address-pool": []}, 'unknown key "address-pool"'),
        ({"address-pools": {}}, None),
        ({"address-pools": {"a": 1}}, "address-pools is a list"),
        ({"address-pools": [{**OLD, "protocol": "l2"}]}, 'unknown protocol "l2"'),
        ({"address-pools": [{**OLD, "protocol": None}]}, "has no protocol"),
        ({"address-pools": [{**OLD, "autoassign": True}]}, 'unknown key "autoassign"'),
        ({"address-pools": [{**OLD, "name": ""}]}, "address pool #1: it has no name"),
        ({"address-pools": ["x"]}, "is a mapping"),
        ({"address-pools": [{**OLD, "addresses": ENDLESS}]}, "addresses is a list of texts, not [[[...]]]"),
        ({"address-pools": [{**OLD, "auto-assign": ENDLESS}]}, "auto-assign is true or false"),
        ({"address-pools": [{**OLD, "protocol": ENDLESS}]}, "protocol is a text, not [[[...]]]"),
        (LAUGHS, "a mapping with address-pools is expected"),
        ({"address-pools": [{**OLD, "bgp-advertisements": [{}]}]}, "cannot have bgp-advertisements"),
        (None, None),
    ],
)
def test_the_old_configmap_is_read_strictly(document: object, says: str | None) -> None:
    problems = legacy.convert(document, CONFIGMAP).problems
    assert [says in str(problem) for problem in problems] == ([True] if says else [])
    assert all(problem.ref == CONFIGMAP for problem in problems)
    assert all(len(str(problem)) < 300 for problem in problems)


def test_what_was_made_of_the_old_configmap_can_be_compared() -> None:
    """A watch compares what it read with what it knew; of an endless list that would never end."""
    document = {"address-pools": [{**OLD, "bgp-advertisements": ENDLESS, "protocol": "bgp"}]}
    assert legacy.convert(document, CONFIGMAP) == legacy.convert(document, CONFIGMAP)


def test_problems_of_a_converted_pool_name_the_configmap() -> None:
    made = legacy.convert({"address-pools": [{**OLD, "addresses": []}]}, CONFIGMAP)
    assert [problem.ref for problem in config.load(Objects(made.pools, made.advertisements)).problems] == [CONFIGMAP]


@pytest.mark.parametrize("text", ["127.0.0.0/30", "0.0.0.0/0", "::ffff:10.0.0.0/120", "fe80::/64"])
def test_a_pool_of_addresses_that_no_service_can_have_is_a_problem_of_its_object(text: str) -> None:
    """Given once, such an address would be dark, or the API server would refuse it without end."""
    [problem] = config.load(Objects([pool("p", "10.0.0.0/24", text)])).problems
    assert str(problem).startswith(
        f'IPAddressPool metallb-system/p: parsing address pool p: invalid CIDR "{text}" in pool "p": '
    )
    made = legacy.convert({"address-pools": [{**OLD, "addresses": [text]}]}, CONFIGMAP)
    assert [problem.ref for problem in config.load(Objects(made.pools, made.advertisements)).problems] == [CONFIGMAP]
