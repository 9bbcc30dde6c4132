"""The old ConfigMap's keys, MetalLB v0.8 to v0.12, and the resources that they become."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.core.legacy import conversion as legacy
from pylb.core.legacy.conversion import PLACE, Converted
from pylb.core.legacy.fields import MAX_ENTRIES, MAX_PROBLEMS
from pylb.core.model import ObjectRef
from pylb.kube import documents

CONFIGMAP = ObjectRef("ConfigMap", "metallb-system", "config")
POOL = {"name": "p", "protocol": "bgp", "addresses": ["10.0.0.0/28"]}
LAYER2 = {**POOL, "protocol": "layer2"}
PEER = {"my-asn": 64500, "peer-asn": 64501, "peer-address": "10.0.0.1"}
BARE_PEER = {"myASN": 64500, "peerASN": 64501, "peerAddress": "10.0.0.1", "holdTime": "90s"}


def converted(**document: Any) -> Converted:
    made = legacy.convert({key.replace("_", "-"): value for key, value in document.items()}, CONFIGMAP)
    assert not made.problems
    return made


def specs(objects: tuple[Any, ...]) -> list[Any]:
    return [raw["spec"] for raw in objects]


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ({}, {"autoAssign": True, "avoidBuggyIPs": False}),
        ({"auto-assign": False, "avoid-buggy-ips": True}, {"autoAssign": False, "avoidBuggyIPs": True}),
        ({"auto-assign": "no", "avoid-buggy-ips": "on"}, {"autoAssign": False, "avoidBuggyIPs": True}),
        ({"auto-assign": None}, {"autoAssign": True, "avoidBuggyIPs": False}),
    ],
)
def test_pools(written: dict[str, Any], spec: dict[str, Any]) -> None:
    [made] = converted(address_pools=[{**LAYER2, **written}]).pools
    assert made["spec"] == {"addresses": ["10.0.0.0/28"], **spec}
    assert (made["kind"], made["apiVersion"]) == ("IPAddressPool", "metallb.io/v1beta1")
    assert made["metadata"] == {"name": "p", "namespace": "metallb-system"}


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (None, [{}]),
        ([], [{}]),
        ([{}], [{}]),
        ([{"aggregation-length": 24}], [{"aggregationLength": 24}]),
        ([{"aggregation-length-v6": 64}], [{"aggregationLengthV6": 64}]),
        ([{"localpref": 100}, {"localpref": 200}], [{"localPref": 100}, {"localPref": 200}]),
        ([{"communities": ["64512:1", "no-export"]}], [{"communities": ["64512:1", "no-export"]}]),
        ([{"localpref": "0", "communities": []}], [{"localPref": 0}]),
    ],
)
def test_advertisements_of_a_bgp_pool(written: Any, wanted: list[dict[str, Any]]) -> None:
    made = converted(address_pools=[{**POOL, "bgp-advertisements": written}])
    assert specs(made.bgp_advertisements) == [{"ipAddressPools": ["p"], **spec} for spec in wanted]
    assert made.advertisements == ()


def test_advertisements_are_numbered_over_all_pools_as_metallbs_converter_does() -> None:
    pools = [
        {**POOL, "name": "a", "bgp-advertisements": [{}, {"localpref": 1}]},
        {**LAYER2, "name": "b"},
        {**POOL, "name": "c"},
        {**LAYER2, "name": "d"},
    ]
    made = converted(address_pools=pools)
    assert [(raw["metadata"]["name"], raw["spec"]["ipAddressPools"]) for raw in made.bgp_advertisements] == [
        ("bgpadvertisement1", ["a"]),
        ("bgpadvertisement2", ["a"]),
        ("bgpadvertisement3", ["c"]),
    ]
    assert [(raw["metadata"]["name"], raw["spec"]["ipAddressPools"]) for raw in made.advertisements] == [
        ("l2advertisement1", ["b"]),
        ("l2advertisement2", ["d"]),
    ]


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ({}, {}),
        ({"peer-port": 1179}, {"peerPort": 1179}),
        ({"hold-time": "120s"}, {"holdTime": "120s"}),
        ({"hold-time": 0}, {"holdTime": "0"}),
        ({"keepalive-time": "30s"}, {"keepaliveTime": "30s"}),
        ({"router-id": "10.1.1.1"}, {"routerID": "10.1.1.1"}),
        ({"source-address": "10.0.0.9"}, {"sourceAddress": "10.0.0.9"}),
        ({"password": 12345}, {"password": "12345"}),
        ({"bfd-profile": "fast"}, {"bfdProfile": "fast"}),
        ({"ebgp-multihop": True}, {"ebgpMultiHop": True}),
        ({"node-selectors": []}, {}),
        ({"node-selectors": [{"match-labels": {"a": "b"}}]}, {"nodeSelectors": [{"matchLabels": {"a": "b"}}]}),
        (
            {"node-selectors": [{"match-expressions": [{"key": "a", "operator": "In", "values": ["b", 1]}]}, {}]},
            {
                "nodeSelectors": [
                    {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "1"]}]},
                    {},
                ]
            },
        ),
        (
            {"node-selectors": [{"match-expressions": [{"key": "a", "operator": "Exists"}]}]},
            {"nodeSelectors": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]},
        ),
    ],
)
def test_peers(written: dict[str, Any], spec: dict[str, Any]) -> None:
    first, made = converted(peers=[PEER, {**PEER, **written}]).peers
    assert (first["metadata"]["name"], made["metadata"]["name"]) == ("peer1", "peer2")
    assert (made["kind"], made["apiVersion"]) == ("BGPPeer", "metallb.io/v1beta2")
    assert made["spec"] == {**BARE_PEER, **spec}


def test_profiles_of_bfd() -> None:
    written = {
        "name": "full",
        "receive-interval": 100,
        "transmit-interval": 200,
        "echo-interval": 50,
        "detect-multiplier": 5,
        "minimum-ttl": 254,
        "echo-mode": True,
        "passive-mode": False,
    }
    full, bare = converted(bfd_profiles=[written, {"name": "bare"}]).profiles
    assert full["metadata"]["name"] == "full"
    assert full["spec"] == {
        "receiveInterval": 100,
        "transmitInterval": 200,
        "echoInterval": 50,
        "detectMultiplier": 5,
        "minimumTtl": 254,
        "echoMode": True,
        "passiveMode": False,
    }
    assert bare["spec"] == {}


def test_names_of_communities_are_one_object_in_order() -> None:
    [made] = converted(bgp_communities={"b": "1:2", "a": "3:4"}).communities
    assert made["metadata"]["name"] == "communities"
    assert made["spec"] == {"communities": [{"name": "a", "value": "3:4"}, {"name": "b", "value": "1:2"}]}
    assert converted(bgp_communities={}).communities == ()


def test_a_community_is_no_number_to_the_base_of_60() -> None:
    """YAML 1.1 as PyYAML reads it makes 3870721 of it; and MetalLB's reader took each of these as a text."""
    text = "bgp-communities: {no: 64512:1, 0123: 1:59}\npeers:\n- {password: 0123, hold-time: 1:30}\n"
    made = legacy.convert(documents.read_texts(text), CONFIGMAP)
    assert not made.problems
    assert made.communities[0]["spec"]["communities"] == [
        {"name": "0123", "value": "1:59"},
        {"name": "no", "value": "64512:1"},
    ]
    assert made.peers[0]["spec"] == {"password": "0123", "holdTime": "1:30"}


@pytest.mark.parametrize(
    ("document", "place", "says"),
    [
        ({"adress-pools": []}, "adress-pools", "did you mean address-pools? known are address-pools, bfd-profiles, "),
        ({"protocol": "bgp"}, "protocol", 'unknown key "protocol" in the configuration: known are'),
        ({"peers": [{**PEER, "bfdProfile": "x"}]}, "peers[0].bfdProfile", "did you mean bfd-profile? known are"),
        ({"peers": [{**PEER, "my-asn": "x"}]}, "peers[0].my-asn", "peer #1: my-asn is a number, not 'x'"),
        ({"peers": [{**PEER, "my-asn": -1}]}, "peers[0].my-asn", "is a number"),
        ({"peers": [{**PEER, "my-asn": True}]}, "peers[0].my-asn", "is a number"),
        ({"peers": [{**PEER, "ebgp-multihop": "maybe"}]}, "peers[0].ebgp-multihop", "is true or false, not 'maybe'"),
        ({"peers": [{**PEER, "hold-time": ["9s"]}]}, "peers[0].hold-time", "hold-time is a text, not ['9s']"),
        ({"peers": [{**PEER, "node-selectors": {}}, 7]}, "peers[1]", "peer #2 is a mapping, not 7"),
        (
            {"peers": [{**PEER, "node-selectors": [{"matchLabels": {}}]}]},
            "peers[0].node-selectors[0].matchLabels",
            'unknown key "matchLabels" in node selector #1 of peer #1: did you mean match-labels?',
        ),
        (
            {"peers": [{**PEER, "node-selectors": [{"match-labels": [1]}]}]},
            "peers[0].node-selectors[0].match-labels",
            "match-labels is a mapping of texts, not [1]",
        ),
        (
            {"peers": [{**PEER, "node-selectors": [{"match-expressions": [{"keys": 1}]}]}]},
            "peers[0].node-selectors[0].match-expressions[0].keys",
            "did you mean key?",
        ),
        ({"bfd-profiles": [{"echo-mode": True}]}, "bfd-profiles[0].name", "bfd profile #1: it has no name"),
        ({"bgp-communities": [1]}, "bgp-communities", "bgp-communities is a mapping of texts, not [1]"),
        ({"address-pools": [{**POOL, "addresses": "10.0.0.0/8"}]}, "address-pools[0].addresses", "is a list of texts"),
        (
            {"address-pools": [{**POOL, "bgp-advertisements": [{"local-pref": 1}]}]},
            "address-pools[0].bgp-advertisements[0].local-pref",
            'in BGP advertisement #1 of address pool "p": did you mean localpref?',
        ),
        (
            {"address-pools": [{**LAYER2, "bgp-advertisements": [{}]}]},
            "address-pools[0].bgp-advertisements",
            "cannot have bgp-advertisements configuration element in a layer2 address pool",
        ),
        ({"peers": [PEER] * (MAX_ENTRIES + 1)}, "peers", "1000 are read at most"),
        ({"bgp-communities": {str(n): "1:1" for n in range(1001)}}, "bgp-communities", "1000 are read at most"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(document: object, place: str, says: str) -> None:
    [problem] = legacy.convert(document, CONFIGMAP).problems
    assert (problem.field, problem.ref) == (place, CONFIGMAP)
    assert says in problem.text


def test_all_problems_are_told_at_once_and_what_is_right_stays() -> None:
    """An entry with a problem is left out whole; who never knew a good configuration goes by the others."""
    wrong = {"name": "w", "protocol": "l2", "adresses": [], "auto-assign": 7, "bgp-advertisements": [{"x": 1}]}
    document = {"odd": 1, "address-pools": [wrong, LAYER2], "peers": [{"x": 1}, PEER]}
    made = legacy.convert(document, CONFIGMAP)
    assert [problem.field for problem in made.problems] == [
        "odd",
        "address-pools[0].adresses",
        "address-pools[0].protocol",
        "address-pools[0].auto-assign",
        "address-pools[0].bgp-advertisements[0].x",
        "peers[0].x",
    ]
    assert [raw[PLACE] for raw in (*made.pools, *made.advertisements, *made.peers)] == [
        "address-pools[1]",
        "address-pools[1]",
        "peers[1]",
    ]
    assert made.peers[0]["metadata"]["name"] == "peer2"


def test_problems_are_bounded_and_so_are_keys_that_they_name() -> None:
    document = {"x" * 70_000: 1, "peers": [{str(n): n for n in range(50)}] * 50}
    problems = legacy.convert(document, CONFIGMAP).problems
    assert len(problems) == MAX_PROBLEMS
    assert all(len(problem.text) < 400 for problem in problems)
