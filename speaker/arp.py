"""ARP over Ethernet: which frame is answered, with which bytes, and how an address is announced.

Pure: bytes in, values out. It knows no socket, no clock, and not why an address is owned.
Frames are untagged Ethernet with a body as RFC 826 draws it; the offsets below count from the frame's first byte.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

FRAME_LENGTH = 42  # 14 bytes of Ethernet, 28 of ARP; padding may follow
ETHERTYPE_ARP = 0x0806
BROADCAST = b"\xff" * 6
UNSPECIFIED = b"\x00" * 6

# bytes 12 to 22: EtherType ARP, hardware Ethernet, protocol IPv4, lengths 6 and 4, operation (RFC 826)
_ETHERTYPE = b"\x08\x06"
_BODY = b"\x00\x01\x08\x00\x06\x04"
_REQUEST = _ETHERTYPE + _BODY + b"\x00\x01"
_REPLY = _ETHERTYPE + _BODY + b"\x00\x02"


class DropReason(str, Enum):
    """Why a frame is not answered; the value is a metric's label."""

    TOO_SHORT = "too_short"
    NOT_ARP = "not_arp"  # another EtherType, a VLAN tag among them
    NOT_IPV4 = "not_ipv4"  # ARP, but not for IPv4 over Ethernet
    NOT_REQUEST = "not_request"
    OTHER_DESTINATION = "other_destination"
    OWN_FRAME = "own_frame"
    NOT_OWNED = "not_owned"
    STALLED = "stalled"  # decided by the announcer, not by `classify`
    SEND_FAILED = "send_failed"  # likewise

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Reply:
    """The frame that answers a request for `address`."""

    address: IPv4Address
    frame: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """The frame is not answered."""

    reason: DropReason


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody else says that an owned address is at his MAC."""

    address: IPv4Address
    mac: bytes


Verdict = Reply | Drop


def classify(frame: bytes, mac: bytes, owned: Container[IPv4Address]) -> Verdict:
    """What is done with a frame that the interface with `mac` received; raises nothing, whatever the bytes.

    Answered are requests to the broadcast address or to `mac` itself whose target is owned, as MetalLB does; the
    sender's address does not matter, so the probes of RFC 5227 (sender 0.0.0.0) are answered too.
    """
    if len(frame) < FRAME_LENGTH or frame[12:22] != _REQUEST:
        return Drop(_flaw(frame))
    destination, source = frame[:6], frame[22:28]
    if destination != BROADCAST and destination != mac:
        return Drop(DropReason.OTHER_DESTINATION)
    if source == mac or frame[6:12] == mac:
        return Drop(DropReason.OWN_FRAME)
    target = frame[38:42]
    address = IPv4Address(target)
    if address not in owned:
        return Drop(DropReason.NOT_OWNED)
    return Reply(address, b"".join((source, mac, _REPLY, mac, target, source, frame[28:32])))


def _flaw(frame: bytes) -> DropReason:
    if len(frame) < FRAME_LENGTH:
        return DropReason.TOO_SHORT
    if frame[12:14] != _ETHERTYPE:
        return DropReason.NOT_ARP
    if frame[14:20] != _BODY:
        return DropReason.NOT_IPV4
    return DropReason.NOT_REQUEST


class Templates:
    """The answers of one interface, prepared: `answer` says what `classify` says, in a quarter of the time.

    The sender of a request waits for it, and a prepared answer needs some slices and one look into a table.
    """

    def __init__(self, mac: bytes, owned: Iterable[IPv4Address]) -> None:
        self._mac = mac
        self._destinations = (BROADCAST, mac)
        self._by_target = {address.packed: (address, b"".join((mac, _REPLY, mac, address.packed))) for address in owned}

    def answer(self, frame: bytes) -> tuple[IPv4Address, bytes] | None:
        """The address that a frame asks for, and the frame that answers; None where `classify` says Drop."""
        found = self._by_target.get(frame[38:42])
        if found is None or frame[12:22] != _REQUEST or frame[:6] not in self._destinations:
            return None
        source = frame[22:28]
        if source == self._mac or frame[6:12] == self._mac:
            return None
        address, middle = found
        return address, source + middle + frame[22:32]


def heard_claim(frame: bytes, mac: bytes, owned: Container[IPv4Address]) -> Claim | None:
    """The claim of another MAC to an owned address that a request or a reply carries (RFC 5227 section 2.4)."""
    if len(frame) < FRAME_LENGTH or frame[12:22] not in (_REQUEST, _REPLY):
        return None
    sender = frame[22:28]
    if sender == mac or frame[6:12] == mac:
        return None
    address = IPv4Address(frame[28:32])
    return Claim(address, sender) if address in owned else None


def gratuitous(address: IPv4Address, mac: bytes) -> tuple[bytes, bytes]:
    """(request, reply): the two announcements of `address` at `mac`, both broadcast.

    The request carries no target MAC, the reply the sender's own: these are the forms that Linux takes even for an
    entry younger than its locktime of 1 s; a reply with a broadcast target MAC is ignored then (measured).
    """
    ip = address.packed
    head = BROADCAST + mac
    return head + _REQUEST + mac + ip + UNSPECIFIED + ip, head + _REPLY + mac + ip + mac + ip


def request(target: IPv4Address, sender: IPv4Address, mac: bytes) -> bytes:
    """The broadcast question who has `target`; a probe (RFC 5227 section 1.1) has the sender 0.0.0.0."""
    return BROADCAST + mac + _REQUEST + mac + sender.packed + UNSPECIFIED + target.packed


def format_mac(mac: bytes) -> str:
    """A MAC as people write it: `02:00:0a:4d:00:01`."""
    return mac.hex(":")
