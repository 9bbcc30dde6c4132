"""Where beats go on each link, and which link one came in on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.beats import Beat, State
from pylb.speaker.correspondents import MAX_NODES, Correspondents
from pylb.speaker.datagram import Telling, token
from pylb.speaker.links import Link

N1, N2, N3 = NodeName("n1"), NodeName("n2"), NodeName("n3")
LAN = Link(2, "eth0", b"\2\0\0\0\0\1", addresses=(IPv4Interface("10.0.0.1/24"), IPv4Interface("10.9.0.1/24")))
WIFI = Link(3, "wlan0", b"\2\0\0\0\0\2", addresses=(IPv4Interface("192.168.7.1/24"),))
PORT = 7946


def knowing() -> Correspondents:
    made = Correspondents(N1)
    made.expect({"10.0.0.2": N2, "10.0.0.3": N3}, PORT)
    made.take_links((LAN, WIFI))
    return made


def telling(node: NodeName, link: str, *addresses: str, macs: tuple[bytes, ...] = ()) -> Telling:
    return Telling(Beat(node, 1, 1, State.ACTIVE, link), None, macs, tuple(map(ip_address, addresses)))


def test_beats_go_to_the_addresses_that_the_cluster_names() -> None:
    one = knowing()
    assert one.peers("eth0") == (("10.0.0.2", PORT), ("10.0.0.3", PORT))
    assert (one.peers("wlan0"), one.peers("eth7")) == ((), ())


def test_on_another_link_they_go_to_what_a_node_tells_of_itself() -> None:
    one = knowing()
    assert one.learn(telling(N2, "wlp1", "fd00::2", "192.168.7.2"), "10.0.0.2") == "eth0"
    assert one.peers("wlan0") == (("192.168.7.2", PORT),)
    assert one.peers("eth0") == (("10.0.0.2", PORT), ("10.0.0.3", PORT)), "one address of each node"
    one.learn(telling(N2, "wlp1", "192.168.7.9"), "192.168.7.9")
    assert one.peers("wlan0") == (("192.168.7.9", PORT),), "it has another one now"


def test_of_many_addresses_those_that_beats_go_to_are_told_first() -> None:
    one = Correspondents(N1)
    six = replace(LAN, addresses=(*LAN.addresses, IPv6Interface("fd00::1/64")))
    one.take_links((six, WIFI))
    assert [address.version for address in one.own("eth0")] == [4, 4, 4, 6]


def test_what_a_node_tells_of_itself_is_known_of_all_its_links_and_is_another_object_once_it_changes() -> None:
    one = knowing()
    one.learn(telling(N2, "eth0", "10.0.0.2", "192.168.7.2"), "10.0.0.2")
    one.learn(telling(N2, "wlp1", "192.168.7.2", "10.0.0.2"), "192.168.7.2")
    told = one.told
    assert told == {N2: tuple(map(ip_address, ("10.0.0.2", "192.168.7.2")))}
    one.learn(telling(N2, "wlp1", "192.168.7.2", "10.0.0.2"), "192.168.7.2")
    one.expect({"10.0.0.2": N2, "10.0.0.3": N3}, PORT)
    assert one.told is told
    one.expect({"10.0.0.3": N3}, PORT)
    assert one.told == {}


def test_a_node_that_the_cluster_does_not_know_is_sent_nothing() -> None:
    one = knowing()
    one.learn(telling(NodeName("n9"), "eth0", "192.168.7.66", macs=(b"\2\0\0\0\0\x42",)), "192.168.7.66")
    assert one.peers("wlan0") == ()
    assert not one.knows(b"\2\0\0\0\0\x42")


def test_a_node_that_is_removed_is_forgotten() -> None:
    one = knowing()
    one.learn(telling(N2, "wlp1", "192.168.7.2", macs=(b"\2\0\0\0\0\7",)), "10.0.0.2")
    assert one.knows(b"\2\0\0\0\0\7")
    one.expect({"10.0.0.3": N3}, PORT)
    assert (one.peers("eth0"), one.peers("wlan0")) == ((("10.0.0.3", PORT),), ())
    assert not one.knows(b"\2\0\0\0\0\7")
    assert one.names == {token(N1): N1, token(N3): N3}


@pytest.mark.parametrize(
    ("source", "link"),
    [("10.0.0.2", "eth0"), ("10.9.0.77", "eth0"), ("192.168.7.2", "wlan0"), ("203.0.113.5", "eth0")],
)
def test_a_beat_came_in_on_the_link_whose_subnet_its_source_is_in(source: str, link: str) -> None:
    """And on the first one where it is in none: routed."""
    assert knowing().learn(telling(N2, "eth0"), source) == link


def test_without_a_link_nothing_comes_in_and_nothing_goes_out() -> None:
    one = knowing()
    one.take_links(())
    assert one.learn(telling(N2, "eth0"), "10.0.0.2") is None
    assert (one.peers("eth0"), one.own("eth0"), one.macs) == ((), (), ())


def test_what_is_told_of_this_node_itself() -> None:
    one = knowing()
    assert one.macs == (LAN.mac, WIFI.mac)
    assert [str(address) for address in one.own("eth0")] == ["10.0.0.1", "10.9.0.1", "192.168.7.1"]
    assert [str(address) for address in one.own("wlan0")] == ["192.168.7.1", "10.0.0.1", "10.9.0.1"]
    assert one.knows(WIFI.mac)
    assert not one.knows(b"\2\0\0\0\0\x63")


def test_ipv6_alone_is_no_place_to_send_to_so_far() -> None:
    one = knowing()
    one.expect({"fd00::2": N2}, PORT)
    assert one.peers("eth0") == ()


def test_the_nodes_are_bounded() -> None:
    one = knowing()
    one.expect({f"10.0.{n // 250}.{n % 250 + 2}": NodeName(f"m{n}") for n in range(MAX_NODES + 50)}, PORT)
    assert len(one.names) == MAX_NODES + 1
