"""The heartbeat datagram: how a speaker tells the others that it lives, in bytes that only holders of the key can make.

Pure: it signs and checks. Whether a beat is fresh, and what it means, is decided in core.

    magic "PLB" 3 | version 1 | cluster 8 | state 1 | incarnation 8 | sequence 8 | name length 1 | name
    | fields: (type 1, length 2, value)* | tag 16                                             (all big-endian)

The tag is HMAC-SHA256 (RFC 2104) over everything before it, cut to 128 bits (RFC 4868 cuts it there too). Readers skip
fields of a type that they do not know, so a later version may add some without a new version number.
"""

from __future__ import annotations

import hmac
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from pylb.speaker.errors import Flaw, WireError

MAGIC = b"PLB"
VERSION = 1
CLUSTER_BYTES = 8
TAG_BYTES = 16
MAX_NAME_BYTES = 253  # a DNS-1123 subdomain, what Kubernetes lets a node be called
MAX_BYTES = 1400  # below every usual MTU less IP, UDP and tunnel headers: never a fragment

_HEAD = struct.Struct("!3sB8sBQQB")
_FIELD = struct.Struct("!BH")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class State(IntEnum):
    """What a speaker says of itself."""

    JOINING = 1
    ACTIVE = 2
    LEAVING = 3


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat. `incarnation` is drawn anew at each start, `sequence` grows with each beat; both have 64 bits."""

    cluster: bytes
    node: str
    state: State
    incarnation: int
    sequence: int
    fields: tuple[tuple[int, bytes], ...] = ()  # (type, value): what versions add to each other


def encode(beat: Beat, key: bytes) -> bytes:
    """The signed datagram; ValueError where a value does not fit, since that is the caller's mistake."""
    if len(beat.cluster) != CLUSTER_BYTES:
        raise ValueError(f"a cluster id has {CLUSTER_BYTES} bytes, not {len(beat.cluster)}")
    if not is_name(beat.node):
        raise ValueError(f"{beat.node!r} is no node name")
    name = beat.node.encode()
    try:
        head = _HEAD.pack(MAGIC, VERSION, beat.cluster, beat.state, beat.incarnation, beat.sequence, len(name))
        tail = b"".join(_FIELD.pack(kind, len(value)) + value for kind, value in beat.fields)
    except struct.error as error:
        raise ValueError(f"a number of the beat is out of range: {error}") from None
    body = head + name + tail
    if len(body) + TAG_BYTES > MAX_BYTES:
        raise ValueError(f"a beat has at most {MAX_BYTES} bytes, not {len(body) + TAG_BYTES}")
    return body + _tag(body, key)


def glance(datagram: bytes) -> tuple[bytes, bool]:
    """What a datagram says, before anybody checked it: its cluster id, and whether its sender answers for addresses.

    WireError for what is no beat at all.
    """
    _check_frame(datagram)
    _, _, cluster, state, _, _, _ = _HEAD.unpack_from(datagram)
    return cluster, state != State.JOINING


def decode(datagram: bytes, key: bytes) -> Beat:
    """The beat that a datagram carries; WireError for anything that a holder of `key` did not make like this."""
    _check_frame(datagram)
    body = datagram[:-TAG_BYTES]
    if not hmac.compare_digest(_tag(body, key), datagram[-TAG_BYTES:]):
        raise WireError(Flaw.BAD_TAG)
    _, _, cluster, state, incarnation, sequence, name_length = _HEAD.unpack_from(body)
    end = _HEAD.size + name_length
    if end > len(body):
        raise WireError(Flaw.BAD_LENGTH)
    try:
        known = State(state)
    except ValueError:
        raise WireError(Flaw.BAD_STATE) from None
    name = body[_HEAD.size : end].decode("ascii", "replace")
    if not is_name(name):
        raise WireError(Flaw.BAD_NAME)
    return Beat(cluster, name, known, incarnation, sequence, tuple(_read_fields(body, end)))


def _check_frame(datagram: bytes) -> None:
    if len(datagram) < _HEAD.size + 1 + TAG_BYTES:
        raise WireError(Flaw.TOO_SHORT)
    if len(datagram) > MAX_BYTES:
        raise WireError(Flaw.TOO_LONG)
    if not datagram.startswith(MAGIC):
        raise WireError(Flaw.NOT_OURS)
    if datagram[len(MAGIC)] != VERSION:
        raise WireError(Flaw.OTHER_VERSION)


def _read_fields(body: bytes, at: int) -> Iterable[tuple[int, bytes]]:
    while at < len(body):  # ends: each step is at least as long as a field's head
        if at + _FIELD.size > len(body):
            raise WireError(Flaw.BAD_LENGTH)
        kind, length = _FIELD.unpack_from(body, at)
        at += _FIELD.size
        if at + length > len(body):
            raise WireError(Flaw.BAD_LENGTH)
        yield kind, body[at : at + length]
        at += length


def is_name(name: str) -> bool:
    """Whether Kubernetes lets a node be called that (a DNS-1123 subdomain)."""
    return len(name) <= MAX_NAME_BYTES and _NAME.fullmatch(name) is not None


def _tag(body: bytes, key: bytes) -> bytes:
    if not key:
        raise ValueError("the key of the beats is empty: anybody could sign")
    return hmac.digest(key, body, "sha256")[:TAG_BYTES]
