"""A ConfigMap beside the resources that it was turned into: what both say counts once."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from pylb.core.config import loader as config
from pylb.core.config.objects import KINDS, Objects
from pylb.core.legacy import conversion as legacy
from pylb.core.legacy import names as legacy_names
from pylb.core.legacy import twins as legacy_twins
from pylb.core.legacy.conversion import Converted
from pylb.core.model import ObjectRef

CONFIGMAP = ObjectRef("ConfigMap", "metallb-system", "config")
DOCUMENT: dict[str, Any] = {
    "address-pools": [
        {"name": "a", "protocol": "layer2", "addresses": ["10.0.0.0/28"]},
        {"name": "b", "protocol": "bgp", "addresses": ["10.1.0.0/24"], "bgp-advertisements": [{"localpref": 1}]},
    ],
    "peers": [{"my-asn": 1, "peer-asn": 2, "peer-address": "10.0.0.1", "bfd-profile": "f"}],
    "bfd-profiles": [{"name": "f", "echo-interval": 50}],
    "bgp-communities": {"x": "1:1", "y": "1:2"},
}
FIELDS = {kind: field for field, kind in KINDS.items()}
EMPTY = Converted()


def made(document: dict[str, Any] = DOCUMENT) -> Converted:
    found = legacy.convert(document, CONFIGMAP)
    assert not found.problems
    return found


def resources(document: dict[str, Any] = DOCUMENT) -> list[dict[str, Any]]:
    return [dict(one.body) for one in legacy_names.named(made(document), "pylb-system").wanted]


def by_field(bodies: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {field: [raw for raw in bodies if raw["kind"] == kind] for field, kind in KINDS.items()}


def test_nothing_is_left_of_a_configmap_that_was_turned_into_resources() -> None:
    assert legacy_twins.unmatched(made(), by_field(resources())) == EMPTY


def test_the_api_servers_defaults_are_no_difference() -> None:
    bodies = resources()
    for raw in bodies:
        if raw["kind"] == "BGPAdvertisement":
            raw["spec"] = {**raw["spec"], "aggregationLength": 32, "aggregationLengthV6": 128}
        if raw["kind"] == "BGPPeer":
            raw["spec"] = {**raw["spec"], "peerPort": 179, "disableMP": False, "dualStackAddressFamily": False}
        if raw["kind"] == "IPAddressPool":
            raw["spec"] = {"addresses": raw["spec"]["addresses"]}
    assert legacy_twins.unmatched(made(), by_field(bodies)) == EMPTY


def test_at_each_step_of_an_import_the_whole_is_the_same_and_valid() -> None:
    """One resource after the other stands beside the ConfigMap; then the ConfigMap goes."""
    bodies = resources()
    wanted = facts(Objects(**by_field(bodies)))
    for count in range(len(bodies) + 1):
        standing = by_field(bodies[:count])
        rest = legacy_twins.unmatched(made(), standing)
        whole = {field: [*standing[field], *getattr(rest, field)] for field in KINDS}
        assert facts(Objects(**whole)) == wanted, count


def facts(objects: Objects) -> Any:
    loaded = config.load(objects)
    assert loaded.config is not None, loaded.problems
    pools = {name: (pool.ranges, pool.auto_assign) for name, pool in loaded.config.pools.items()}
    adverts = {name: len(row) for name, row in loaded.config.advertisements.items()}
    return pools, adverts


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("IPAddressPool", {"autoAssign": False}),
        ("IPAddressPool", {"serviceAllocation": {"priority": 1}}),
        ("L2Advertisement", {"interfaces": ["eth0"]}),
        ("BGPAdvertisement", {"localPref": 2}),
        ("BGPPeer", {"holdTime": "9s"}),
        ("BFDProfile", {"echoInterval": 60}),
    ],
)
def test_what_says_anything_else_is_no_twin(kind: str, spec: dict[str, Any]) -> None:
    bodies = [raw for raw in resources() if raw["kind"] == kind]
    different = [{**raw, "spec": {**raw["spec"], **spec}} for raw in bodies]
    rest = legacy_twins.unmatched(made(), by_field(different))
    assert rest == made()


@pytest.mark.parametrize("kind", ["IPAddressPool", "BFDProfile"])
def test_a_pool_and_a_profile_of_another_name_are_no_twins(kind: str) -> None:
    other = [{**raw, "metadata": {**raw["metadata"], "name": "z"}} for raw in resources() if raw["kind"] == kind]
    assert legacy_twins.unmatched(made(), by_field(other)) == made()


def test_names_of_communities_are_looked_at_one_by_one() -> None:
    [raw] = [raw for raw in resources() if raw["kind"] == "Community"]
    fewer = {**raw, "spec": {"communities": [{"name": "x", "value": "1:1"}, {"name": "y", "value": "9:9"}]}}
    [rest] = legacy_twins.unmatched(made(), by_field([fewer])).communities
    assert rest["spec"] == {"communities": [{"name": "y", "value": "1:2"}]}


def test_problems_stay() -> None:
    wrong = legacy.convert({**DOCUMENT, "odd": 1}, CONFIGMAP)
    assert legacy_twins.unmatched(wrong, by_field(resources())).problems == wrong.problems


def test_all_of_a_configmap_is_compared() -> None:
    assert {one.name for one in fields(Converted)} == {*KINDS, "problems"}
