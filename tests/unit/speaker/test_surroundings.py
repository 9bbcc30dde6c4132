"""Which links have beats: those of the cluster's address, and those on which an address is announced."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership import segment
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.speaker import surroundings
from pylb.speaker.links import Link

N1 = NodeName("n1")


def link(index: int, name: str, *addresses: str, up: bool = True) -> Link:
    mac = b"\2\0\0\0\0" + bytes([index])
    found = tuple(map(IPv4Interface, addresses))
    return Link(index, name, mac, up, up, broadcast=True, addresses=found, gateway=IPv4Address("10.0.0.254"))


LAN, MANAGEMENT, SECOND = (
    link(2, "eth0", "10.0.0.1/24"),
    link(3, "eth1", "172.16.0.1/24"),
    link(4, "eth2", "192.168.7.1/24", "192.168.7.2/24"),
)
ALL = (LAN, MANAGEMENT, SECOND)


def line(address: str, *names: str) -> Line:
    restricted = {N1: frozenset(names)} if names else {}
    return Line(IPv4Address(address), (), Verdict(ranking=(N1,), restricted=restricted))


@pytest.mark.parametrize(
    ("own", "lines", "names"),
    [
        (["10.0.0.1"], [], ["eth0"]),
        (["10.0.0.1"], [line("192.168.7.100")], ["eth0", "eth2"]),
        (["10.0.0.1"], [line("203.0.113.1", "eth1")], ["eth0", "eth1"]),
        (["10.0.0.1"], [line("192.168.7.100", "eth1")], ["eth0", "eth1"]),
        (["10.0.0.1"], [line("203.0.113.1")], ["eth0"]),
        (["fd00::1", "172.16.0.1"], [], ["eth1"]),
        ([], [], ["eth0", "eth1", "eth2"]),
    ],
    ids=["its own", "an address there", "asked for by name", "named elsewhere", "on no link", "another", "not known"],
)
def test_the_links_that_ownership_is_about(own: list[str], lines: list[Line], names: list[str]) -> None:
    found = surroundings.matters(ALL, list(map(ip_address, own)), iter(lines), N1)
    assert [one.name for one in found] == names


def test_of_two_links_with_one_subnet_the_first_counts_while_it_is_up() -> None:
    wifi = link(5, "wlan0", "10.0.0.7/24")
    own, lines = [ip_address("10.0.0.1")], [line("10.0.0.100")]
    assert surroundings.matters((LAN, wifi), own, lines, N1) == (LAN,)
    assert surroundings.matters((wifi,), own, lines, N1) == (wifi,)


def test_a_link_that_cannot_announce_is_none() -> None:
    down = link(2, "eth0", "10.0.0.1/24", up=False)
    assert surroundings.matters((down, link(5, "docker0", "10.0.0.1/24")), [ip_address("10.0.0.1")], [], N1) == ()


def test_a_link_that_is_down_is_away_and_one_that_never_announces_is_not() -> None:
    down = link(2, "eth0", "10.0.0.1/24", up=False)
    assert surroundings.away((down, link(5, "docker0", "10.0.0.1/24", up=False), SECOND)) == (down,)


def test_the_arbiter_knows_a_link_by_its_networks() -> None:
    network = IPv4Network("192.168.7.0/24")
    assert surroundings.as_core(SECOND) == segment.Link("eth2", SECOND.mac, (network,), IPv4Address("10.0.0.254"))
