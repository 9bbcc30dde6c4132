"""What a range of addresses may look like, and what is said about one that is wrong."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest

from pylb.core import ranges
from pylb.core.errors import ParseError


@pytest.mark.parametrize(
    ("text", "first", "last", "shown"),
    [
        ("192.168.2.128/25", "192.168.2.128", "192.168.2.255", "192.168.2.128/25"),
        ("192.168.2.130/25", "192.168.2.128", "192.168.2.255", "192.168.2.128/25"),  # host bits are masked off
        ("10.10.95.200-10.10.95.250", "10.10.95.200", "10.10.95.250", "10.10.95.200-10.10.95.250"),
        (" 10.0.0.1 - 10.0.0.1 ", "10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("10.0.0.0-10.0.0.255", "10.0.0.0", "10.0.0.255", "10.0.0.0/24"),
        ("fc00:f853:0ccd:e799::/124", "fc00:f853:ccd:e799::", "fc00:f853:ccd:e799::f", "fc00:f853:ccd:e799::/124"),
        ("10.0.0.5/32", "10.0.0.5", "10.0.0.5", "10.0.0.5"),
    ],
)
def test_reads_what_metallb_reads(text: str, first: str, last: str, shown: str) -> None:
    span = ranges.parse(text)
    assert (str(span.first), str(span.last), str(span)) == (first, last, shown)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.0.0.9-10.0.0.2", 'start IP "10.0.0.9" is after the end IP "10.0.0.2"'),
        ("10.0.0.1-2001::1", "different families"),
        ("10.0.0.300-10.999.0.1", '"10.0.0.300" is not an IP address'),
        ("10.0.0.1", "write 10.0.0.1/32"),
        ("10.0.0.1/33", "is not a CIDR"),
        ("fe80::1%eth0", "names an interface"),
        ("fe80::%eth0/64", "is not a CIDR"),
        ("", "is not a range"),
        ("x" * 300, "is not"),
        ("10.0.0.0/24-10.0.1.0", "is not an IP address"),
        (
            "::ffff:192.168.1.0/120",
            '"::ffff:192.168.1.0/120" is a range of IPv4 addresses written as IPv6: write 192.168.1.0/24',
        ),
        ("::ffff:c0a8:101-::ffff:c0a8:109", '"::ffff:c0a8:101" is an IPv4 address written as IPv6: write 192.168.1.1'),
    ],
)
def test_names_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ParseError, match=re.escape(says)):
        ranges.parse(text)


def test_a_huge_range_is_two_numbers() -> None:
    span = ranges.parse("2001:db8::/32")
    assert span.size == 2**96
    assert str(next(span.addresses())) == "2001:db8::"
    assert ip_address("2001:db8:ffff::1") in span
    assert ip_address("10.0.0.1") not in span
    assert "10.0.0.1" not in span


@pytest.mark.parametrize(
    ("text", "count"),
    [("10.0.0.0/24", 2), ("10.0.0.0/23", 4), ("10.0.0.1-10.0.0.254", 0), ("10.0.0.240/28", 1), ("fd00::/120", 0)],
)
def test_counts_addresses_that_old_routers_mistake(text: str, count: int) -> None:
    span = ranges.parse(text)
    assert ranges.count_buggy(span) == count == sum(map(ranges.is_buggy, span.addresses()))


def test_a_typed_list_takes_commas_blanks_and_bare_addresses() -> None:
    found = ranges.parse_list("192.168.1.240 - 192.168.1.250, 192.168.1.5  10.0.0.0/30")
    assert [str(span) for span in found] == ["192.168.1.240-192.168.1.250", "192.168.1.5", "10.0.0.0/30"]


@pytest.mark.parametrize("text", ["", " , ", "10.0.0.1-10.0.0.5,10.0.0.5", "10.0.0.0/24 and more"])
def test_a_typed_list_is_refused_whole(text: str) -> None:
    with pytest.raises(ParseError):
        ranges.parse_list(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.0.0.0/32", "it is of 0.0.0.0/8, this network"),
        ("0.0.0.0/0", "it holds addresses of 0.0.0.0/8"),
        ("126.255.255.255-127.0.0.0", "it holds addresses of 127.0.0.0/8, loopback"),
        ("127.0.0.1/32", "it is of 127.0.0.0/8"),
        ("169.254.10.0/24", "link-local, which hosts take for themselves and no router forwards"),
        ("223.255.255.255-224.0.0.0", "multicast"),
        ("255.255.255.255/32", "the broadcast address"),
        ("::/0", "the unspecified address"),
        ("::1-::2", "loopback"),
        ("::fffe:0:0/95", "IPv4 written as IPv6, which the API server refuses"),
        ("fe80::/64", "link-local"),
        ("fd00::-ff00::", "it holds addresses of fe80::/10"),
        ("ff02::/16", "multicast"),
    ],
)
def test_what_no_service_can_have_is_named_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ParseError, match=re.escape(says)) as caught:
        ranges.require_possible(ranges.parse(text))
    assert "name free addresses of the nodes' own network, such as 192.168.1.240" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("1.0.0.0-126.255.255.255", "128.0.0.0-169.253.255.255", "169.255.0.0-223.255.255.255"),
        "240.0.0.0-255.255.255.254",  # what Linux can route, somebody may use
        *("::2-::ffff", "64:ff9b::/96", "2001:db8::/32", "fc00::/7"),
    ],
)
def test_all_else_is_some_networks(text: str) -> None:
    ranges.require_possible(ranges.parse(text))


@pytest.mark.parametrize(
    ("text", "left_out", "kept"),
    [
        ("10.0.0.0/30", [], ["10.0.0.0/30"]),
        ("10.0.0.0/30", ["10.0.1.1", "fd00::1"], ["10.0.0.0/30"]),
        ("10.0.0.0/30", ["10.0.0.0"], ["10.0.0.1-10.0.0.3"]),
        ("10.0.0.0/30", ["10.0.0.3", "10.0.0.1"], ["10.0.0.0", "10.0.0.2"]),
        ("10.0.0.1/32", ["10.0.0.1"], []),
        ("255.255.255.254-255.255.255.255", ["255.255.255.255"], ["255.255.255.254"]),
        ("fd00::/126", ["fd00::1"], ["fd00::", "fd00::2/127"]),
    ],
)
def test_leaves_addresses_out(text: str, left_out: list[str], kept: list[str]) -> None:
    assert [str(span) for span in ranges.without(ranges.parse(text), map(ip_address, left_out))] == kept
