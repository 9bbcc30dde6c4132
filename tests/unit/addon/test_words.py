"""What people type as the range, in the forms in which MicroK8s passes it on."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.addon.words import EXAMPLE, MAX_TEXT, entry, read
from pylb.core.errors import ParseError
from pylb.core.ranges import Range, parse


def behind_colon(text: str) -> list[str]:
    """What `microk8s enable pylb:TEXT` passes on: TEXT cut at each colon."""
    return text.split(":")


READ = [
    (["192.168.1.240-192.168.1.250"], ["192.168.1.240-192.168.1.250"]),
    (["192.168.1.240/28"], ["192.168.1.240/28"]),
    (["192.168.1.77/24"], ["192.168.1.0/24"]),
    (["192.168.1.240"], ["192.168.1.240/32"]),
    (["fd00::5"], ["fd00::5/128"]),
    (["192.168.88.201-255"], ["192.168.88.201-192.168.88.255"]),
    (["192.168.88.201", "-", "255"], ["192.168.88.201-192.168.88.255"]),
    (["10.0.0.1", "-", "10.0.0.9"], ["10.0.0.1-10.0.0.9"]),
    (["10.0.0.1 - 10.0.0.9"], ["10.0.0.1-10.0.0.9"]),
    (["10.0.0.1\u201310.0.0.9"], ["10.0.0.1-10.0.0.9"]),
    (["10.0.0.1-10.0.0.9,10.0.1.0/28"], ["10.0.0.1-10.0.0.9", "10.0.1.0/28"]),
    (["10.0.0.1-10.0.0.9,", "10.0.1.0/28"], ["10.0.0.1-10.0.0.9", "10.0.1.0/28"]),
    (["10.0.0.1-10.0.0.9", "10.0.1.0/28", "fd00::/120"], ["10.0.0.1-10.0.0.9", "10.0.1.0/28", "fd00::/120"]),
    (["10.0.0.1-3,10.0.0.7-9"], ["10.0.0.1-10.0.0.3", "10.0.0.7-10.0.0.9"]),
    (["fd00::10-fd00::20"], ["fd00::10-fd00::20"]),
    (behind_colon("10.0.0.1-10.0.0.9"), ["10.0.0.1-10.0.0.9"]),
    (behind_colon("fd00::10-fd00::20"), ["fd00::10-fd00::20"]),
    (behind_colon("2001:db8:0:1::/64"), ["2001:db8:0:1::/64"]),
    (behind_colon("10.0.0.1-10.0.0.9,fd00::10-fd00::20"), ["10.0.0.1-10.0.0.9", "fd00::10-fd00::20"]),
    (behind_colon("fd00::10-fd00::20,10.0.0.1-10.0.0.9"), ["fd00::10-fd00::20", "10.0.0.1-10.0.0.9"]),
]


@pytest.mark.parametrize(("words", "entries"), READ)
def test_all_forms_are_read(words: list[str], entries: list[str]) -> None:
    assert [entry(span) for span in read(words)] == entries


REFUSED = [
    ([], "no range was given"),
    ([""], "no range was given"),
    ([" , "], "no range was given"),
    (["house"], '"house" is not an IP address'),
    (["10.0.0.300-10.999.0.1"], '"10.0.0.300" is not an IP address'),
    (["10.0.0.9-10.0.0.1"], 'start IP "10.0.0.9" is after the end IP "10.0.0.1"'),
    (["10.0.0.200-100"], 'start IP "10.0.0.200" is after the end IP "10.0.0.100"'),
    (["10.0.0.1-fd00::1"], "different families"),
    (["10.0.0.0/33"], '"10.0.0.0/33" is not a CIDR'),
    (["10.0.0.1-10.0.0.9,10.0.0.5"], "overlaps"),
    (["fe80::1%eth0"], "names an interface"),
    (["127.0.0.1-127.0.0.9"], "loopback"),
    (["0.0.0.0/0"], "this network"),
    (["169.254.1.0/24"], "link-local"),
    (["223.255.255.0-224.0.0.9"], "multicast"),
    (["255.255.255.255"], "reserved"),
    (["::1"], "loopback"),
    (["fe80::/64"], "link-local"),
    (["ff02::/16"], "multicast"),
    (behind_colon("fd00::10-fd00::zz"), '"fd00::10-fd00::zz"'),
    (["10.0.0.1-10.0.0.9", "20"], '"20" is not an IP address'),
    (["fd00::1-fd00::5", "6"], '"6" is not an IP address'),
    (["10.0.0.1," * 500], f"more than {MAX_TEXT} characters"),
]


@pytest.mark.parametrize(("words", "why"), REFUSED)
def test_bad_input_is_refused_with_its_reason(words: list[str], why: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(words)
    assert why in str(caught.value)


def test_the_example_that_people_are_shown_is_valid() -> None:
    assert [str(span) for span in read([EXAMPLE])] == [EXAMPLE]


IPV4 = st.integers(0x0A000000, 0x0AFFFFFF).map(IPv4Address)  # 10.0.0.0/8
IPV6 = st.integers(0xFD << 120, (0xFE << 120) - 1).map(IPv6Address)  # fd00::/8
SPANS = st.one_of(
    st.tuples(IPV4, IPV4).map(lambda p: Range(min(p), max(p))),
    st.tuples(IPV6, IPV6).map(lambda p: Range(min(p), max(p))),
)


@given(span=SPANS)
def test_what_is_read_is_what_was_meant_in_both_forms(span: Range) -> None:
    text = f"{span.first}-{span.last}"
    assert read([text]) == read(behind_colon(text)) == (span,)


@given(span=SPANS)
def test_an_entry_of_a_pool_says_the_same_range(span: Range) -> None:
    """MetalLB's own rules refuse a bare address in a pool; what we write must not be one."""
    assert parse(entry(span)) == span


@given(words=st.lists(st.text(alphabet="0123456789abcdef.:-/, %\u2013xyz", max_size=24), max_size=6))
def test_any_words_are_read_or_refused_in_one_way(words: list[str]) -> None:
    try:
        spans = read(words)
    except ParseError:
        return
    assert spans
    assert all(parse(entry(span)) == span for span in spans)
