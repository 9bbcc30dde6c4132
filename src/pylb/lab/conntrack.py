"""Forgets UDP flows that the kernel still sends to an endpoint that is gone, as kube-proxy does.

The kernel asks the rules about the first packet of a flow only, and a UDP flow has no end; a client that keeps its port
would talk to nobody for ever. The codec is pure (linux/netfilter/nfnetlink_conntrack.h); `forget` makes the socket.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pylb.lab import namespaces

NETLINK_NETFILTER = 12
GET, DELETE = 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_…
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY = 1, 2
CTA_IP, CTA_PROTO = 1, 2
CTA_IP_V4_SRC, CTA_IP_V4_DST = 1, 2
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
TYPE_MASK = 0x3FFF  # without the flags "nested" and "network byte order"
RECEIVE = 1 << 16
FLOWS_MAX = 100_000  # looked at in one go


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow in the kernel's table; `raw` is the attribute by which it is deleted."""

    protocol: int
    destination: str
    port: int
    answered_by: str
    raw: bytes


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each netlink attribute; what is cut short ends the list."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if not 4 <= length <= len(data):
            return
        yield kind & TYPE_MASK, data[4:length]
        data = data[(length + 3) & ~3 :]


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each netlink message."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if not 16 <= length <= len(data):
            return
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def flow(content: bytes) -> Flow | None:
    """The IPv4 flow of a conntrack message; None if it is another."""
    parts = dict(attributes(content[4:]))  # after nfgenmsg
    try:
        original = _tuple(parts[CTA_TUPLE_ORIG])
        reply = _tuple(parts[CTA_TUPLE_REPLY])
        protocol = original[1][CTA_PROTO_NUM][0]
        port = int.from_bytes(original[1][CTA_PROTO_DST_PORT], "big")
        destination = socket.inet_ntoa(original[0][CTA_IP_V4_DST])
        return Flow(protocol, destination, port, socket.inet_ntoa(reply[0][CTA_IP_V4_SRC]), parts[CTA_TUPLE_ORIG])
    except (KeyError, OSError, IndexError):
        return None


def _tuple(data: bytes) -> tuple[dict[int, bytes], dict[int, bytes]]:
    parts = dict(attributes(data))
    return dict(attributes(parts[CTA_IP])), dict(attributes(parts[CTA_PROTO]))


def request(kind: int, flags: int, content: bytes = b"") -> bytes:
    """A request about IPv4 flows."""
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + content
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def deletion(gone: Flow) -> bytes:
    """The request that deletes a flow."""
    nested = CTA_TUPLE_ORIG | 0x8000
    return request(DELETE, NLM_F_ACK, struct.pack("=HH", 4 + len(gone.raw), nested) + gone.raw)


def stale(flows: Iterable[Flow], wanted: dict[tuple[str, int], frozenset[str]]) -> list[Flow]:
    """The UDP flows to one of our (address, port) that end at none of its endpoints."""
    ours = (each for each in flows if each.protocol == socket.IPPROTO_UDP)
    return [
        each for each in ours if each.answered_by not in wanted.get((each.destination, each.port), {each.answered_by})
    ]


def forget(namespace: str, wanted: dict[tuple[str, int], frozenset[str]]) -> int:
    """Delete a node's stale flows; how many there were."""
    return namespaces.inside(namespace, _forget(wanted))


def _forget(wanted: dict[tuple[str, int], frozenset[str]]) -> Callable[[], int]:
    def act() -> int:
        with contextlib.closing(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)) as link:
            link.settimeout(1.0)
            gone = stale(_flows(link), wanted)
            for each in gone:
                link.send(deletion(each))
                link.recv(RECEIVE)  # the acknowledgement, or that it ended by itself
            return len(gone)

    return act


def _flows(link: socket.socket) -> list[Flow]:
    link.send(request(GET, NLM_F_DUMP))
    found: list[Flow] = []
    while len(found) < FLOWS_MAX:
        for kind, content in messages(link.recv(RECEIVE)):
            if kind == NLMSG_DONE:
                return found
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("=i", content)[0]
                raise OSError(code, os.strerror(code))
            each = flow(content)
            if each is not None:
                found.append(each)
    return found
