"""What is valid of an invalid configuration, and who gives way where two pools cannot both be."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.bgp_objects import bgp, peer, profile
from fakes.world import advertisement, namespace, pool
from pylb.core.config import loader as config
from pylb.core.config.loader import ORIGIN, Objects
from pylb.core.config.salvage import salvage
from pylb.core.legacy import conversion as legacy
from pylb.core.model import ObjectRef, PoolName

OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def dated(raw: dict[str, Any], at: str) -> dict[str, Any]:
    return {**raw, "metadata": {**raw["metadata"], "creationTimestamp": at}}


WIDE, INSIDE = pool("wide", "10.0.0.0/24"), pool("inside", "10.0.0.9/32")
CASES = {
    "nothing is wrong": ([pool("a", "10.0.0.0/24"), pool("b", "fd00::/64")], {"a", "b"}),
    "one is wrong": ([pool("a", "10.0.0.9-10.0.0.1"), pool("b", "10.0.0.0/24")], {"b"}),
    "all are wrong": ([pool("a"), pool("b", "x")], set()),
    "the older stays": ([dated(INSIDE, NEW), dated(WIDE, OLD)], {"wide"}),
    "the older stays, be it the smaller": ([dated(INSIDE, OLD), dated(WIDE, NEW)], {"inside"}),
    "of one age the first by name": ([dated(WIDE, OLD), dated(INSIDE, OLD)], {"inside"}),
    "who is wrong takes nobody's place": ([dated(pool("a", "10.0.0.0/24", "x"), OLD), dated(WIDE, NEW)], {"wide"}),
    "who gives way takes nobody's place": (
        [dated(WIDE, OLD), dated(pool("b", "10.0.0.0/24", "10.1.0.0/24"), NEW), dated(pool("c", "10.1.0.0/24"), NEW)],
        {"wide", "c"},
    ),
    "one name": ([dated(pool("a", "10.0.0.0/24"), OLD), dated(pool("a", "10.1.0.0/24", ns="pylb-system"), NEW)], {"a"}),
    "overlap in itself": ([pool("a", "10.0.0.0/24", "10.0.0.1/32"), pool("b", "10.0.0.0/24")], {"b"}),
    "equal numbers of two families": ([pool("a", "0.0.0.1/32"), pool("b", "::1/128")], None),
}


@pytest.mark.parametrize(("pools", "stay"), CASES.values(), ids=CASES)
def test_which_pools_stay(pools: list[dict[str, Any]], stay: set[str] | None) -> None:
    for given in (pools, pools[::-1]):
        found = salvage(Objects(given, [advertisement()]))
        if stay is None:  # whatever may be in a pool by itself
            stay = {raw["metadata"]["name"] for raw in pools if config.load(Objects([raw])).config}
        assert set(found.pools) == stay
        assert all(adverts for adverts in found.advertisements.values())


def test_an_advertisement_that_is_wrong_is_left_out_alone() -> None:
    found = salvage(
        Objects([WIDE], [advertisement("good"), advertisement("bad", interfaces=3)]), [namespace("n", a="b")]
    )
    assert [one.name for one in found.advertisements[next(iter(found.pools))]] == ["good"]
    assert found.namespaces["n"].labels == {"a": "b"}


def test_the_old_config_map_is_older_than_all_resources() -> None:
    text = {"address-pools": [{"name": "old", "protocol": "layer2", "addresses": ["10.0.0.0/25"]}]}
    made = legacy.convert(text, ObjectRef("ConfigMap", "metallb-system", "config"))
    assert ORIGIN in made.pools[0]
    assert set(salvage(Objects([dated(WIDE, OLD), *made.pools], made.advertisements)).pools) == {"old"}


def test_what_is_wrong_with_bgp_is_left_out_alone() -> None:
    """And takes no pool, no advertisement and nothing else of BGP with it."""
    good, bad = peer("good"), peer("bad", myASN=0)
    clash = [dated(bgp("older", localPref=1), OLD), dated(bgp("newer", localPref=2), NEW)]
    objects = Objects(
        [WIDE], [advertisement()], [*clash, bgp("short", aggregationLength=8)], [good, bad], [profile(), profile("")]
    )
    assert config.load(objects).config is None
    found = salvage(objects)
    assert set(found.peers) == {"good"}
    assert set(found.profiles) == {"b"}
    assert found.advertisements[PoolName("wide")]
    assert "short" not in {one.name for one in found.bgp_advertisements[PoolName("wide")]}


def test_a_pool_and_an_advertisement_of_one_name_are_two() -> None:
    """One that is wrong beside others takes no namesake of another kind with it."""
    found = salvage(Objects([pool("one", "10.0.0.0/24")], [advertisement("one")], [bgp("one", aggregationLength=8)]))
    assert [one.name for one in found.advertisements[PoolName("one")]] == ["one"]
