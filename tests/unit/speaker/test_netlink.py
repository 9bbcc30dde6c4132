"""What the kernel's messages say of interfaces and addresses."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

import pytest

from pylb.speaker.errors import Flaw, WireError
from pylb.speaker.netlink import (
    GET_ADDRESSES,
    GET_LINKS,
    GET_ROUTES,
    AddressGone,
    AddressSeen,
    DumpEnd,
    LinkGone,
    LinkSeen,
    Message,
    RouteGone,
    RouteSeen,
    encode_dump,
    parse,
)

MAC = bytes.fromhex("02000a4d000b")
UP = 0x1 | 0x2 | 0x40
IPV4, IPV6, BRIDGE = 2, 10, 7  # address families


def message(kind: int, payload: bytes, flags: int = 0, sequence: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 0) + payload + b"\0" * (-len(payload) % 4)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def link(*attributes: bytes, kind: int = 16, index: int = 2, family: int = 0) -> bytes:
    return message(kind, struct.pack("=BxHiII", family, 1, index, UP, 0) + b"".join(attributes))


def address(*attributes: bytes, kind: int = 20, family: int = IPV4, prefix: int = 24) -> bytes:
    return message(kind, struct.pack("=BBBBI", family, prefix, 0, 0, 2) + b"".join(attributes))


def route(
    *attributes: bytes,
    kind: int = 24,
    flags: int = 0,
    family: int = IPV4,
    length: int = 0,
    table: int = 254,
    sort: int = 1,
    state: int = 0,
) -> bytes:
    head = struct.pack("=BBBBBBBBI", family, length, 0, 0, table, 4, 0, sort, state)
    return message(kind, head + b"".join(attributes), flags)


def hop(index: int, *attributes: bytes) -> bytes:
    rest = b"".join(attributes)
    return struct.pack("=HBBi", 8 + len(rest), 0, 0, index) + rest


ROUTER = IPv4Address("10.77.0.1")
BY_ETH0, GATEWAY = attribute(4, struct.pack("=I", 2)), attribute(5, ROUTER.packed)
METRIC = attribute(6, struct.pack("=I", 100))
NAME, HARDWARE = attribute(3, b"eth0\0"), attribute(1, MAC)
LOCAL, PEER = attribute(2, bytes([10, 77, 0, 11])), attribute(1, bytes([10, 77, 0, 12]))
LAN = IPv4Interface("10.77.0.11/24")


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (b"", ()),
        (link(NAME, HARDWARE), (LinkSeen(2, "eth0", MAC, UP, None),)),
        (link(NAME, HARDWARE, attribute(10, struct.pack("=I", 9))), (LinkSeen(2, "eth0", MAC, UP, 9),)),
        (link(NAME, HARDWARE, attribute(10, struct.pack("=I", 0))), (LinkSeen(2, "eth0", MAC, UP, None),)),
        (link(attribute(3, b"\xff\xfe\0"), HARDWARE), (LinkSeen(2, "��", MAC, UP, None),)),
        (link(NAME, attribute(0x8000 | 18, b"nested"), HARDWARE), (LinkSeen(2, "eth0", MAC, UP, None),)),
        (link(kind=17), (LinkGone(2),)),
        (link(NAME, kind=17, family=BRIDGE), ()),
        (link(NAME, HARDWARE, family=BRIDGE), ()),
        (link(NAME, attribute(11, b"wireless")), ()),
        (address(PEER, LOCAL), (AddressSeen(2, LAN),)),
        (address(attribute(1, LAN.packed)), (AddressSeen(2, LAN),)),
        (address(LOCAL, kind=21), (AddressGone(2, LAN),)),
        (
            address(attribute(1, IPv6Interface("fd77::b").packed), family=IPV6, prefix=64),
            (AddressSeen(2, IPv6Interface("fd77::b/64")),),
        ),
        (address(), ()),
        (address(LOCAL, family=5), ()),
        (message(3, struct.pack("=i", 0), 2, 41), (DumpEnd(41, True),)),
        (message(3, struct.pack("=i", 0), 0x12, 41), (DumpEnd(41, False),)),
        (message(2, struct.pack("=i", -16), 0, 41), (DumpEnd(41, False),)),
        (message(28, b"a neighbour"), ()),
        (route(BY_ETH0, GATEWAY), (RouteSeen(0, ((2, ROUTER),)),)),
        (route(BY_ETH0, GATEWAY, METRIC, flags=0x100), (RouteSeen(100, ((2, ROUTER),), True),)),
        (route(BY_ETH0, GATEWAY, METRIC, kind=25), (RouteGone(100, ((2, ROUTER),)),)),
        (route(attribute(9, hop(2, GATEWAY) + hop(3) + hop(4, GATEWAY))), (RouteSeen(0, ((2, ROUTER), (4, ROUTER))),)),
        (route(BY_ETH0, GATEWAY, attribute(15, struct.pack("=I", 254)), table=252), (RouteSeen(0, ((2, ROUTER),)),)),
        (route(BY_ETH0, GATEWAY, attribute(15, struct.pack("=I", 1000))), ()),  # another table
        (route(BY_ETH0, GATEWAY, table=255), ()),
        (route(BY_ETH0, GATEWAY, length=24), ()),  # to a network
        (route(BY_ETH0, GATEWAY, sort=7), ()),  # unreachable
        (route(BY_ETH0, GATEWAY, state=0x200), ()),  # out of the cache
        (route(BY_ETH0, GATEWAY, family=IPV6), ()),
        (route(BY_ETH0), ()),
        (route(GATEWAY), ()),
        (link(NAME, HARDWARE) + address(LOCAL), (LinkSeen(2, "eth0", MAC, UP, None), AddressSeen(2, LAN))),
    ],
    ids=str,
)
def test_what_a_datagram_says(datagram: bytes, expected: tuple[Message, ...]) -> None:
    assert parse(datagram) == expected


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"\0" * 15, Flaw.TOO_SHORT),
        (b"\0" * 16, Flaw.BAD_LENGTH),
        (link(NAME)[:-4], Flaw.BAD_LENGTH),
        (message(16, b"\0" * 15), Flaw.TOO_SHORT),
        (message(20, b"\0" * 7), Flaw.TOO_SHORT),
        (link(struct.pack("=HH", 3, 3)), Flaw.BAD_LENGTH),
        (link(struct.pack("=HH", 40, 3)), Flaw.BAD_LENGTH),
        (link(attribute(10, b"\1")), Flaw.BAD_LENGTH),
        (address(attribute(2, b"\1\2\3")), Flaw.BAD_LENGTH),
        (address(LOCAL, family=IPV6), Flaw.BAD_LENGTH),
        (address(LOCAL, prefix=33), Flaw.BAD_LENGTH),
        (message(24, b"\0" * 11), Flaw.TOO_SHORT),
        (route(attribute(4, b"\2"), GATEWAY), Flaw.BAD_LENGTH),
        (route(BY_ETH0, attribute(5, b"\1\2\3")), Flaw.BAD_LENGTH),
        (route(attribute(9, struct.pack("=HBBi", 7, 0, 0, 2))), Flaw.BAD_LENGTH),
        (route(attribute(9, struct.pack("=HBBi", 16, 0, 0, 2))), Flaw.BAD_LENGTH),
    ],
)
def test_a_datagram_that_cannot_be_read_has_its_reason(datagram: bytes, reason: Flaw) -> None:
    with pytest.raises(WireError) as caught:
        parse(datagram)
    assert caught.value.reason is reason


@pytest.mark.parametrize("kind", [GET_LINKS, GET_ADDRESSES, GET_ROUTES])
def test_a_dump_request_is_one_whole_message(kind: int) -> None:
    request = encode_dump(kind, 7)
    assert struct.unpack_from("=IHHII", request) == (len(request), kind, 0x301, 7, 0)
