"""The kernel filters of a speaker's ARP sockets: classic BPF programs that wake Python only for frames that matter.

Pure: it computes programs; `wire` attaches them. One accepts ARP requests for an owned address, and any ARP frame in
which another MAC names an owned address as its own; another the replies to what this node itself asked. They do not
check lengths and types of ARP: `arp` does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple

MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS of linux/bpf_common.h; holds about 1,700 addresses
LEAF_SIZE = (
    16  # addresses compared one by one at the end of a search: one instruction each, where an inner node costs two
)
MAX_OFFSET = 255  # jt and jf are 8 bits wide
ACCEPT_BYTES = 64  # how much of an accepted frame is kept; 42 are read

LOAD_WORD, LOAD_HALF = 0x20, 0x28  # BPF_LD | BPF_ABS | BPF_W or BPF_H
JUMP, JUMP_EQUAL, JUMP_GREATER = 0x05, 0x15, 0x25  # BPF_JMP | BPF_JA, BPF_JEQ, BPF_JGT, all with BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

# linux/filter.h: SKF_AD_OFF + SKF_AD_PKTTYPE. A frame with a VLAN id that no VLAN interface takes arrives stripped of its
# tag, but marked PACKET_OTHERHOST (3), as does a frame for another MAC; ours are HOST, BROADCAST and MULTICAST (0 to 2).
PACKET_TYPE = 0xFFFFF000 + 4
PACKET_HOST, PACKET_MULTICAST = 0, 2

OPERATION, SENDER_MAC, SENDER_ADDRESS, TARGET_ADDRESS = 20, 22, 28, 38  # offsets in the frame
OPERATION_REQUEST, OPERATION_REPLY = 1, 2


class Instruction(NamedTuple):
    """struct sock_filter: a jump goes on at the next instruction plus jt, jf, or k."""

    code: int
    jt: int
    jf: int
    k: int


_ACCEPT = Instruction(RETURN, 0, 0, ACCEPT_BYTES)
_REJECT = Instruction(RETURN, 0, 0, 0)
_REJECT_OTHERS = (Instruction(LOAD_WORD, 0, 0, PACKET_TYPE), Instruction(JUMP_GREATER, 0, 1, PACKET_MULTICAST), _REJECT)
_LOAD_OPERATION = Instruction(LOAD_HALF, 0, 0, OPERATION)

REQUESTS_ONLY = (*_REJECT_OTHERS, _LOAD_OPERATION, Instruction(JUMP_EQUAL, 0, 1, OPERATION_REQUEST), _ACCEPT, _REJECT)
"""Accepts every ARP request: for more addresses than a program holds, and for kernels with little option memory."""


def program(addresses: Iterable[IPv4Address], mac: bytes) -> tuple[Instruction, ...]:
    """The filter for `addresses` on the interface with `mac`; `REQUESTS_ONLY` where it would be too long."""
    values = sorted({int(address) for address in addresses})
    if not values:
        return (_REJECT,)
    targets = [Instruction(LOAD_WORD, 0, 0, TARGET_ADDRESS), *_search(values)]
    senders = [Instruction(LOAD_WORD, 0, 0, SENDER_ADDRESS), *_search(values)]
    whole = (
        *_REJECT_OTHERS,
        _LOAD_OPERATION,
        Instruction(JUMP_EQUAL, 1, 0, OPERATION_REQUEST),
        Instruction(JUMP, 0, 0, len(targets)),
        *targets,
        *_reject_sender(mac),
        *senders,
        _REJECT,
    )
    return whole if len(whole) <= MAX_INSTRUCTIONS else REQUESTS_ONLY


def replies(mac: bytes, probed: Iterable[IPv4Address] = ()) -> tuple[Instruction, ...]:
    """The filter for answers: ARP replies to this MAC alone, and whatever `program` accepts for the probed addresses."""
    to_us = (
        _LOAD_OPERATION,
        Instruction(JUMP_EQUAL, 0, 3, OPERATION_REPLY),
        Instruction(LOAD_WORD, 0, 0, PACKET_TYPE),
        Instruction(JUMP_EQUAL, 0, 1, PACKET_HOST),
        _ACCEPT,
    )
    return (*to_us, *program(probed, mac))


def pack(instructions: Sequence[Instruction]) -> bytes:
    """The bytes that SO_ATTACH_FILTER wants, 8 an instruction."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _reject_sender(mac: bytes) -> tuple[Instruction, ...]:
    high, low = struct.unpack("!IH", mac)
    return (
        Instruction(LOAD_WORD, 0, 0, SENDER_MAC),
        Instruction(JUMP_EQUAL, 0, 3, high),
        Instruction(LOAD_HALF, 0, 0, SENDER_MAC + 4),
        Instruction(JUMP_EQUAL, 0, 1, low),
        _REJECT,
    )


def _search(values: Sequence[int]) -> list[Instruction]:
    """Accepts if the loaded word is one of the sorted `values`, else goes on behind the search."""
    tree = _tree(values)
    size = len(tree)
    return [step or Instruction(JUMP, 0, 0, size - at - 1) for at, step in enumerate(tree)]


def _tree(values: Sequence[int]) -> list[Instruction | None]:
    """The binary search; None stands for "not found", a jump whose length only the whole tree knows."""
    if len(values) <= LEAF_SIZE:
        compare = [Instruction(JUMP_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
        return [*compare, None, _ACCEPT]
    middle = len(values) // 2
    low, high = _tree(values[:middle]), _tree(values[middle:])
    greatest = values[middle - 1]
    if len(low) <= MAX_OFFSET:
        return [Instruction(JUMP_GREATER, len(low), 0, greatest), *low, *high]
    return [Instruction(JUMP_GREATER, 0, 1, greatest), Instruction(JUMP, 0, 0, len(low)), *low, *high]
