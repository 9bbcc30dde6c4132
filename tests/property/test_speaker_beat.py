"""A beat survives the way there and back; nothing else passes for one."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.speaker.beat import CLUSTER_BYTES, MAX_BYTES, Beat, State, decode, encode, glance
from pylb.speaker.errors import WireError

names = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True)
fields = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=100)), max_size=8).map(tuple)
beats = st.builds(
    Beat,
    st.binary(min_size=8, max_size=8),
    names,
    st.sampled_from(State),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    fields,
)
keys = st.binary(min_size=1, max_size=64)


@given(beats, keys)
def test_a_beat_is_read_as_it_was_written(beat: Beat, key: bytes) -> None:
    datagram = encode(beat, key)
    assert len(datagram) <= MAX_BYTES
    assert decode(datagram, key) == beat
    assert glance(datagram) == (beat.cluster, beat.state is not State.JOINING)


@given(st.binary(max_size=MAX_BYTES + 10), st.booleans())
def test_a_glance_at_any_bytes_is_a_value_or_that_exception(noise: bytes, ours: bool) -> None:
    with suppress(WireError):
        assert len(glance(b"PLB\x01" + noise if ours else noise)[0]) == CLUSTER_BYTES


@given(st.binary(max_size=MAX_BYTES + 10), keys)
def test_any_bytes_are_refused_with_one_exception(datagram: bytes, key: bytes) -> None:
    with pytest.raises(WireError):
        decode(datagram, key)


@given(beats, keys, st.data())
def test_a_flipped_bit_is_noticed(beat: Beat, key: bytes, data: st.DataObject) -> None:
    datagram = bytearray(encode(beat, key))
    bit = data.draw(st.integers(0, 8 * len(datagram) - 1))
    datagram[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WireError):
        decode(bytes(datagram), key)


@given(beats, keys, st.data())
def test_a_cut_or_lengthened_beat_is_refused(beat: Beat, key: bytes, data: st.DataObject) -> None:
    datagram = encode(beat, key)
    other = data.draw(
        st.one_of(st.integers(0, len(datagram) - 1).map(lambda end: datagram[:end]), st.just(datagram + b"\0"))
    )
    with pytest.raises(WireError):
        decode(other, key)


@given(beats, keys, keys)
def test_another_key_is_refused(beat: Beat, key: bytes, other: bytes) -> None:
    if key.rstrip(b"\0") == other.rstrip(b"\0"):  # HMAC pads keys with zeros: these are the same key (RFC 2104)
        return
    with pytest.raises(WireError):
        decode(encode(beat, key), other)
