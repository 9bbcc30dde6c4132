"""The heartbeat's bytes, and the reason for each datagram that is refused."""

from __future__ import annotations

import hmac

import pytest

from pylb.speaker.beat import MAX_BYTES, Beat, State, decode, encode
from pylb.speaker.errors import Flaw, WireError

KEY = b"k" * 32
CLUSTER = bytes(range(8))
BEAT = Beat(CLUSTER, "n1", State.ACTIVE, 0x1122334455667788, 7)


def signed(body: bytes, key: bytes = KEY) -> bytes:
    return body + hmac.digest(key, body, "sha256")[:16]


def body(version: int = 1, state: int = 2, name: bytes = b"n1", length: int | None = None, tail: bytes = b"") -> bytes:
    head = b"PLB" + bytes([version]) + CLUSTER + bytes([state]) + (0).to_bytes(8, "big") + (7).to_bytes(8, "big")
    return head + bytes([len(name) if length is None else length]) + name + tail


def test_the_layout_is_pinned() -> None:
    datagram = encode(BEAT, KEY)
    numbers = bytes.fromhex("1122334455667788 0000000000000007")
    assert datagram[:-16] == b"PLB\x01" + CLUSTER + b"\x02" + numbers + b"\x02" + b"n1"
    assert datagram == signed(datagram[:-16])


def test_fields_that_nobody_knows_are_carried_and_do_not_disturb() -> None:
    beat = Beat(CLUSTER, "n1", State.JOINING, 1, 2, ((200, b"later"), (201, b"")))
    assert decode(encode(beat, KEY), KEY) == beat


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", Flaw.TOO_SHORT),
        (encode(BEAT, KEY)[:40], Flaw.TOO_SHORT),
        (b"PLB\x01" + b"\0" * MAX_BYTES, Flaw.TOO_LONG),
        (b"XYZ" + encode(BEAT, KEY)[3:], Flaw.NOT_OURS),
        (signed(body(version=2)), Flaw.OTHER_VERSION),
        (encode(BEAT, b"another key"), Flaw.BAD_TAG),
        (encode(BEAT, KEY)[:-1] + b"\0\0", Flaw.BAD_TAG),
        (signed(body(state=0)), Flaw.BAD_STATE),
        (signed(body(state=9)), Flaw.BAD_STATE),
        (signed(body(name=b"N1")), Flaw.BAD_NAME),
        (signed(body(name=b"\xff\xfe")), Flaw.BAD_NAME),
        (signed(body(name=b"n1\n")), Flaw.BAD_NAME),
        (signed(body(length=0)), Flaw.BAD_NAME),
        (signed(body(length=200)), Flaw.BAD_LENGTH),
        (signed(body(tail=b"\x01")), Flaw.BAD_LENGTH),
        (signed(body(tail=b"\x01\x00\x05abcd")), Flaw.BAD_LENGTH),
    ],
)
def test_a_datagram_is_refused_with_its_reason(datagram: bytes, reason: Flaw) -> None:
    with pytest.raises(WireError) as caught:
        decode(datagram, KEY)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "beat",
    [
        Beat(b"short", "n1", State.ACTIVE, 1, 1),
        Beat(CLUSTER, "", State.ACTIVE, 1, 1),
        Beat(CLUSTER, "n" * 254, State.ACTIVE, 1, 1),
        Beat(CLUSTER, "n1", State.ACTIVE, 2**64, 1),
        Beat(CLUSTER, "n1", State.ACTIVE, 1, -1),
        Beat(CLUSTER, "n1", State.ACTIVE, 1, 1, ((256, b""),)),
        Beat(CLUSTER, "n1", State.ACTIVE, 1, 1, ((1, b"x" * MAX_BYTES),)),
    ],
)
def test_a_beat_that_does_not_fit_is_the_callers_mistake(beat: Beat) -> None:
    with pytest.raises(ValueError):
        encode(beat, KEY)


def test_an_empty_key_signs_and_checks_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        encode(BEAT, b"")
    with pytest.raises(ValueError, match="empty"):
        decode(encode(BEAT, KEY), b"")
