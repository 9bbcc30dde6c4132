"""Route netlink, as much of it as interfaces, their addresses and gateways need: what to ask for, and what it says.

Pure: bytes in, messages out (rtnetlink(7), netlink(7)). It opens no socket and keeps no table of links.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

from pylb.speaker.errors import Flaw, WireError

Interface = IPv4Interface | IPv6Interface

GROUPS = 0x1 | 0x10 | 0x40 | 0x100  # RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR
GET_LINKS, GET_ADDRESSES, GET_ROUTES = 18, 22, 26  # RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE

_ERROR, _DONE = 2, 3
_NEW_LINK, _DEL_LINK, _NEW_ADDRESS, _DEL_ADDRESS, _NEW_ROUTE, _DEL_ROUTE = 16, 17, 20, 21, 24, 25
_REQUEST_DUMP = 0x1 | 0x300  # NLM_F_REQUEST | NLM_F_DUMP
_DUMP_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR
_REPLACE = 0x100  # NLM_F_REPLACE
_UNSPEC, _INET, _INET6 = 0, 2, 10
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MASTER, _IFLA_WIRELESS = 1, 3, 10, 11
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE = 4, 5, 6, 9, 15
_MAIN_TABLE, _UNICAST, _CLONED = 254, 1, 0x200  # RT_TABLE_MAIN, RTN_UNICAST, RTM_F_CLONED
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change mask
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ROUTE = struct.Struct(
    "=BBBBBBBBI"
)  # family, lengths of destination and source, tos, table, protocol, scope, type, flags
_NEXT_HOP = struct.Struct("=HBBi")  # length, flags, weight, index
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_INDEX = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """An interface is there, with these properties."""

    index: int
    name: str
    mac: bytes
    flags: int  # IFF_…
    master: int | None


@dataclass(frozen=True, slots=True)
class LinkGone:
    """An interface is there no more."""

    index: int


@dataclass(frozen=True, slots=True)
class AddressSeen:
    """An interface has an address."""

    index: int
    interface: Interface


@dataclass(frozen=True, slots=True)
class AddressGone:
    """An interface has an address no more."""

    index: int
    interface: Interface


Hops = tuple[tuple[int, IPv4Address], ...]
"""The indices of interfaces, each with the gateway that is reached by it."""


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """There is a default route of IPv4 in the main table; `replaces`: in the place of another of the same metric."""

    metric: int
    hops: Hops
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class RouteGone:
    """There is that default route no more."""

    metric: int
    hops: Hops


@dataclass(frozen=True, slots=True)
class DumpEnd:
    """The dump of that sequence number is over; `complete` is False if it must be asked for again."""

    sequence: int
    complete: bool


Message = LinkSeen | LinkGone | AddressSeen | AddressGone | RouteSeen | RouteGone | DumpEnd


def encode_dump(kind: int, sequence: int) -> bytes:
    """The request for all links (GET_LINKS), all addresses (GET_ADDRESSES) or all routes of IPv4 (GET_ROUTES)."""
    body = {
        GET_LINKS: _LINK.pack(_UNSPEC, 0, 0, 0, 0),
        GET_ADDRESSES: _ADDRESS.pack(_UNSPEC, 0, 0, 0, 0),
        GET_ROUTES: _ROUTE.pack(_INET, 0, 0, 0, 0, 0, 0, 0, 0),
    }[kind]
    return _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, sequence, 0) + body


def parse(datagram: bytes) -> tuple[Message, ...]:
    """The messages of one datagram, those that say nothing of our matters left out; raises WireError alone."""
    found: list[Message] = []
    at = 0
    while at < len(datagram):  # ends: a message is at least as long as its header
        if at + _HEADER.size > len(datagram):
            raise WireError(Flaw.TOO_SHORT)
        length, kind, flags, sequence, _ = _HEADER.unpack_from(datagram, at)
        if length < _HEADER.size or at + length > len(datagram):
            raise WireError(Flaw.BAD_LENGTH)
        message = _read(kind, flags, sequence, datagram[at + _HEADER.size : at + length])
        if message is not None:
            found.append(message)
        at += _align(length)
    return tuple(found)


def _read(kind: int, flags: int, sequence: int, payload: bytes) -> Message | None:
    if kind in (_NEW_LINK, _DEL_LINK):
        return _read_link(kind, payload)
    if kind in (_NEW_ADDRESS, _DEL_ADDRESS):
        return _read_address(kind, payload)
    if kind in (_NEW_ROUTE, _DEL_ROUTE):
        return _read_route(kind, flags, payload)
    if kind == _DONE:
        return DumpEnd(sequence, complete=not flags & _DUMP_INTERRUPTED)
    if kind == _ERROR:
        return DumpEnd(sequence, complete=False)
    return None


def _read_link(kind: int, payload: bytes) -> Message | None:
    if len(payload) < _LINK.size:
        raise WireError(Flaw.TOO_SHORT)
    family, _, index, flags, _ = _LINK.unpack_from(payload)
    attributes = dict(_attributes(payload[_LINK.size :]))
    # A bridge tells of its ports under its own family ("gone" is: gone from the bridge), and the wireless extensions send
    # a stub without MAC and master: neither describes the link.
    if family != _UNSPEC or _IFLA_WIRELESS in attributes:
        return None
    if kind == _DEL_LINK:
        return LinkGone(index)
    name = attributes.get(_IFLA_IFNAME, b"").split(b"\0", 1)[0].decode("utf-8", "replace")
    return LinkSeen(index, name, attributes.get(_IFLA_ADDRESS, b""), flags, _read_master(attributes))


def _read_master(attributes: dict[int, bytes]) -> int | None:
    return _read_number(attributes, _IFLA_MASTER) or None


def _read_number(attributes: dict[int, bytes], kind: int, otherwise: int = 0) -> int:
    raw = attributes.get(kind)
    if raw is None:
        return otherwise
    if len(raw) != _INDEX.size:
        raise WireError(Flaw.BAD_LENGTH)
    number: int = _INDEX.unpack(raw)[0]
    return number


def _read_address(kind: int, payload: bytes) -> Message | None:
    if len(payload) < _ADDRESS.size:
        raise WireError(Flaw.TOO_SHORT)
    family, prefix, _, _, index = _ADDRESS.unpack_from(payload)
    attributes = dict(_attributes(payload[_ADDRESS.size :]))
    raw = attributes.get(_IFA_LOCAL) or attributes.get(
        _IFA_ADDRESS
    )  # on a point-to-point link the latter is the peer's
    if family not in (_INET, _INET6) or raw is None:
        return None
    if len(raw) != (4 if family == _INET else 16) or prefix > 8 * len(raw):
        raise WireError(Flaw.BAD_LENGTH)
    interface: Interface = IPv4Interface((raw, prefix)) if family == _INET else IPv6Interface((raw, prefix))
    return AddressSeen(index, interface) if kind == _NEW_ADDRESS else AddressGone(index, interface)


def _read_route(kind: int, flags: int, payload: bytes) -> Message | None:
    if len(payload) < _ROUTE.size:
        raise WireError(Flaw.TOO_SHORT)
    family, length, _, _, table, _, _, sort, route_flags = _ROUTE.unpack_from(payload)
    if (
        family != _INET or length or sort != _UNICAST or route_flags & _CLONED
    ):  # before the rest: there may be thousands
        return None
    attributes = dict(_attributes(payload[_ROUTE.size :]))
    hops = _read_hops(attributes)
    if _read_number(attributes, _RTA_TABLE, table) != _MAIN_TABLE or not hops:
        return None
    metric = _read_number(attributes, _RTA_PRIORITY)
    return RouteSeen(metric, hops, bool(flags & _REPLACE)) if kind == _NEW_ROUTE else RouteGone(metric, hops)


def _read_hops(attributes: dict[int, bytes]) -> Hops:
    """Where a route leads by a gateway: one hop as a rule, more if it has several ways."""
    found = [_read_hop(_read_number(attributes, _RTA_OIF), attributes)]
    several = attributes.get(_RTA_MULTIPATH, b"")
    at = 0
    while at + _NEXT_HOP.size <= len(several):  # ends: a hop is at least as long as its head
        length, _, _, index = _NEXT_HOP.unpack_from(several, at)
        if length < _NEXT_HOP.size or at + length > len(several):
            raise WireError(Flaw.BAD_LENGTH)
        found.append(_read_hop(index, dict(_attributes(several[at + _NEXT_HOP.size : at + length]))))
        at += _align(length)
    return tuple(hop for hop in found if hop is not None)


def _read_hop(index: int, attributes: dict[int, bytes]) -> tuple[int, IPv4Address] | None:
    raw = attributes.get(_RTA_GATEWAY)
    if raw is None or not index:
        return None
    if len(raw) != 4:
        raise WireError(Flaw.BAD_LENGTH)
    return index, IPv4Address(raw)


def _attributes(payload: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(payload):  # ends: an attribute is at least as long as its head
        length, kind = _ATTRIBUTE.unpack_from(payload, at)
        if length < _ATTRIBUTE.size or at + length > len(payload):
            raise WireError(Flaw.BAD_LENGTH)
        yield kind & _TYPE_MASK, payload[at + _ATTRIBUTE.size : at + length]
        at += _align(length)


def _align(length: int) -> int:
    return (length + 3) & ~3  # NLMSG_ALIGN and RTA_ALIGN: both 4
