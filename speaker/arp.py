"""ARP over Ethernet: which frame is answered, with which bytes, and how an address is announced.

Pure: bytes in, values out. It knows no socket, no clock, and not why an address is owned.
Frames are untagged Ethernet with a body as RFC 826 draws it; the offsets below count from the frame's first byte.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from types import MappingProxyType

from pylb.core.words import Word

FRAME_LENGTH = 42  # 14 bytes of Ethernet, 28 of ARP; padding may follow
ETHERTYPE_ARP = 0x0806
BROADCAST = b"\xff" * 6
UNSPECIFIED = b"\x00" * 6

# bytes 12 to 22: EtherType ARP, hardware Ethernet, protocol IPv4, lengths 6 and 4, operation (RFC 826)
_ETHERTYPE = b"\x08\x06"
_BODY = b"\x00\x01\x08\x00\x06\x04"
_REQUEST = _ETHERTYPE + _BODY + b"\x00\x01"
_REPLY = _ETHERTYPE + _BODY + b"\x00\x02"
_NO_ADDRESS = b"\x00" * 4


class DropReason(Word):
    """Why a frame is not answered; the value is a metric's label."""

    TOO_SHORT = "too_short"
    NOT_ARP = "not_arp"  # another EtherType, a VLAN tag among them
    NOT_IPV4 = "not_ipv4"  # ARP, but not for IPv4 over Ethernet
    NOT_REQUEST = "not_request"
    OTHER_DESTINATION = "other_destination"
    OWN_FRAME = "own_frame"
    NOT_OWNED = "not_owned"
    CLAIMED = "claimed"  # the sender names himself as the place of an address that is stood in for
    STALLED = "stalled"  # decided by the announcer, not by `classify`
    SEND_FAILED = "send_failed"  # likewise


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
Standing = Mapping[IPv4Address, bytes]  # addresses that others own, and the owners' MACs
NOBODY: Standing = MappingProxyType({})


def classify(frame: bytes, mac: bytes, owned: Container[IPv4Address], standing: Standing = NOBODY) -> Verdict:
    """What is done with a frame that the interface with `mac` received; raises nothing, whatever the bytes.

    Answered are requests to the broadcast address or to `mac` itself whose target is owned, as MetalLB does; the
    sender's address does not matter, so the probes of RFC 5227 (sender 0.0.0.0) are answered too. For what is stood in
    for, the answer names the owner's MAC and comes from ours, so no switch learns anything wrong; an announcement of it
    is not answered: whoever took it over would hear another's claim.
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
    owner = mac if address in owned else standing.get(address)
    if owner is None:
        return Drop(DropReason.NOT_OWNED)
    if address not in owned and frame[28:32] == target:
        return Drop(DropReason.CLAIMED)
    return Reply(address, b"".join((source, mac, _REPLY, owner, target, source, frame[28:32])))


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

    def __init__(self, mac: bytes, owned: Iterable[IPv4Address], standing: Standing = NOBODY) -> None:
        self._mac = mac
        self._destinations = (BROADCAST, mac)
        own = dict.fromkeys(owned, mac)
        self._by_target = {
            address.packed: (address, b"".join((mac, _REPLY, place, address.packed)), address not in own)
            for address, place in {**standing, **own}.items()
        }

    def answer(self, frame: bytes) -> tuple[IPv4Address, bytes] | None:
        """The address that a frame asks for, and the frame that answers; None where `classify` says Drop."""
        found = self._by_target.get(frame[38:42])
        if found is None or frame[12:22] != _REQUEST or frame[:6] not in self._destinations:
            return None
        source = frame[22:28]
        if source == self._mac or frame[6:12] == self._mac:
            return None
        address, middle, stood_in = found
        if stood_in and frame[28:32] == address.packed:
            return None
        return address, source + middle + frame[22:32]


def heard_claim(frame: bytes, mac: bytes, owned: Container[IPv4Address], standing: Standing = NOBODY) -> Claim | None:
    """The claim of another MAC to an owned address that a request or a reply carries (RFC 5227 section 2.4).

    Of an address that is stood in for, the owner's MAC is no claim, whoever names it.
    """
    if len(frame) < FRAME_LENGTH or frame[12:22] not in (_REQUEST, _REPLY):
        return None
    sender = frame[22:28]
    if sender == mac or frame[6:12] == mac:
        return None
    address = IPv4Address(frame[28:32])
    claimed = address in owned or standing.get(address, sender) != sender
    return Claim(address, sender) if claimed else None


def gratuitous(address: IPv4Address, mac: bytes, source: bytes = b"") -> tuple[bytes, bytes]:
    """(request, reply): the two announcements of `address` at `mac`, both broadcast, from `source` or `mac` itself.

    The request carries no target MAC, the reply the sender's own: these are the forms that Linux takes even for an
    entry younger than its locktime of 1 s; a reply with a broadcast target MAC is ignored then (measured).
    """
    ip = address.packed
    head = BROADCAST + (source or mac)
    return head + _REQUEST + mac + ip + UNSPECIFIED + ip, head + _REPLY + mac + ip + mac + ip


def request(target: IPv4Address, sender: IPv4Address, mac: bytes, to: bytes = BROADCAST) -> bytes:
    """The question who has `target`; a probe (RFC 5227 section 1.1) has the sender 0.0.0.0."""
    return to + mac + _REQUEST + mac + sender.packed + UNSPECIFIED + target.packed


@dataclass(frozen=True, slots=True)
class Heard:
    """Where an address is. `first_hand`: the frame came from that very MAC. `to_us`: it is a reply."""

    address: IPv4Address
    mac: bytes
    first_hand: bool
    to_us: bool


def hear(frame: bytes, mac: bytes) -> Heard | None:
    """What a frame says to the interface with `mac` about where an address is; None for its own frames and others.

    A request tells where its sender is. A probe (RFC 5227 section 1.1) tells nothing: whoever asks has not got it.
    """
    if len(frame) < FRAME_LENGTH or frame[12:22] not in (_REQUEST, _REPLY):
        return None
    sender = frame[22:28]
    if sender == mac or frame[6:12] == mac:
        return None
    is_reply = frame[12:22] == _REPLY
    place = frame[28:32]
    if place == _NO_ADDRESS:
        return None
    return Heard(IPv4Address(place), sender, frame[6:12] == sender, is_reply and frame[:6] == mac)


def format_mac(mac: bytes) -> str:
    """A MAC as people write it: `02:00:0a:4d:00:01`."""
    return mac.hex(":")
