"""What is refused of BGP, in MetalLB's words, where in the object: a row for each rule. Layer 2 goes on whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.bgp_objects import Row, assert_refused, bgp, community, loaded, made, peer, profile, row
from fakes.world import pool

V4, V6 = pool("v4", "10.0.0.0/24"), pool("v6", "fd00::/64")
A = {"matchLabels": {"a": "b"}}
IS = {"matchExpressions": [{"key": "a", "operator": "Is"}]}
SPAN = "10.0.0.1-10.0.0.6"  # 10.0.0.1/32, .2/31, .4/31, .6/32


BGP = [
    row("spec.communities[1]", 'duplicate definition of community "1:1"', bgp(communities=["1:1", "1:1"])),
    row("spec.peers[1]", 'duplicate definition of peers "r"', bgp(peers=["r", "r"])),
    row("spec.aggregationLength", "invalid aggregation length 33 for IPv4", bgp(aggregationLength=33)),
    row("spec.aggregationLengthV6", "invalid aggregation length 129 for IPv6", bgp(aggregationLengthV6=129)),
    row(
        "spec.aggregationLength",
        "serviceSelectors and aggregationLength are mutually exclusive, both cannot be set in a",
        bgp(aggregationLength=24, serviceSelectors=[A]),
    ),
    row(
        "spec.aggregationLengthV6",
        "serviceSelectors and aggregationLengthV6 are mutually exclusive, both cannot be set in a",
        bgp(aggregationLengthV6=64, serviceSelectors=[A]),
    ),
    row(
        "spec.communities[0]",
        'invalid community "1:70000" in BGP advertisement: invalid community value: invalid section "70000" of community '
        '"1:70000"',
        bgp(communities=["1:70000"]),
    ),
    row(
        "spec.communities[0]",
        'invalid community "1:2:3" in BGP advertisement: invalid community format: 1:2:3',
        bgp(communities=["1:2:3"]),
    ),
    row(
        "spec.aggregationLength",
        "invalid aggregation length 16: prefix 24 in this pool is more specific than the aggregation length for addresses "
        "10.0.0.0/24",
        V4,
        bgp(aggregationLength=16),
    ),
    row(
        "spec.aggregationLength",
        "invalid aggregation length 30: prefix 31 in this pool is more specific than the aggregation length for addresses "
        + SPAN,
        pool("p", SPAN),
        bgp(aggregationLength=30),
    ),
    row(
        "spec.aggregationLengthV6",
        "invalid aggregation length 48: prefix 64 in this pool is more specific than the aggregation length for addresses "
        "fd00::/64",
        V6,
        bgp(aggregationLengthV6=48),
    ),
    row(
        "spec.localPref",
        "invalid local preference 200: local preferernce 100 was already set for the same type of BGP update. Check "
        "existing BGP advertisements with common pools and aggregation lengths",
        V4,
        bgp("a", localPref=100),
        bgp("b", localPref=200),
    ),
    row(
        "spec.peers",
        "pool v6 has bgpadvertisement a which references peer r which has bfd echo enabled, which is not possible",
        V6,
        bgp(),
        peer(bfdProfile="b"),
        profile(echoMode=True),
    ),
]


def of_peer(field: str, text: str, **spec: Any) -> Any:
    return row(field, f"parsing peer r {text}", peer(**spec))


PEERS = [
    of_peer("spec.myASN", "missing local ASN", myASN=0),
    of_peer("spec.peerASN", "missing peer ASN and dynamicASN", peerASN=None),
    of_peer("spec.dynamicASN", "both peer ASN and dynamicASN specified", dynamicASN="internal"),
    of_peer(
        "spec.ebgpMultiHop", "invalid ebgp-multihop parameter set for an ibgp peer", peerASN=64512, ebgpMultiHop=True
    ),
    of_peer("spec.peerAddress", "peer has no Address or Interface specified", peerAddress=None),
    of_peer("spec.interface", "peer has both Address and Interface specified", interface="eth0"),
    of_peer(
        "spec.interface",
        'interface for peer "metallb-system"/"r" contains invalid characters',
        interface="a\nb",
        peerAddress=None,
    ),
    of_peer(
        "spec.peerAddress", 'invalid BGPPeer address "router": "router" is not an IP address', peerAddress="router"
    ),
    of_peer("spec.sourceAddress", 'invalid source IP "x": "x" is not an IP address', sourceAddress="x"),
    of_peer("spec.routerID", 'invalid router ID "x": "x" is not an IP address', routerID="x"),
    of_peer("spec.holdTime", 'invalid BGPPeer timers: invalid hold time "2s": must be 0 or >=3s', holdTime="2s"),
    of_peer(
        "spec.holdTime", 'invalid BGPPeer timers: invalid hold time "1.5s": must be 0 or >=3s', keepaliveTime="500ms"
    ),
    of_peer(
        "spec.keepaliveTime",
        'invalid BGPPeer timers: invalid keepaliveTime "2m0s", must be lower than holdTime "1m30s"',
        holdTime="90s",
        keepaliveTime="120s",
    ),
    of_peer("spec.holdTime", 'time: invalid duration "soon"', holdTime="soon"),
    of_peer("spec.keepaliveTime", 'time: missing unit in duration "30"', keepaliveTime="30"),
    of_peer("spec.connectTime", "connect time should be between 1 seconds to 65535", connectTime="500ms"),
    of_peer("spec.connectTime", "connect time should be between 1 seconds to 65535", connectTime="65536s"),
    of_peer("spec.connectTime", "connect time should contain a whole number of seconds", connectTime="1500ms"),
    of_peer("spec.nodeSelectors[1]", 'duplicate definition of nodeSelectors "a=b"', nodeSelectors=[A, A]),
    of_peer(
        "spec.nodeSelectors[0]",
        'failed to convert peer r node selector: "Is" is not a valid label selector operator '
        "(In, NotIn, Exists, DoesNotExist)",
        nodeSelectors=[IS],
    ),
    of_peer(
        "spec.passwordSecret",
        'can not have both password and secret ref set in peer config "metallb-system"/"r"',
        password="x",
        passwordSecret={"name": "s"},
    ),
    of_peer("spec.password", 'password for peer "metallb-system"/"r" contains invalid characters', password="x\r"),
    of_peer("spec.vrf", 'VRF name for peer "metallb-system"/"r" contains invalid characters', vrf="a\n"),
    row(
        "metadata.name",
        "peer r already exists",
        peer(),
        made("BGPPeer", "r", "v1beta2", "pylb-system", **peer()["spec"]),
    ),
]
OTHERS = [
    row("metadata.name", "parsing bfd profile : missing bfd profile name", profile("")),
    row("metadata.name", "found duplicate bfd profile name b", profile(), made("BFDProfile", "b", ns="pylb-system")),
    row(
        "spec.communities[0].value",
        'parsing community "x": invalid community value: invalid section "y" of community "y:1"',
        community(("x", "y:1")),
    ),
    row("spec.communities[0].value", 'parsing community "x": invalid community format: 1', community(("x", "1"))),
    row(
        "spec.communities[0].value",
        'parsing community "x": invalid community value: invalid marker for large community, expected community to be of '
        'format large:<uint32>:<uint32>:<uint32> but got "big:1:2:3" instead',
        community(("x", "big:1:2:3")),
    ),
    row("spec.communities[1].name", 'duplicate definition of community "x"', community(("x", "1:1"), ("x", "1:2"))),
    row(
        "spec.communities",
        'duplicate definition of community "x"',
        community(("x", "1:1")),
        community(("x", "1:1"), name="d"),
    ),
]


@pytest.mark.parametrize("case", [*BGP, *PEERS, *OTHERS])
def test_it_is_refused_in_these_words_at_this_field(case: Row) -> None:
    assert_refused(case)


@pytest.mark.parametrize("case", [*BGP, *PEERS, *OTHERS])
def test_what_is_wrong_with_bgp_leaves_layer_2_as_it_is_wanted(case: Row) -> None:
    found = loaded(*case.objects, pool("other", "172.16.0.0/24"))
    assert found.layer2 is not None
    assert "other" in found.layer2.pools
    assert not {**found.layer2.peers, **found.layer2.profiles, **found.layer2.bgp_advertisements}
