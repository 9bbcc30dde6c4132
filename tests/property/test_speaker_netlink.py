"""Netlink: any bytes are messages or one error, and the table survives any of them."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from pylb.speaker.errors import WireError
from pylb.speaker.links import Table, usable
from pylb.speaker.netlink import DumpEnd, LinkGone, LinkSeen, parse

attribute = st.builds(  # one in three tells a wrong length
    lambda kind, value, off: struct.pack("=HH", 4 + len(value) + off, kind) + value + b"\0" * (-len(value) % 4),
    st.sampled_from((1, 2, 3, 4, 5, 6, 9, 10, 11, 15, 18)),
    st.binary(max_size=20),
    st.sampled_from((0, 0, 0, 0, -4, 4)),
)
attributes = st.lists(attribute, max_size=6).map(b"".join)
bodies = st.builds(lambda head, rest: head + rest, st.binary(min_size=8, max_size=16), attributes)
links = st.builds(
    lambda family, index, flags, rest: struct.pack("=BxHiII", family, 1, index, flags, 0) + rest,
    st.sampled_from((0, 0, 7)),
    st.integers(1, 3),
    st.integers(0, 0xFF),
    attributes,
)
routes = st.builds(
    lambda family, length, table, ways: struct.pack("=BBBBBBBBI", family, length, 0, 0, table, 0, 0, 1, 0) + ways,
    st.sampled_from((2, 2, 2, 10)),
    st.sampled_from((0, 0, 24)),
    st.sampled_from((254, 254, 255)),
    attributes,
)
messages = st.builds(
    lambda kind, flags, body: (
        struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body + b"\0" * (-len(body) % 4)
    ),
    st.sampled_from((2, 3, 16, 17, 20, 21, 24, 25, 28)),
    st.integers(0, 0xFFFF),
    st.one_of(bodies, links, routes, st.binary(max_size=40)),
)
datagrams = st.one_of(
    st.binary(max_size=100),
    st.lists(messages, max_size=5).map(b"".join),
    st.builds(lambda each, cut: each[:-cut], messages, st.integers(1, 20)),
)


@given(st.lists(datagrams, max_size=6))
def test_any_bytes_leave_a_table_that_can_be_used(each: list[bytes]) -> None:
    table = Table()
    for datagram in each:
        try:
            found = parse(datagram)
        except WireError:
            continue
        for message in found:
            table.apply(message)
    selection = usable(table.links())
    assert len(selection.usable) + len(selection.left_out) == len(table.links())


@given(st.lists(links))
def test_well_formed_links_are_seen_or_left_out_never_an_error_of_another_kind(each: list[bytes]) -> None:
    datagram = b"".join(struct.pack("=IHHII", 16 + len(body), 16, 0, 0, 0) + body for body in each)
    try:
        found = parse(datagram)
    except WireError:
        return
    assert len(found) <= len(each)
    assert not any(isinstance(message, (LinkGone, DumpEnd)) for message in found)
    assert all(isinstance(message, LinkSeen) for message in found)
