"""ARP as bytes (RFC 826): a question for an address, and who answered it. Pure."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

BROADCAST = b"\xff" * 6
ETHER_ARP = 0x0806
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_ETHERNET, _IPV4, _REQUEST, _REPLY = 1, 0x0800, 1, 2
NOBODY = IPv4Address(0)  # an asker without an address changes nobody's table (RFC 5227, section 2.1.1)


def question(mac: bytes, address: IPv4Address) -> bytes:
    """Who has it? Asked by a MAC, as a frame."""
    return _FRAME.pack(
        BROADCAST, mac, ETHER_ARP, _ETHERNET, _IPV4, 6, 4, _REQUEST, mac, NOBODY.packed, bytes(6), address.packed
    )


def answer(frame: bytes, address: IPv4Address) -> str:
    """The MAC that says in a frame that it has the address; "" where the frame says something else."""
    if len(frame) < _FRAME.size:
        return ""
    _, _, ether, hardware, protocol, _, _, does, mac, source, _, _ = _FRAME.unpack_from(frame)
    if (ether, hardware, protocol, does, source) != (ETHER_ARP, _ETHERNET, _IPV4, _REPLY, address.packed):
        return ""
    return bytes(mac).hex(":")
