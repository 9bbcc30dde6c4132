"""The second format's bytes, and the reason for each field that is refused."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.beats import Ack, Beat, Loss, State
from pylb.core.ownership.circle import MAX_LOSSES
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.evidence import Verdict
from pylb.speaker import beat as first_format
from pylb.speaker.claimlist import Listing
from pylb.speaker.claimpage import digest, fingerprint, read, write
from pylb.speaker.courier import Outgoing
from pylb.speaker.datagram import HEAD_BYTES, Telling, decode, encode, room, token
from pylb.speaker.errors import Flaw, WireError
from pylb.speaker.keyring import derive

KEY, OTHER = derive(b"a secret of the cluster"), derive(b"another secret")
N1, N2 = NodeName("n1"), NodeName("n2")
MAC = bytes.fromhex("02aabbccdd01")
PAGE = bytes.fromhex(
    "00 01 01 0a000001 00000007 01 fd000000000000000000000000000001 00000008 0a 026e32 01 00 0a000002 00000009 04"
)
LISTING = Listing(digest([fingerprint(PAGE)]), 0, ((0, PAGE),))
BEAT = Beat(N1, 0x1122334455667788, 7, State.RESTARTING, "eth0", MAC, acks={N2: Ack(5, 6)})
TELLING = Telling(BEAT, LISTING, (MAC,), (ip_address("10.0.0.9"), ip_address("fe80::9")))
SELF = (3, bytes([2, 1]) + b"eth0")
LIST = (6, LISTING.digest + b"\0")


def test_the_layout_is_pinned() -> None:
    """Whatever changes here, a speaker of the version before does not understand."""
    told = first_format.decode(encode(TELLING, KEY), KEY.signing)
    assert (told.cluster, told.node, told.state) == (KEY.cluster, "n1", first_format.State.LEAVING)
    assert told.fields == (
        (1, MAC),
        (3, bytes([4, 3]) + MAC + b"eth0"),
        (4, bytes.fromhex("04 0a000009 06 fe800000000000000000000000000009")),
        (5, token(N2) + bytes.fromhex("0000000000000005 0000000000000006")),
        (6, LISTING.digest + b"\0" + bytes.fromhex("0000 002f") + PAGE),
    )
    assert decode(encode(TELLING, KEY), KEY, {token(N2): N2}) == TELLING


LOST = {N2: Loss(5, 6, Verdict.GONE), NodeName("n3"): Loss(7, 8)}


def test_the_layout_of_what_a_large_cluster_needs_is_pinned() -> None:
    telling = replace(TELLING, beat=replace(BEAT, asks=True, lost=LOST))
    told = dict(first_format.decode(encode(telling, KEY), KEY.signing).fields)
    assert told[3] == bytes([4, 7]) + MAC + b"eth0"
    assert told[7] == (
        token(N2)
        + bytes.fromhex("0000000000000005 0000000000000006 04")
        + token(NodeName("n3"))
        + bytes.fromhex("0000000000000007 0000000000000008 00")
    )
    names = {token(node): node for node in LOST}
    assert decode(encode(telling, KEY), KEY, names) == telling


def test_of_the_lost_those_of_this_cluster_are_read_whatever_became_of_them() -> None:
    """A later version may know more that can become of a node: to this one it is just lost."""
    losses = token(N2) + bytes(16) + b"\xff" + token(NodeName("stranger")) + bytes(17)
    telling = decode(signed(SELF, LIST, (7, losses)), KEY, {token(N2): N2})
    assert telling.beat.lost == {N2: Loss(0, 0, Verdict.OPEN)}


@pytest.mark.parametrize("verdict", [one for one in Verdict if one not in (Verdict.ALIVE, Verdict.OWNS)])
def test_every_verdict_of_a_lost_node_can_be_told(verdict: Verdict) -> None:
    telling = replace(TELLING, beat=replace(BEAT, lost={N2: Loss(1, 2, verdict)}))
    assert decode(encode(telling, KEY), KEY, {token(N2): N2}) == telling


def test_a_loss_that_is_none_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="no form"):
        encode(replace(TELLING, beat=replace(BEAT, lost={N2: Loss(1, 2, Verdict.ALIVE)})), KEY)


def test_the_fullest_datagram_has_room_for_a_page() -> None:
    lost = {NodeName(f"n{at}"): Loss(1, 1) for at in range(2 * MAX_LOSSES)}
    acks = {NodeName(f"n{at}"): Ack(1, at) for at in range(32)}
    name = NodeName("n" * 253)
    claims = {ip_address("10.0.0.0") + at: Claim(name, 1) for at in range(34)}
    beat = Beat(name, 1, 1, State.ACTIVE, "x" * 15, MAC, claims, acks, lost=lost)
    told = Outgoing(name).tell(
        beat, [bytes([at]) * 6 for at in range(16)], [ip_address("fe80::1") + at for at in range(8)]
    )
    assert [len(telling.listing.pages) for telling in told if telling.listing is not None] == [1]
    read = decode(encode(told[0], KEY), KEY, {token(node): node for node in (*lost, *acks)}).beat
    assert len(read.lost) == MAX_LOSSES
    assert read.acks


def test_the_layout_of_a_page_is_pinned() -> None:
    claims = {
        ip_address("10.0.0.1"): Claim(N1, 7, provisional=True),
        ip_address("10.0.0.2"): Claim(N2, 9, restored=True),
        ip_address("fd00::1"): Claim(N1, 8, taken=True, yields=True),
    }
    assert write(claims, N1) == PAGE


def test_a_page_that_was_cut_or_says_a_thing_twice_is_refused() -> None:
    groups = {0, PAGE.index(b"\2n2")}  # where a page may end
    for end in set(range(len(PAGE))) - groups:
        with pytest.raises(WireError):
            read(PAGE[:end], N1, 0, 0)
    for twice in (PAGE[:3] + PAGE[3:12] * 2 + PAGE[12:], PAGE + PAGE):
        with pytest.raises(WireError) as caught:
            read(twice.replace(b"\0\1\1\x0a", b"\0\2\1\x0a") if twice != PAGE + PAGE else twice, N1, 0, 0)
        assert caught.value.reason is Flaw.BAD_LIST


def test_tokens_and_digests_are_pinned() -> None:
    assert token(N1).hex() == "676b8bb84ce7267d"
    assert LISTING.digest.hex() == "6ee5dd49fbe49cba"


@pytest.mark.parametrize(
    ("state", "number", "nearest"),
    [
        (State.JOINING, 1, first_format.State.JOINING),
        (State.ACTIVE, 2, first_format.State.ACTIVE),
        (State.LEAVING, 3, first_format.State.LEAVING),
        (State.RESTARTING, 4, first_format.State.LEAVING),
        (State.DRAINING, 5, first_format.State.LEAVING),
    ],
)
def test_states_have_fixed_numbers(state: State, number: int, nearest: first_format.State) -> None:
    told = first_format.decode(encode(replace(TELLING, beat=replace(BEAT, state=state)), KEY), KEY.signing)
    assert (told.state, dict(told.fields)[3][0]) == (nearest, number)


def test_who_is_not_known_is_passed_over() -> None:
    assert decode(encode(TELLING, KEY), KEY, {}).beat.acks == {}


def signed(*fields: tuple[int, bytes]) -> bytes:
    beat = first_format.Beat(KEY.cluster, "n1", first_format.State.ACTIVE, 1, 2, fields)
    return first_format.encode(beat, KEY.signing)


def test_fields_flags_and_more_that_a_later_version_has_do_not_disturb() -> None:
    telling = decode(signed(SELF, LIST, (99, b"later")), KEY, {})
    assert telling == decode(signed((3, bytes([2, 1 | 0xF8]) + b"eth0"), LIST), KEY, {})
    assert telling.beat == Beat(N1, 1, 2, State.ACTIVE, "eth0")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (((1, b"12345"),), Flaw.BAD_LENGTH),
        ((SELF,), Flaw.BAD_LENGTH),
        (((3, b""), LIST), Flaw.BAD_LENGTH),
        (((3, b"\0\1"), LIST), Flaw.BAD_STATE),
        (((3, b"\6\1"), LIST), Flaw.BAD_STATE),
        (((3, b"\2\3eth0"), LIST), Flaw.BAD_LENGTH),
        (((3, b"\2\1" + b"x" * 16), LIST), Flaw.BAD_LENGTH),
        ((SELF, LIST, (4, b"\5aaaa")), Flaw.BAD_LENGTH),
        ((SELF, LIST, (4, b"\4aaa")), Flaw.BAD_LENGTH),
        ((SELF, LIST, (4, b"\6" + b"a" * 15)), Flaw.BAD_LENGTH),
        ((SELF, LIST, (5, b"a" * 23)), Flaw.BAD_LENGTH),
        ((SELF, (6, b"a" * 8)), Flaw.BAD_LENGTH),
        ((SELF, (6, b"a" * 8 + b"\x0d")), Flaw.BAD_LIST),
        ((SELF, (6, b"a" * 8 + b"\0\0\0\0")), Flaw.BAD_LENGTH),
        ((SELF, (6, b"a" * 8 + b"\0\0\0\0\1")), Flaw.BAD_LENGTH),
        ((SELF, (6, b"a" * 8 + b"\0\0\1\0\0")), Flaw.BAD_LIST),
        ((SELF, (6, b"a" * 8 + b"\0\0\0\1\x41" + b"a" * 321)), Flaw.BAD_LIST),
    ],
)
def test_a_signed_field_is_refused_with_its_reason(fields: tuple[tuple[int, bytes], ...], reason: Flaw) -> None:
    with pytest.raises(WireError) as caught:
        decode(signed(*fields), KEY, {})
    assert caught.value.reason is reason


def test_another_key_or_cluster_is_refused() -> None:
    for key, reason in ((OTHER, Flaw.BAD_TAG), (replace(KEY, cluster=OTHER.cluster), Flaw.OTHER_KEY)):
        with pytest.raises(WireError) as caught:
            decode(encode(TELLING, KEY), key, {})
        assert caught.value.reason is reason


@pytest.mark.parametrize(
    "telling",
    [
        replace(TELLING, macs=(b"short",)),
        replace(TELLING, macs=(MAC,) * 17),
        replace(TELLING, addresses=(ip_address("10.0.0.9"),) * 9),
        replace(TELLING, beat=replace(BEAT, mac=b"short")),
        replace(TELLING, beat=replace(BEAT, link="x" * 16)),
        replace(TELLING, beat=replace(BEAT, acks={N2: Ack(2**64, 0)})),
        replace(TELLING, beat=replace(BEAT, acks={NodeName(f"n{at}"): Ack(1, 1) for at in range(99)})),
        replace(TELLING, listing=Listing(b"short", 0)),
        replace(TELLING, listing=Listing(LISTING.digest, 13)),
    ],
)
def test_what_does_not_fit_is_the_callers_mistake(telling: Telling) -> None:
    with pytest.raises(ValueError):
        encode(telling, KEY)


def test_the_room_is_what_is_left() -> None:
    bare = replace(TELLING, beat=replace(BEAT, acks={}), listing=Listing(LISTING.digest, 0))
    assert len(encode(bare, KEY)) + 3 + room(bare) == first_format.MAX_BYTES  # 3: the head of the field of acks
    beat = first_format.Beat(KEY.cluster, "n1", first_format.State.ACTIVE, 1, 1)
    assert len(first_format.encode(beat, KEY.signing)) == HEAD_BYTES + len("n1") + first_format.TAG_BYTES


@pytest.mark.parametrize(("peers", "name"), [(5, "n1"), (32, "n1"), (33, "n1"), (100, "n1"), (100, "n" * 253)])
def test_all_peers_are_named_in_turn(peers: int, name: str) -> None:
    """The first 32 each time; with more, or a very long name, each of them within a second of beats."""
    acks = {NodeName(f"n{at}"): Ack(1, at) for at in range(peers)}
    outgoing, named, turns = Outgoing(NodeName(name)), set[str](), 0
    addresses = [ip_address("fe80::1") + at for at in range(8)]
    claims = {ip_address("10.0.0.0") + at: Claim(NodeName(name), 1) for at in range(34)}
    beat = Beat(NodeName(name), 1, 1, State.ACTIVE, "x" * 15, MAC, claims, acks)
    while named != set(acks):
        told = outgoing.tell(
            beat, [bytes([at]) * 6 for at in range(16 if len(name) > 2 else 1)], addresses[: len(name)]
        )
        assert all(encode(telling, KEY) for telling in told), "fits"
        named |= set(told[0].beat.acks)
        turns += 1
        assert turns < 10
    assert (turns == 1) == (peers <= 32)
