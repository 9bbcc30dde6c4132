"""The kernel filter and the Python behind it agree, and neither minds what comes in."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address

from hypothesis import example, given
from hypothesis import strategies as st

from pylb.speaker import bpf
from pylb.speaker.arp import BROADCAST, Drop, Reply, Templates, classify, gratuitous, hear, heard_claim, request

MAC = bytes.fromhex("02000a4d000b")
HOST, BROADCAST_TYPE, MULTICAST, OTHERHOST, OUTGOING = range(5)  # linux/if_packet.h

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
near = st.integers(0x0A4D0000, 0x0A4D0013).map(IPv4Address)  # dense, so that sets and frames meet
macs = st.one_of(st.just(MAC), st.binary(min_size=6, max_size=6))
frames = st.builds(
    lambda destination, source, head, operation, sha, spa, tha, tpa, padding: b"".join(
        (destination, source, head, struct.pack("!H", operation), sha, spa.packed, tha, tpa.packed, padding)
    ),
    st.one_of(st.just(BROADCAST), macs),
    macs,
    st.one_of(st.just(b"\x08\x06\x00\x01\x08\x00\x06\x04"), st.binary(min_size=8, max_size=8)),
    st.sampled_from((0, 1, 2, 3, 257)),
    macs,
    near,
    macs,
    near,
    st.binary(max_size=22),
)


def run(program: Sequence[bpf.Instruction], frame: bytes, packet_type: int) -> int:
    """What the kernel returns for a frame: how many bytes it keeps (filter.rst of the kernel's documentation)."""
    at = accumulator = 0
    while True:  # ends: jumps only go forward
        code, jt, jf, k = program[at]
        at += 1
        if code == bpf.RETURN:
            return k
        if code == bpf.JUMP:
            at += k
        elif code == bpf.JUMP_EQUAL:
            at += jt if accumulator == k else jf
        elif code == bpf.JUMP_GREATER:
            at += jt if accumulator > k else jf
        elif code == bpf.LOAD_WORD and k == bpf.PACKET_TYPE:
            accumulator = packet_type
        else:
            size = {bpf.LOAD_WORD: 4, bpf.LOAD_HALF: 2}[code]
            if k + size > len(frame):
                return 0
            accumulator = int.from_bytes(frame[k : k + size], "big")


def wanted(frame: bytes, owned: set[IPv4Address]) -> bool:
    """The filter's promise in plain words; lengths and types of ARP are not its business."""
    if len(frame) < 42:
        return False
    asks = frame[20:22] == b"\x00\x01" and IPv4Address(frame[38:42]) in owned
    claims = frame[22:28] != MAC and IPv4Address(frame[28:32]) in owned
    return asks or claims


@given(frames, st.sets(near), st.integers(0, 4))
@example(request(IPv4Address(0x0A4D0001), IPv4Address(0), b"\x02" * 6), {IPv4Address(0x0A4D0001)}, OTHERHOST)
@example(gratuitous(IPv4Address(0x0A4D0001), b"\x02" * 6)[1], {IPv4Address(0x0A4D0001)}, BROADCAST_TYPE)
@example(gratuitous(IPv4Address(0x0A4D0001), MAC)[1], {IPv4Address(0x0A4D0001)}, BROADCAST_TYPE)
def test_the_filter_accepts_exactly_what_it_should(frame: bytes, owned: set[IPv4Address], packet_type: int) -> None:
    accepted = run(bpf.program(owned, MAC), frame, packet_type)
    assert bool(accepted) == (packet_type <= MULTICAST and wanted(frame, owned))
    assert accepted in (0, bpf.ACCEPT_BYTES)


@given(st.integers(1, 1700), st.integers(1, 9), st.data())
def test_a_large_filter_finds_each_address_and_no_neighbour(count: int, step: int, data: st.DataObject) -> None:
    owned = {IPv4Address(0x0A000000 + step * at) for at in range(count)}
    program = bpf.program(owned, MAC)
    asked = IPv4Address(data.draw(st.integers(0x0A000000 - 2, 0x0A000000 + step * count + 2)))
    question = request(asked, IPv4Address("192.0.2.1"), b"\x02" * 6)
    if program == bpf.REQUESTS_ONLY:
        assert run(program, question, BROADCAST_TYPE)
    else:
        assert bool(run(program, question, BROADCAST_TYPE)) == (asked in owned)
        assert bool(run(program, gratuitous(asked, b"\x02" * 6)[1], BROADCAST_TYPE)) == (asked in owned)


@given(st.sets(addresses, max_size=2000))
def test_every_program_is_one_that_the_kernel_takes(owned: set[IPv4Address]) -> None:
    program = bpf.program(owned, MAC)
    assert len(program) <= bpf.MAX_INSTRUCTIONS
    assert program[-1].code == bpf.RETURN
    for at, (code, jt, jf, k) in enumerate(program):
        assert max(jt, jf) <= bpf.MAX_OFFSET
        jumps = {bpf.JUMP: (k,), bpf.JUMP_EQUAL: (jt, jf), bpf.JUMP_GREATER: (jt, jf)}.get(code, ())
        assert all(at + 1 + jump < len(program) for jump in jumps)


@given(frames)
def test_every_request_passes_the_coarse_filter(frame: bytes) -> None:
    assert bool(run(bpf.REQUESTS_ONLY, frame, HOST)) == (frame[20:22] == b"\x00\x01")
    assert run(bpf.REQUESTS_ONLY, frame, OTHERHOST) == run(bpf.REQUESTS_ONLY, frame, OUTGOING) == 0


@given(frames, st.sets(near))
def test_what_python_answers_or_hears_is_never_filtered_away(frame: bytes, owned: set[IPv4Address]) -> None:
    if isinstance(classify(frame, MAC, owned), Reply) or heard_claim(frame, MAC, owned) is not None:
        assert run(bpf.program(owned, MAC), frame, BROADCAST_TYPE)


@given(st.one_of(st.binary(max_size=80), frames), macs, st.sets(near))
@example(b"", MAC, {IPv4Address("10.77.0.1")})
def test_any_bytes_are_answered_or_dropped(frame: bytes, mac: bytes, owned: set[IPv4Address]) -> None:
    verdict = classify(frame, mac, owned)
    assert isinstance(verdict, (Reply, Drop))
    prepared = Templates(mac, owned).answer(frame)
    assert prepared == ((verdict.address, verdict.frame) if isinstance(verdict, Reply) else None)
    heard_claim(frame, mac, owned)
    hear(frame, mac)


@given(frames, st.sets(near), st.dictionaries(near, macs))
def test_a_stand_in_answers_as_its_templates_say_and_never_as_another_mac(
    frame: bytes, owned: set[IPv4Address], standing: dict[IPv4Address, bytes]
) -> None:
    verdict = classify(frame, MAC, owned, standing)
    prepared = Templates(MAC, owned, standing).answer(frame)
    assert prepared == ((verdict.address, verdict.frame) if isinstance(verdict, Reply) else None)
    if isinstance(verdict, Reply):
        assert verdict.frame[6:12] == MAC
        assert verdict.frame[22:28] == (MAC if verdict.address in owned else standing[verdict.address])
        assert frame[:6] in (MAC, BROADCAST)


@given(frames, st.sets(near), st.integers(0, 4))
def test_the_askers_filter_passes_replies_to_us_and_signs_of_what_is_probed(
    frame: bytes, probed: set[IPv4Address], packet_type: int
) -> None:
    accepted = run(bpf.replies(MAC, probed), frame, packet_type)
    answers = len(frame) >= 22 and frame[20:22] == b"\x00\x02" and packet_type == HOST
    assert bool(accepted) == (answers or (packet_type <= MULTICAST and wanted(frame, probed)))


@given(near, near, macs)
def test_a_reply_names_the_asked_address_and_goes_to_the_asker(
    asked: IPv4Address, asker: IPv4Address, mac: bytes
) -> None:
    verdict = classify(request(asked, asker, mac), MAC, {asked})
    if mac == MAC:
        assert isinstance(verdict, Drop)
    else:
        assert isinstance(verdict, Reply)
        assert verdict.frame[:12] == mac + MAC
        assert heard_claim(verdict.frame, mac, {asked}) is not None
