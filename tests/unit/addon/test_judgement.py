"""What a person is told about a range: each verdict of the installer, with the nearest good range."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from pylb.addon.facts import Facts, Held, Taken, Use
from pylb.addon.judgement import MAX_OBJECTIONS, Confirm, Fine, Flaw, Objection, Refuse, Trim, judge
from pylb.core.ranges import Range, parse

LAN = ip_network("192.168.1.0/24")
MAC = "b8:27:eb:00:00:7f"


def held(address: str, use: Use, name: str = "", mac: str = "") -> Held:
    return Held(ip_address(address), use, name, mac)


HOME = Facts(
    subnets=(LAN,),
    held=(
        held("192.168.1.1", Use.GATEWAY),
        held("192.168.1.20", Use.NODE, "pi1"),
        held("192.168.1.21", Use.NODE, "pi2"),
        held("192.168.1.99", Use.VIRTUAL, "kube-vip"),
        held("192.168.1.127", Use.NEIGHBOUR, mac=MAC),
        held("192.168.1.60", Use.EXTERNAL, "default/old"),
        held("192.168.1.230", Use.SERVICE, "default/web"),
        held("192.168.1.230", Use.NEIGHBOUR, mac="02:00:00:00:00:20"),
    ),
    taken=(
        Taken(parse("10.1.0.0/16"), "the pod network"),
        Taken(parse("10.152.183.0/24"), "the Service network"),
        Taken(parse("192.168.1.70-192.168.1.79"), "the pool metallb-system/mine"),
    ),
)
NOBODY = Facts()
DUAL = replace(HOME, subnets=(LAN, ip_network("fd00:1::/64")), held=(*HOME.held, held("fd00:1::20", Use.NODE, "pi1")))

GOOD = [
    ("192.168.1.240-192.168.1.250", HOME),
    ("192.168.1.200-229, 192.168.1.231-254", HOME),
    ("192.168.1.225-235", HOME),  # an address that a Service has is adopted, whoever answers for it
    ("192.168.1.0/24", NOBODY),  # nothing is known: nothing is said against it
    ("fd00:1::1000-fd00:1::10ff", DUAL),
]


@pytest.mark.parametrize(("typed", "facts"), GOOD)
def test_a_quiet_range_of_the_nodes_network_is_fine(typed: str, facts: Facts) -> None:
    assert isinstance(judge([typed], facts), Fine)


def test_network_and_broadcast_addresses_are_left_out() -> None:
    assert judge(["192.168.1.231-192.168.1.255"], HOME) == Trim(
        (parse("192.168.1.231-192.168.1.254"),), (ip_address("192.168.1.255"),)
    )
    quarter = Facts(subnets=(ip_network("10.0.0.64/26"),))
    assert judge(["10.0.0.64/26"], quarter) == Trim(
        (parse("10.0.0.65-10.0.0.126"),), (ip_address("10.0.0.64"), ip_address("10.0.0.127"))
    )
    verdict = judge(["192.168.1.255"], HOME)
    assert isinstance(verdict, Refuse)
    assert verdict.objections[0].flaw is Flaw.EMPTY


def test_addresses_that_end_in_0_and_255_are_ordinary_in_a_large_network() -> None:
    assert isinstance(judge(["10.0.5.0/24"], Facts(subnets=(ip_network("10.0.0.0/16"),))), Fine)


REFUSED = [  # typed, the flaw, words of the objection, the nearest good range
    ("192.168.1.1-192.168.1.9", Flaw.GATEWAY, "192.168.1.1 is the router", "192.168.1.2-192.168.1.10"),
    ("192.168.1.20", Flaw.NODE, "192.168.1.20 is the address of the node pi1", "192.168.1.19"),
    ("192.168.1.95-99", Flaw.VIRTUAL, "192.168.1.99 is an address of the control plane (kube-vip)", "192.168.1.94-98"),
    ("192.168.1.75-82", Flaw.TAKEN, "overlaps the pool metallb-system/mine (", "192.168.1.80-87"),
    ("10.1.4.0/24", Flaw.TAKEN, "10.1.4.0/24 overlaps the pod network (10.1.0.0/16)", "192.168.1.240-250"),
    ("10.152.183.9", Flaw.TAKEN, "the Service network", "192.168.1.240-250"),
    ("192.168.1.0/24", Flaw.GATEWAY, "the router", "192.168.1.240-250"),
    ("192.168.1.250-192.168.1.240", Flaw.UNREADABLE, "is after the end", "192.168.1.240-250"),
    ("192.168.1.219-210", Flaw.UNREADABLE, "is after the end", "192.168.1.210-219"),
    ("192.168.1.25-20", Flaw.UNREADABLE, "is after the end", "192.168.1.22-27"),
    ("house", Flaw.UNREADABLE, '"house" is not an IP address', "192.168.1.240-250"),
    ("", Flaw.UNREADABLE, "no range was given", "192.168.1.240-250"),
    ("127.0.0.1-127.0.0.9", Flaw.UNREADABLE, "loopback", "192.168.1.240-250"),
    ("239.1.1.0/28", Flaw.UNREADABLE, "multicast", "192.168.1.240-250"),
    ("fe80::/64", Flaw.UNREADABLE, "link-local", "192.168.1.240-250"),
    ("\x1b[2J\ud800", Flaw.UNREADABLE, "\\x1b[2J\\xd800", "192.168.1.240-250"),
]


@pytest.mark.parametrize(("typed", "flaw", "words", "instead"), REFUSED)
def test_what_is_refused_names_why_and_the_nearest_good_range(typed: str, flaw: Flaw, words: str, instead: str) -> None:
    verdict = judge([typed], HOME)
    assert isinstance(verdict, Refuse)
    assert verdict.objections[0].flaw is flaw
    assert words in verdict.objections[0].text
    assert verdict.instead == spelled(instead)


CONFIRMED = [
    ("192.168.1.120-129", Flaw.ANSWERS, f"192.168.1.127 is in use: {MAC} answers for it", "192.168.1.117-126"),
    ("192.168.1.60", Flaw.EXTERNAL, "192.168.1.60 is an external IP of the Service default/old", "192.168.1.59"),
    (
        "10.9.9.0/28",
        Flaw.OTHER_SUBNET,
        "10.9.9.0/28 is not of the nodes' network (192.168.1.0/24)",
        "192.168.1.240-250",
    ),
    ("fd00:2::/120", Flaw.OTHER_SUBNET, "not of the nodes' network", "192.168.1.240-250"),
]


@pytest.mark.parametrize(("typed", "flaw", "words", "instead"), CONFIRMED)
def test_what_may_be_wrong_is_to_be_confirmed(typed: str, flaw: Flaw, words: str, instead: str) -> None:
    verdict = judge([typed], HOME)
    assert isinstance(verdict, Confirm)
    assert [objection.flaw for objection in verdict.objections] == [flaw]
    assert words in verdict.objections[0].text
    assert verdict.spans == (spelled(typed),)
    assert verdict.instead == spelled(instead)


def spelled(text: str) -> Range:
    """A range in the short form, too."""
    first, dash, last = text.partition("-")
    return parse(f"{first}-{first.rpartition('.')[0]}.{last}" if dash and "." not in last else text, single=True)


def test_a_range_that_is_to_be_confirmed_can_lose_its_broadcast_address_too() -> None:
    verdict = judge(["192.168.1.250-192.168.2.5"], HOME)
    assert isinstance(verdict, Confirm)
    assert [str(span) for span in verdict.spans] == ["192.168.1.250-192.168.1.254", "192.168.2.0-192.168.2.5"]
    assert verdict.left_out == (ip_address("192.168.1.255"),)


def test_a_refusal_outweighs_a_doubt_and_many_are_summed_up() -> None:
    crowd = replace(HOME, held=(*HOME.held, *(held(f"192.168.1.{i}", Use.NODE, f"n{i}") for i in range(30, 50))))
    verdict = judge(["192.168.1.20-127"], crowd)
    assert isinstance(verdict, Refuse)
    assert len(verdict.objections) == MAX_OBJECTIONS
    assert verdict.objections[-1] == Objection(Flaw.NODE, "192.168.1.31 is the address of the node n31, and 20 more")


def test_names_from_the_cluster_cannot_steer_the_terminal() -> None:
    facts = Facts(subnets=(LAN,), held=(held("192.168.1.5", Use.NODE, "\x1b]0;evil\x07"),))
    verdict = judge(["192.168.1.5"], facts)
    assert isinstance(verdict, Refuse)
    assert "\x1b" not in verdict.objections[0].text
