"""Which configurations of BGP are taken though one of MetalLB's modes refuses them, and what is said of them then."""

from __future__ import annotations

import pytest

from fakes.bgp_objects import JSON, bgp, community, loaded, peer, profile
from fakes.world import advertisement, pool
from pylb.core.model import Node, NodeName

V4, V6 = pool("v4", "10.0.0.0/24"), pool("v6", "fd00::/64")
A = {"matchLabels": {"a": "b"}}
TAKEN = {  # what one of MetalLB's modes refuses, and another takes
    "peers of one node with two router IDs": (peer("a", routerID="10.0.0.1"), peer("b", peerAddress="10.9.9.2")),
    "two sessions with one router": (peer("a"), peer("b")),
    "two AS numbers": (peer("a"), peer("b", myASN=64599, peerAddress="10.9.9.2")),
    "a profile": (profile(), peer(bfdProfile="b")),
    "keepalive": (peer(keepaliveTime="5s"),),
    "a VRF": (peer(vrf="red"),),
    "connect time": (peer(connectTime="10s"),),
    "graceful restart": (peer(enableGracefulRestart=True),),
    "disableMP": (peer(disableMP=True),),
    "two families": (peer(dualStackAddressFamily=True),),
    "any AS": (peer(peerASN=None, dynamicASN="external"),),
    "no address": (peer(peerAddress=None, interface="eth0"),),
    "local AS": (peer(localASN=64999),),
    "IPv6 by BGP": (V6, bgp()),
    "large communities": (bgp(communities=["large:1:2:3"]), community(("x", "large:1:2:3"))),
    "a name that no Community tells": (bgp(communities=["nowhere"]),),
    "a profile that is not there": (peer(bfdProfile="nowhere"),),
    "a Secret that is not there": (peer(passwordSecret={"name": "nowhere"}),),
    "a pool that is not there": (bgp(ipAddressPools=["nowhere"]), advertisement(ipAddressPools=["nowhere"])),
    "one selector, written in two ways": (
        advertisement(nodeSelectors=[A, {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]),
    ),
    "interfaces twice": (advertisement(interfaces=["a", "a"]),),
    "preferences twice": (advertisement(preferredNodeSelectors=[{"weight": 1, "preference": A}] * 2),),
    "hold time 0": (peer(holdTime="0s"),),
    "two preferences, other prefixes": (V4, bgp("a", localPref=1), bgp("b", localPref=2, aggregationLength=24)),
    "two preferences, other peers": (V4, bgp("a", localPref=1, peers=["x"]), bgp("b", localPref=2, peers=["y"])),
    "two preferences, some Services": (V4, bgp("a", localPref=1), bgp("b", localPref=2, serviceSelectors=[A])),
}


@pytest.mark.parametrize("objects", TAKEN.values(), ids=TAKEN)
def test_what_one_of_metallbs_modes_takes_is_taken(objects: tuple[JSON, ...]) -> None:
    assert not loaded(*objects).problems


WARNED = [
    (TAKEN["peers of one node with two router IDs"], "spec.routerID", "in FRR mode all RouterID must be equal"),
    (TAKEN["two sessions with one router"], "spec.peerAddress", "FRR mode doesn't support duplicate BGPPeers"),
    (TAKEN["two AS numbers"], "spec.myASN", "in FRR mode all myAsn must be equal for the same VRF"),
    (TAKEN["a name that no Community tells"], "spec.communities[0]", 'community "nowhere" in BGP advertisement a'),
    (TAKEN["a profile that is not there"], "spec.bfdProfile", "peer r referencing non existing bfd profile nowhere"),
    ((peer(),), "spec", "pylb does not speak BGP yet"),
    ((peer(holdTime="20h"),), "spec.holdTime", 'hold time "20h0m0s" is longer than a BGP message can say'),
    ((pool("p", "10.0.0.0/24", autoAsign=False),), "spec.autoAsign", 'unknown field "spec.autoAsign"'),
]


@pytest.mark.parametrize(("objects", "field", "text"), WARNED)
def test_what_is_odd_is_told_and_holds_nothing_back(objects: tuple[JSON, ...], field: str, text: str) -> None:
    found = loaded(*objects)
    assert found.config is not None
    assert [one for one in found.warnings if one.field == field and text in one.text and one.fix], found.warnings


def test_peers_that_share_no_node_do_not_meet() -> None:
    """By the nodes that there are; where they are not known, by what the selectors say."""
    east, west = ({"matchLabels": {"zone": zone}} for zone in ("east", "west"))
    pair = (peer("a", nodeSelectors=[east]), peer("b", nodeSelectors=[west]))
    apart = (Node(NodeName("n1"), {"zone": "east"}), Node(NodeName("n2"), {"zone": "west"}))
    told = [one.field for one in loaded(*pair, nodes=apart).warnings]
    assert told == ["spec", "spec"]
    together = (*pair[:1], peer("b", nodeSelectors=[west, east]))
    assert "spec.peerAddress" in [one.field for one in loaded(*together, nodes=apart).warnings]
    assert "spec.peerAddress" in [one.field for one in loaded(*together).warnings]


@pytest.mark.parametrize(("zone", "refused"), [("west", False), ("east", True)])
def test_two_preferences_are_refused_where_a_node_would_say_both(zone: str, refused: bool) -> None:
    adverts = [
        bgp(name, localPref=pref, nodeSelectors=[{"matchLabels": {"zone": where}}])
        for name, pref, where in (("a", 1, "east"), ("b", 2, zone))
    ]
    nodes = (Node(NodeName("n1"), {"zone": "east"}), Node(NodeName("n2"), {"zone": "west"}))
    assert bool(loaded(V4, *adverts, nodes=nodes).problems) is refused


def test_each_peer_is_told_of_one_clash_a_field() -> None:
    """A thousand on one node would clash half a million times, in each daemon, at each change."""
    many = [peer(f"r{number:02}", myASN=1 + number, routerID=f"10.0.0.{number}") for number in range(60)]
    told = [(one.ref.name, one.field) for one in loaded(*many).warnings]
    assert told[:1] == [("r00", "spec")]
    assert told[-4:] == [("r59", field) for field in ("spec", "spec.routerID", "spec.peerAddress", "spec.myASN")]
    assert len(told) == len(set(told)) == 1 + 59 * 4
