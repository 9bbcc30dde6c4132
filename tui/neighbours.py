"""What the kernel knows of a neighbour and of the way to an address: rtnetlink messages as bytes and back. Pure.

Formats: linux/netlink.h, linux/rtnetlink.h, linux/neighbour.h. Whatever bytes come, an answer is read or left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from pylb.core.model import Address

AF_INET, AF_INET6 = 2, 10  # linux/socket.h
GET_NEIGHBOUR, NEW_NEIGHBOUR, GET_ROUTE, NEW_ROUTE = 30, 28, 26, 24
ERROR, DONE = 2, 3
REQUEST, DUMP = 0x01, 0x300  # NLM_F_REQUEST, NLM_F_ROOT | NLM_F_MATCH
INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, FAILED, NO_ARP, PERMANENT = (1 << bit for bit in range(8))  # NUD_*
CONFIRMED = REACHABLE | PERMANENT
HELD = STALE | DELAY | PROBE  # it answered some time ago
LOCAL, UNICAST = 2, 1  # RTN_*
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # family, interface, state, flags, type
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, lengths, tos, table, protocol, scope, type, flags
_ATTRIBUTE = struct.Struct("=HH")
_NEIGHBOUR_IP, _NEIGHBOUR_MAC = 1, 2  # NDA_DST, NDA_LLADDR
_TO, _OUT, _GATEWAY, _VIA = 1, 4, 5, 18  # RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_VIA
_MAC = 6  # bytes


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of the kernel's neighbour table; `mac` is "" while nobody answered."""

    address: Address
    interface: int
    state: int
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """The way to an address: out of which interface, through which router ("" on the link), and whether it is ours."""

    interface: int
    gateway: str = ""
    local: bool = False


def ask_neighbours(address: Address) -> bytes:
    """The request for all neighbours of an address's family."""
    body = _NEIGHBOUR.pack(_family(address), 0, 0, 0, 0)
    return _HEADER.pack(_HEADER.size + len(body), GET_NEIGHBOUR, REQUEST | DUMP, 1, 0) + body


def ask_route(address: Address) -> bytes:
    """The request for the way to an address."""
    packed = address.packed
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _TO) + packed
    body = _ROUTE.pack(_family(address), len(packed) * 8, 0, 0, 0, 0, 0, 0, 0) + attribute
    return _HEADER.pack(_HEADER.size + len(body), GET_ROUTE, REQUEST, 1, 0) + body


def read(data: bytes) -> Iterator[Neighbour | Route]:
    """The neighbours and routes in an answer."""
    for kind, body in messages(data):
        found = _neighbour(body) if kind == NEW_NEIGHBOUR else _route(body) if kind == NEW_ROUTE else None
        if found is not None:
            yield found


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, body) of each message in a datagram."""
    while len(data) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            return
        yield kind, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def _family(address: Address) -> int:
    return AF_INET if address.version == 4 else AF_INET6


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            return
        yield kind & 0x3FFF, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]


def _neighbour(body: bytes) -> Neighbour | None:
    if len(body) < _NEIGHBOUR.size:
        return None
    _, interface, state, _, _ = _NEIGHBOUR.unpack_from(body)
    found = dict(_attributes(body[_NEIGHBOUR.size :]))
    address, mac = _address(found.get(_NEIGHBOUR_IP, b"")), found.get(_NEIGHBOUR_MAC, b"")
    if address is None:
        return None
    return Neighbour(address, interface, state, mac.hex(":") if len(mac) == _MAC else "")


def _route(body: bytes) -> Route | None:
    if len(body) < _ROUTE.size:
        return None
    kind = _ROUTE.unpack_from(body)[7]
    found = dict(_attributes(body[_ROUTE.size :]))
    out, via = found.get(_OUT, b""), found.get(_VIA, b"")
    gateway = _address(found.get(_GATEWAY, b"")) or _address(via[2:])
    if len(out) != 4 or kind not in (LOCAL, UNICAST):
        return None
    return Route(struct.unpack("=i", out)[0], str(gateway) if gateway is not None else "", kind == LOCAL)


def _address(packed: bytes) -> Address | None:
    return ip_address(packed) if len(packed) in (4, 16) else None
