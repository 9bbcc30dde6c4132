"""Which interfaces announce, and which of them one address."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface, ip_address

import pytest

from pylb.core.errors import ParseError
from pylb.core.reasons import Reason
from pylb.speaker.links import (
    MAX_ADDRESSES,
    MAX_GATEWAYS,
    MAX_LINKS,
    Choice,
    LeftOut,
    Link,
    Table,
    Unusable,
    exclusion,
    interfaces_for,
    usable,
)
from pylb.speaker.netlink import AddressGone, AddressSeen, LinkGone, LinkSeen, RouteGone, RouteSeen

MAC = bytes.fromhex("02000a4d000b")
LAN = IPv4Interface("10.77.0.11/24")
ETH0 = Link(2, "eth0", MAC, up=True, running=True, broadcast=True, addresses=(LAN, IPv6Interface("fd77::b/64")))
WLAN0 = Link(3, "wlan0", MAC, up=True, running=True, broadcast=True, addresses=(IPv4Interface("192.168.1.7/24"),))
FLAGS = 0x1 | 0x2 | 0x40


def test_a_plain_interface_is_usable() -> None:
    assert usable([ETH0]).usable == (ETH0,)
    assert usable([ETH0]).left_out == ()


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (replace(ETH0, up=False, running=False), Unusable.DOWN),
        (replace(ETH0, running=False), Unusable.NO_CARRIER),
        (replace(ETH0, master=7), Unusable.ENSLAVED),
        (replace(ETH0, noarp=True), Unusable.NO_ARP),
        (replace(ETH0, broadcast=False), Unusable.NO_BROADCAST),
        (replace(ETH0, mac=b""), Unusable.NOT_ETHERNET),
        (replace(ETH0, mac=b"\x01" * 20), Unusable.NOT_ETHERNET),
        (replace(ETH0, name="lo"), Unusable.EXCLUDED),
    ],
)
def test_an_interface_is_left_out_with_its_reason(link: Link, reason: Unusable) -> None:
    assert usable([link]).left_out == (LeftOut(link, reason),)
    assert reason.text


@pytest.mark.parametrize(
    "name",
    [
        "docker0",
        "cbr0",
        "dummy0",
        "virbr0",
        "lxcbr0",
        "veth12ab",
        "lo",
        "cali0123",
        "tunl0",
        "flannel.1",
        "kube-ipvs0",
        "cni0",
        "nodelocaldns",
        "lxc0a",
    ],
)
def test_metallbs_exclusions(name: str) -> None:
    assert usable([replace(ETH0, name=name)]).usable == ()


@pytest.mark.parametrize("name", ["eth0", "enp3s0", "wlan0", "br0", "bond0", "lo0", "mydocker0", "eno1.5", "local"])
def test_other_names_are_not_excluded(name: str) -> None:
    assert len(usable([replace(ETH0, name=name)]).usable) == 1


def test_own_exclusions_replace_metallbs() -> None:
    names = ("docker0", "eth0")
    selection = usable([replace(ETH0, name=name) for name in names], exclusion(["^eth0$"]))
    assert [link.name for link in selection.usable] == ["docker0"]
    assert len(usable([replace(ETH0, name=name) for name in names], exclusion([])).usable) == 2


def test_a_broken_exclusion_is_named() -> None:
    with pytest.raises(ParseError, match=r"'\^eth\('"):
        exclusion(["^lo$", "^eth("])


@pytest.mark.parametrize(
    ("address", "names", "choice"),
    [
        ("10.77.0.100", None, Choice((ETH0,))),
        ("192.168.1.240", None, Choice((WLAN0,))),
        ("fd77::100", None, Choice((ETH0,))),
        ("10.99.0.1", None, Choice((), Reason.NO_INTERFACE)),
        ("10.99.0.1", frozenset({"wlan0"}), Choice((WLAN0,))),
        ("10.77.0.100", frozenset({"wlan0", "eth0"}), Choice((ETH0, WLAN0))),
        ("10.77.0.100", frozenset({"eth9"}), Choice((), Reason.NO_INTERFACE)),
        ("10.77.0.100", frozenset(), Choice((), Reason.NO_INTERFACE)),
    ],
)
def test_an_address_goes_where_its_subnet_is_or_where_it_was_told_to(
    address: str, names: frozenset[str] | None, choice: Choice
) -> None:
    assert interfaces_for(ip_address(address), (ETH0, WLAN0), names) == choice


def test_of_two_cards_on_one_lan_the_first_one_has_the_address() -> None:
    """With both it would have two MACs there; whoever names both gets both."""
    cable, wifi = ETH0, replace(WLAN0, addresses=ETH0.addresses)
    wide = replace(WLAN0, addresses=(IPv4Interface("10.77.0.9/16"),))
    address = ip_address("10.77.0.100")
    assert interfaces_for(address, (cable, wifi), None) == Choice((cable,))
    assert interfaces_for(address, (wifi,), None) == Choice((wifi,))
    assert interfaces_for(address, (cable, wifi), frozenset({"eth0", "wlan0"})) == Choice((cable, wifi))
    assert interfaces_for(address, (cable, wide), None) == Choice((cable, wide)), "that is another network"


def table(*messages: LinkSeen | LinkGone | AddressSeen | AddressGone) -> tuple[Link, ...]:
    known = Table()
    for message in messages:
        known.apply(message)
    return known.links()


SEEN = LinkSeen(2, "eth0", MAC, FLAGS, None)


def test_the_table_holds_what_the_messages_tell() -> None:
    plain = replace(ETH0, addresses=(LAN,))
    assert table(SEEN, AddressSeen(2, LAN)) == (plain,)
    assert table(AddressSeen(2, LAN), SEEN) == (plain,)
    assert table(SEEN, AddressSeen(2, LAN), AddressSeen(2, LAN)) == (plain,)
    assert table(SEEN, AddressSeen(2, LAN), AddressGone(2, LAN), AddressGone(2, LAN)) == (replace(ETH0, addresses=()),)
    assert table(SEEN, AddressSeen(2, LAN), LinkGone(2), LinkGone(2), AddressGone(2, LAN)) == ()
    assert table(AddressSeen(2, LAN)) == ()
    assert table(SEEN, AddressSeen(2, LAN), replace(SEEN, flags=FLAGS | 0x80, master=5)) == (
        replace(plain, noarp=True, master=5),
    )
    assert table(SEEN, replace(SEEN, flags=0)) == (Link(2, "eth0", MAC),)


def test_the_table_is_bounded() -> None:
    known = Table()
    for index in range(MAX_LINKS + 5):
        known.apply(replace(SEEN, index=index + 1))
    for last in range(MAX_ADDRESSES + 5):
        known.apply(AddressSeen(1, IPv4Interface((0x0A000000 + last, 8))))
    links = known.links()
    assert len(links) == MAX_LINKS
    assert len(links[0].addresses) == MAX_ADDRESSES


ROUTER, OTHER_ROUTER = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.2")


def routed() -> Table:
    table = Table()
    for index, name in ((2, "eth0"), (3, "wlan0")):
        table.apply(LinkSeen(index, name, MAC, FLAGS, None))
        table.apply(AddressSeen(index, LAN))
    table.apply(RouteSeen(100, ((2, ROUTER),)))
    return table


def gateways(table: Table) -> list[IPv4Address | None]:
    return [link.gateway for link in table.links()]


def test_a_link_has_the_gateway_of_its_lowest_metric() -> None:
    table = routed()
    assert gateways(table) == [ROUTER, None]
    table.apply(RouteSeen(200, ((2, OTHER_ROUTER), (3, OTHER_ROUTER))))
    assert gateways(table) == [ROUTER, OTHER_ROUTER]
    table.apply(RouteGone(100, ((2, ROUTER),)))
    assert gateways(table) == [OTHER_ROUTER, OTHER_ROUTER]


def test_a_route_that_replaces_takes_the_place_of_the_same_metric_on_any_link() -> None:
    table = routed()
    table.apply(RouteSeen(200, ((3, ROUTER),)))
    table.apply(RouteSeen(100, ((3, OTHER_ROUTER),), replaces=True))
    assert gateways(table) == [None, OTHER_ROUTER]
    table.apply(RouteGone(100, ((3, OTHER_ROUTER),)))
    assert gateways(table) == [None, ROUTER]


@pytest.mark.parametrize("message", [LinkGone(2), LinkSeen(2, "eth0", MAC, FLAGS & ~1, None)], ids=["gone", "down"])
def test_a_link_that_ends_takes_its_gateway_along(message: LinkGone | LinkSeen) -> None:
    table = routed()
    table.apply(message)
    table.apply(LinkSeen(2, "eth0", MAC, FLAGS, None))
    assert gateways(table) == [None, None]


def test_an_address_that_goes_puts_the_gateway_of_its_link_in_doubt() -> None:
    """The kernel drops routes with a link's last address, or with the one that they prefer, and tells nobody."""
    table = routed()
    table.apply(AddressGone(3, LAN))
    assert not table.doubts_gateways
    table.apply(AddressGone(2, LAN))
    assert table.doubts_gateways
    assert gateways(table) == [ROUTER, None]
    table.forget_gateways()
    assert not table.doubts_gateways
    assert gateways(table) == [None, None]


def test_more_gateways_than_a_node_can_have_are_ignored() -> None:
    table = routed()
    for last in range(2 * MAX_GATEWAYS):
        table.apply(RouteSeen(last, ((3, IPv4Address(0x0A4D0000 + last)),)))
    assert len(table._gateways) == MAX_GATEWAYS
