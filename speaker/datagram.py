"""The second format of the heartbeat: what a speaker tells of one link, in the fields of the first format. Pure.

A datagram of this format is one of the first (`speaker.beat`: head, fields, tag) with fields that its readers pass over.
So a speaker that knows the first alone hears this one too, in an upgrade and in a rollback, and nothing is sent twice:
it reads of the state whether the sender takes part, and it knows the fields 1 and 2. No field may ever change its
meaning. A datagram without the field 3 is of the first format: a beat that lists nothing and names nobody.

    1 the Ethernet addresses of all of the sender's links (6)*
    2 nothing: the sender goes by what is valid of an invalid configuration
    3 state 1 | flags 1 (1: its witness answers, 2: an Ethernet address follows, 4: who hears it is asked to answer)
      | Ethernet address 0 or 6 | link's name
    4 its addresses, those on that link first: (IP version 1 | address 4 or 16)*
    5 whom it hears: (SHA-256 of the node's name, cut to 8 | incarnation 8 | sequence 8)*
    6 what it answers for: digest 8 | pages of the list, as a power of two, 1 | (index 2 | length 2 | page)*
    7 whom it watched and lost: (SHA-256 of the node's name, cut to 8 | incarnation 8 | sequence 8 | verdict 1)*

The state in the head is the nearest one of the first format: who drains or restarts leaves, for such a reader.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from itertools import islice

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import Ack, Beat, Loss, State
from pylb.core.ownership.circle import MAX_LOSSES
from pylb.core.ownership.evidence import Verdict
from pylb.speaker import beat as frame
from pylb.speaker.claimlist import PAGE_HEAD_BYTES, Listing, Page
from pylb.speaker.claimpage import DIGEST_BYTES, MAX_BITS, PAGE_BYTES
from pylb.speaker.errors import Flaw, WireError
from pylb.speaker.keyring import Key

MAC_BYTES = 6
MAX_MACS = 16  # Ethernet addresses that a beat tells
MAX_ADDRESSES = 8  # of its own
MAX_LINK_BYTES = 15  # IFNAMSIZ of linux/if.h, less the NUL
MAX_ACKS = 32  # in one datagram
ACK_BYTES = 24
LOSS_BYTES = 25
TOKEN_BYTES = 8  # of a node's name
HEAD_BYTES = 30  # of the first format, without the name
FIELD_HEAD_BYTES = 3

_MACS, _PARTIAL, _SELF, _ADDRESSES, _ACKS, _LIST, _LOST = range(1, 8)
_WITNESSED, _HAS_MAC, _ASKS = 1, 2, 4
_ACK = struct.Struct("!8sQQ")
_LOSS = struct.Struct("!8sQQB")
_VERDICTS = (Verdict.OPEN, Verdict.SERVES, Verdict.STOPPED, Verdict.MUTE, Verdict.GONE)
_PAGE = struct.Struct("!HH")
_STATES = {1: State.JOINING, 2: State.ACTIVE, 3: State.LEAVING, 4: State.RESTARTING, 5: State.DRAINING}
_NUMBERS = {state: number for number, state in _STATES.items()}


class Format(IntEnum):
    """What a speaker knows to say."""

    ONE = 1  # that it lives
    TWO = 2  # also what it answers for, and whom it hears


@dataclass(frozen=True, slots=True)
class Telling:
    """What one datagram tells: a beat, of whose claims it has but some pages; the claims of `beat` itself are empty.

    `macs` are those of all of the sender's links, `addresses` where it hears beats, those on this one first. Without a
    `listing` it is of the first format, and its `beat` has the state and the sender's first Ethernet address alone.
    """

    beat: Beat
    listing: Listing | None
    macs: tuple[bytes, ...] = ()
    addresses: tuple[Address, ...] = ()
    partial: bool = False  # the sender goes by what is valid of an invalid configuration

    @property
    def format(self) -> Format:
        """The newest format that its sender is known to speak."""
        return Format.ONE if self.listing is None else Format.TWO


def token(node: NodeName) -> bytes:
    """What stands for a node's name where there is no room for it."""
    return hashlib.sha256(node.encode()).digest()[:TOKEN_BYTES]


def room(telling: Telling) -> int:
    """The bytes that are left for acks and pages beside the rest of what it tells, where it has at least one of each."""
    head = HEAD_BYTES + len(telling.beat.node) + frame.TAG_BYTES
    fields = sum(FIELD_HEAD_BYTES + len(value) for _, value in _write_about(telling))
    return frame.MAX_BYTES - head - fields - 2 * FIELD_HEAD_BYTES - DIGEST_BYTES - 1


def encode(telling: Telling, key: Key) -> bytes:
    """The signed datagram; ValueError where a value does not fit, since that is the caller's mistake."""
    beat, fields = telling.beat, [*_write_about(telling)]
    if beat.acks:
        fields.append((_ACKS, b"".join(_write_ack(node, ack) for node, ack in beat.acks.items())))
    if telling.listing is not None:
        fields.append((_LIST, _write_listing(telling.listing)))
    nearest = frame.State.__members__.get(beat.state.name, frame.State.LEAVING)
    told = frame.Beat(key.cluster, beat.node, nearest, beat.incarnation, beat.sequence, tuple(fields))
    return frame.encode(told, key.signing)


def _write_about(telling: Telling) -> Iterator[tuple[int, bytes]]:
    """The fields that are in each datagram of a turn."""
    beat, link = telling.beat, telling.beat.link.encode("utf-8", "surrogateescape")
    if len(telling.macs) > MAX_MACS or len(telling.addresses) > MAX_ADDRESSES or len(link) > MAX_LINK_BYTES:
        raise ValueError(f"too many addresses, or {beat.link!r} is too long")
    if any(len(mac) != MAC_BYTES for mac in (*telling.macs, beat.mac or bytes(MAC_BYTES))):
        raise ValueError(f"an Ethernet address has {MAC_BYTES} bytes")
    if telling.macs:
        yield _MACS, b"".join(telling.macs)
    if telling.partial:
        yield _PARTIAL, b""
    if telling.listing is not None:
        flags = beat.witnessed * _WITNESSED + bool(beat.mac) * _HAS_MAC + beat.asks * _ASKS
        yield _SELF, bytes([_NUMBERS[beat.state], flags]) + beat.mac + link
    if telling.addresses:
        yield _ADDRESSES, b"".join(bytes([address.version]) + address.packed for address in telling.addresses)
    if beat.lost:
        yield _LOST, b"".join(_write_loss(node, loss) for node, loss in islice(beat.lost.items(), MAX_LOSSES))


def _write_ack(node: NodeName, ack: Ack) -> bytes:
    try:
        return _ACK.pack(token(node), ack.incarnation, ack.sequence)
    except struct.error as error:
        raise ValueError(f"a number of an ack is out of range: {error}") from None


def _write_loss(node: NodeName, loss: Loss) -> bytes:
    try:
        return _LOSS.pack(token(node), loss.incarnation, loss.sequence, _VERDICTS.index(loss.verdict))
    except (struct.error, ValueError) as error:
        raise ValueError(f"a loss has no form: {error}") from None


def _write_listing(listing: Listing) -> bytes:
    if len(listing.digest) != DIGEST_BYTES or not 0 <= listing.bits <= MAX_BITS:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes, and a list up to 2**{MAX_BITS} pages")
    pages = b"".join(_PAGE.pack(index, len(page)) + page for index, page in listing.pages)
    return listing.digest + bytes([listing.bits]) + pages


def decode(datagram: bytes, key: Key, names: Mapping[bytes, NodeName]) -> Telling:
    """What a datagram of either format tells; WireError for anything that a holder of `key` did not make like this.

    `names` has the nodes that may be named as heard, by their `token`; those of others are passed over.
    """
    told = frame.decode(datagram, key.signing)
    if told.cluster != key.cluster:
        raise WireError(Flaw.OTHER_KEY)
    fields = dict(told.fields)
    macs = tuple(_cut(fields.get(_MACS, b""), MAC_BYTES))[:MAX_MACS]
    node, partial = NodeName(told.node), _PARTIAL in fields
    if _SELF not in fields:
        beat = Beat(node, told.incarnation, told.sequence, _STATES[told.state], mac=macs[0] if macs else b"")
        return Telling(beat, None, macs, partial=partial)
    state, flags, mac, link = _read_self(fields[_SELF])
    acks = dict(_read_acks(fields.get(_ACKS, b""), names))
    lost = dict(_read_losses(fields.get(_LOST, b""), names))
    beat = Beat(node, told.incarnation, told.sequence, state, link, mac, acks=acks, lost=lost)
    beat = replace(beat, witnessed=bool(flags & _WITNESSED), asks=bool(flags & _ASKS))
    addresses = tuple(_read_addresses(fields.get(_ADDRESSES, b"")))[:MAX_ADDRESSES]
    return Telling(beat, _read_listing(fields.get(_LIST, b"")), macs, addresses, partial)


def _cut(value: bytes, size: int) -> Iterable[bytes]:
    """A field's items, which are all of one size."""
    if len(value) % size:
        raise WireError(Flaw.BAD_LENGTH)
    return (value[at : at + size] for at in range(0, len(value), size))


def _read_self(value: bytes) -> tuple[State, int, bytes, str]:
    if len(value) < 2:
        raise WireError(Flaw.BAD_LENGTH)
    state, flags = _STATES.get(value[0]), value[1]
    if state is None:
        raise WireError(Flaw.BAD_STATE)
    at = 2 + (MAC_BYTES if flags & _HAS_MAC else 0)
    if not at <= len(value) <= at + MAX_LINK_BYTES:
        raise WireError(Flaw.BAD_LENGTH)
    return state, flags, value[2:at], value[at:].decode("utf-8", "surrogateescape")


def _read_acks(value: bytes, names: Mapping[bytes, NodeName]) -> Iterator[tuple[NodeName, Ack]]:
    for item in _cut(value, ACK_BYTES):
        who, incarnation, sequence = _ACK.unpack(item)
        if who in names:
            yield names[who], Ack(incarnation, sequence)


def _read_losses(value: bytes, names: Mapping[bytes, NodeName]) -> Iterator[tuple[NodeName, Loss]]:
    for item in _cut(value, LOSS_BYTES):
        who, incarnation, sequence, verdict = _LOSS.unpack(item)
        if who in names:  # what a later version calls it is none of these
            yield names[who], Loss(incarnation, sequence, _VERDICTS[verdict if verdict < len(_VERDICTS) else 0])


def _read_addresses(value: bytes) -> Iterator[Address]:
    at = 0
    while at < len(value):  # ends: each step is at least 5 bytes long
        kind, size = (IPv4Address, 4) if value[at] == 4 else (IPv6Address, 16)
        if value[at] not in (4, 6) or at + 1 + size > len(value):
            raise WireError(Flaw.BAD_LENGTH)
        yield kind(value[at + 1 : at + 1 + size])
        at += 1 + size


def _read_listing(value: bytes) -> Listing:
    if len(value) <= DIGEST_BYTES:
        raise WireError(Flaw.BAD_LENGTH)
    bits = value[DIGEST_BYTES]
    if bits > MAX_BITS:
        raise WireError(Flaw.BAD_LIST)
    return Listing(value[:DIGEST_BYTES], bits, tuple(_read_pages(value, bits)))


def _read_pages(value: bytes, bits: int) -> Iterator[Page]:
    at = DIGEST_BYTES + 1
    while at < len(value):  # ends: each step is at least as long as a page's head
        if at + PAGE_HEAD_BYTES > len(value):
            raise WireError(Flaw.BAD_LENGTH)
        index, length = _PAGE.unpack_from(value, at)
        at += PAGE_HEAD_BYTES
        if at + length > len(value):
            raise WireError(Flaw.BAD_LENGTH)
        if length > PAGE_BYTES or index >> bits:
            raise WireError(Flaw.BAD_LIST)
        yield index, value[at : at + length]
        at += length
