"""The reader of ELF files: what it finds, and that damaged files are one exception."""

from __future__ import annotations

import struct

import pytest

from pylb.install.image import elf
from pylb.install.image.elf import Elf, ElfFault

BASE = 0x400000  # where the file is loaded: addresses and offsets differ


def made(machine: int = 62, loader: str = "", needed: tuple[str, ...] = ()) -> bytes:
    """A file of ELF with nothing in it but what it needs."""
    kinds = 3 if loader else 2
    start = 64 + 56 * kinds
    names, places = b"\0", []
    for name in needed:
        places.append(len(names))
        names += name.encode() + b"\0"
    interpreter = loader.encode() + b"\0"
    tags_at = start + len(names) + len(interpreter)
    tags = [*((1, place) for place in places), (5, BASE + start), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    size = tags_at + len(dynamic)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, machine, 1, 0, 64, 0, 0, 64, 56, kinds, 64, 0, 0
    )
    segments = [(1, 0, BASE, size), (2, tags_at, BASE + tags_at, len(dynamic))]
    if loader:
        segments.append((3, start + len(names), BASE + start + len(names), len(interpreter)))
    table = b"".join(struct.pack("<IIQQQQQQ", kind, 4, at, to, to, long, long, 8) for kind, at, to, long in segments)
    return header + table + names + interpreter + dynamic


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (made(needed=("libc.so.6", "libm.so.6")), Elf("amd64", "", ("libc.so.6", "libm.so.6"))),
        (
            made(183, "/lib/ld-linux-aarch64.so.1", ("libc.so.6",)),
            Elf("arm64", "/lib/ld-linux-aarch64.so.1", ("libc.so.6",)),
        ),
        (made(40), Elf("machine 40", "", ())),
    ],
)
def test_reads_machine_loader_and_libraries(data: bytes, expected: Elf) -> None:
    assert elf.is_elf(data)
    assert elf.read(data) == expected


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n" * 20, b"\x7fELF\x01\x01" + bytes(60)])
def test_refuses_what_is_no_elf_of_64_bits(data: bytes) -> None:
    with pytest.raises(ElfFault):
        elf.read(data)


def test_damage_is_one_exception() -> None:
    """Cut at every length, and with each byte of the headers and of the dynamic section set to its extremes."""
    whole = made(loader="/lib64/ld.so", needed=("libc.so.6",))
    damaged = [whole[:length] for length in range(len(whole))]
    damaged += [whole[:at] + byte + whole[at + 1 :] for at in range(len(whole)) for byte in (b"\0", b"\x7f", b"\xff")]
    refused = 0
    for data in damaged:
        try:
            elf.read(data)
        except ElfFault:
            refused += 1
    assert refused > len(whole)  # each cut at least
