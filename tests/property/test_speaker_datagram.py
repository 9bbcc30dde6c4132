"""A beat of the second format survives the way there and back, whatever the LAN does; nothing else passes for one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import Ack, Beat, Loss, State
from pylb.core.ownership.circle import MAX_LOSSES
from pylb.core.ownership.claims import MAX_TERM, Claim
from pylb.core.ownership.evidence import Verdict
from pylb.speaker import beat as first_format
from pylb.speaker.beat import MAX_BYTES
from pylb.speaker.claimlist import BURST
from pylb.speaker.claimpage import MAX_BITS, page_at, place, read, write
from pylb.speaker.courier import Incoming, Outgoing
from pylb.speaker.datagram import MAX_ACKS, Format, Telling, decode, encode, token
from pylb.speaker.errors import WireError
from pylb.speaker.keyring import derive

KEY = derive(b"a secret of the cluster")

Claims = dict[Address, Claim]
numbers = st.integers(0, 2**64 - 1)
names = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True).map(NodeName)
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
claims = st.builds(
    Claim,
    st.sampled_from([NodeName("n1"), NodeName("n2"), NodeName("a-node.with.a.long.name")]),
    st.integers(0, MAX_TERM),
    *[st.booleans()] * 4,
)
macs = st.one_of(st.just(b""), st.binary(min_size=6, max_size=6))
links = st.one_of(st.just(""), st.text(min_size=1, max_size=15).filter(lambda name: len(name.encode()) <= 15))
beats = st.builds(
    Beat,
    names,
    numbers,
    st.integers(0, 2**64 - 1 - BURST),
    st.sampled_from(State),
    links,
    macs,
    st.dictionaries(addresses, claims, max_size=60),
    st.dictionaries(names, st.builds(Ack, numbers, numbers), max_size=2 * MAX_ACKS),
    st.booleans(),
)
losses = st.builds(
    Loss, numbers, numbers, st.sampled_from([one for one in Verdict if one not in (Verdict.ALIVE, Verdict.OWNS)])
)
tellings_about = st.tuples(
    st.sets(st.binary(min_size=6, max_size=6), max_size=16), st.lists(addresses, max_size=8), st.booleans()
)


def known(beat: Beat) -> dict[bytes, NodeName]:
    return {token(node): node for node in beat.acks}


@given(beats, tellings_about)
def test_what_was_told_at_one_turn_is_read_as_it_was_told(
    beat: Beat, about: tuple[set[bytes], list[Address], bool]
) -> None:
    incoming, acks, whole, heard = Incoming(), dict[NodeName, Ack](), False, beat
    tellings = Outgoing(beat.node).tell(beat, *about)
    for number, telling in enumerate(tellings):
        datagram = encode(telling, KEY)
        assert len(datagram) <= MAX_BYTES
        read_back = decode(datagram, KEY, known(beat))
        assert read_back == telling
        assert read_back.format is Format.TWO
        assert (set(read_back.macs), list(read_back.addresses), read_back.partial) == about
        heard, whole = incoming.read(read_back)
        assert heard.sequence == beat.sequence + number
        acks.update(heard.acks)
    assert whole
    assert acks.items() <= beat.acks.items()
    assert len(acks) >= min(len(beat.acks), 20)
    assert heard == replace(beat, sequence=heard.sequence, acks=heard.acks)


@given(beats, tellings_about, st.booleans(), st.dictionaries(names, losses, max_size=2 * MAX_LOSSES))
def test_who_asks_and_whom_he_lost_is_read_as_it_was_told(
    beat: Beat, about: tuple[set[bytes], list[Address], bool], asks: bool, lost: dict[NodeName, Loss]
) -> None:
    """At most MAX_LOSSES of them, and never at the cost of the list of claims."""
    tellings = Outgoing(beat.node).tell(replace(beat, asks=asks, lost=lost), *about)
    assert any(telling.listing is not None and telling.listing.pages for telling in tellings)
    for telling in tellings:
        datagram = encode(telling, KEY)
        assert len(datagram) <= MAX_BYTES
        found = decode(datagram, KEY, {token(node): node for node in lost}).beat
        assert found.asks is asks
        assert found.lost.items() <= lost.items()
        assert len(found.lost) == min(len(lost), MAX_LOSSES)


@given(beats, tellings_about)
def test_a_speaker_of_the_first_format_hears_that_we_live(
    beat: Beat, about: tuple[set[bytes], list[Address], bool]
) -> None:
    for number, telling in enumerate(Outgoing(beat.node).tell(beat, *about)):
        told = first_format.decode(encode(telling, KEY), KEY.signing)
        assert (told.cluster, told.node) == (KEY.cluster, beat.node)
        assert (told.incarnation, told.sequence) == (beat.incarnation, beat.sequence + number)
        assert (told.state is first_format.State.ACTIVE) == (beat.state is State.ACTIVE)
        assert (told.state is first_format.State.JOINING) == (beat.state is State.JOINING)
        assert b"".join(value for kind, value in told.fields if kind == 1) == b"".join(sorted(about[0]))
        assert any(kind == 2 for kind, _ in told.fields) == about[2]


@given(names, st.sampled_from(first_format.State), numbers, numbers, st.booleans())
def test_we_hear_speakers_of_the_first_format(
    node: NodeName, state: first_format.State, incarnation: int, sequence: int, partial: bool
) -> None:
    fields = ((1, b"abcdefghijkl"), *(((2, b""),) if partial else ()))
    datagram = first_format.encode(
        first_format.Beat(KEY.cluster, node, state, incarnation, sequence, fields), KEY.signing
    )
    telling = decode(datagram, KEY, {})
    expected = Beat(node, incarnation, sequence, State[state.name], mac=b"abcdef")
    assert telling == Telling(expected, None, (b"abcdef", b"ghijkl"), (), partial)
    assert telling.format is Format.ONE
    assert Incoming().read(telling) == (expected, False)


@given(st.binary(max_size=MAX_BYTES + 10))
def test_any_bytes_are_refused_with_one_exception(datagram: bytes) -> None:
    with pytest.raises(WireError):
        decode(datagram, KEY, {})


@given(beats, st.data())
def test_a_flipped_bit_and_a_cut_are_noticed(beat: Beat, data: st.DataObject) -> None:
    datagram = encode(data.draw(st.sampled_from(Outgoing(beat.node).tell(beat))), KEY)
    flipped = bytearray(datagram)
    bit = data.draw(st.integers(0, 8 * len(datagram) - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    for other in (bytes(flipped), datagram[: data.draw(st.integers(0, len(datagram) - 1))], datagram + b"\0"):
        with pytest.raises(WireError):
            decode(other, KEY, known(beat))


@given(st.lists(st.tuples(st.integers(0, 8), st.binary(max_size=150)), max_size=8), st.binary(max_size=60))
def test_whatever_a_holder_of_the_key_signs_there_is_one_exception(
    fields: list[tuple[int, bytes]], listing: bytes
) -> None:
    """The tag hides the decoder from noise: so here are fields of noise, signed."""
    signed = first_format.encode(
        first_format.Beat(KEY.cluster, "n1", first_format.State.ACTIVE, 1, 1, (*fields, (6, listing))), KEY.signing
    )
    with suppress(WireError):
        Incoming().read(decode(signed, KEY, {token(NodeName("n2")): NodeName("n2")}))


def mutated(value: bytes, random: Random) -> bytes:
    """The same, but for some bytes."""
    changed = bytearray(value)
    for _ in range(random.randint(1, 3)):
        deed, at = random.randrange(3), random.randint(0, len(changed))
        if deed == 0 and at < len(changed):
            changed[at] = random.choice([0, 1, 4, 6, 255, random.randrange(256)])
        elif deed == 1:
            del changed[at : at + random.randint(1, 9)]
        else:
            changed[at:at] = random.randbytes(random.randint(1, 9))
    return bytes(changed)


@given(beats, st.randoms(use_true_random=False))
def test_a_field_that_was_meddled_with_and_signed_raises_nothing_else(beat: Beat, random: Random) -> None:
    telling = random.choice(Outgoing(beat.node).tell(beat, [b"abcdef"], [IPv4Address("10.0.0.1")]))
    told = first_format.decode(encode(telling, KEY), KEY.signing)
    chosen = random.randrange(len(told.fields))
    fields = [(kind, mutated(value, random) if at == chosen else value) for at, (kind, value) in enumerate(told.fields)]
    try:
        signed = first_format.encode(replace(told, fields=tuple(fields)), KEY.signing)
    except ValueError:  # it grew out of a datagram
        return
    with suppress(WireError):
        Incoming().read(decode(signed, KEY, known(beat)))


@given(st.dictionaries(addresses, claims, max_size=20), st.integers(0, MAX_BITS))
def test_a_page_is_read_as_it_was_written_and_at_its_place_alone(listed: Claims, bits: int) -> None:
    pages: dict[int, Claims] = {}
    for address, claim in listed.items():
        pages.setdefault(page_at(place(address), bits), {})[address] = claim
    for index, page in pages.items():
        for sender in (NodeName("n1"), NodeName("n3")):
            assert read(write(page, sender), sender, index, bits) == page
        if bits:
            with pytest.raises(WireError):
                read(write(page, NodeName("n1")), NodeName("n1"), index ^ 1, bits)


@given(st.binary(max_size=80))
def test_a_page_of_noise_is_refused_or_says_something(page: bytes) -> None:
    with suppress(WireError):
        assert all(isinstance(claim, Claim) for claim in read(page, NodeName("n1"), 0, 0).values())
