"""The size of the kernel filter, and its bytes for one address."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from pylb.speaker import bpf

MAC = bytes.fromhex("02000a4d000b")


def scattered(count: int) -> list[IPv4Address]:
    return [IPv4Address(0x0A000000 + 3 * at) for at in range(count)]


def test_no_address_is_a_filter_that_accepts_nothing() -> None:
    assert bpf.program((), MAC) == (bpf.Instruction(bpf.RETURN, 0, 0, 0),)


def test_fourteen_hundred_addresses_fit_exactly() -> None:
    instructions = bpf.program(scattered(1400), MAC)
    assert instructions != bpf.REQUESTS_ONLY
    assert len(instructions) <= bpf.MAX_INSTRUCTIONS


def test_more_than_the_kernel_takes_falls_back_to_every_request() -> None:
    assert bpf.program(scattered(4000), MAC) == bpf.REQUESTS_ONLY


def test_an_address_named_twice_costs_once() -> None:
    one = IPv4Address("10.77.0.100")
    assert bpf.program([one, one], MAC) == bpf.program([one], MAC)


def test_an_instruction_packs_as_struct_sock_filter() -> None:
    assert bpf.pack([bpf.Instruction(0x15, 1, 2, 0x0A4D0064)]) == struct.pack("=HBBI", 0x15, 1, 2, 0x0A4D0064)
