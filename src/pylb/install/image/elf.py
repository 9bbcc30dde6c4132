"""Reads what a program or library of ELF needs: its machine, its loader and its libraries. 64 bits, little-endian.

Pure. Format: System V ABI, "Object Files" and "Program Loading and Dynamic Linking". Names of libraries are found through
the program headers, as the loader does, not through sections, which may be stripped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\x7fELF"
MACHINES = {62: "amd64", 183: "arm64"}  # e_machine: EM_X86_64, EM_AARCH64
MAX_HEADERS = 64  # program headers of one file; glibc's libraries have about ten
MAX_TAGS = 1024  # entries of a dynamic section; large libraries have about forty
MAX_NAME = 256  # bytes of a library's or loader's name
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_TAG = struct.Struct("<qQ")


class ElfFault(Exception):
    """Not a file of ELF that this module can read; its text says why."""


@dataclass(frozen=True, slots=True)
class Elf:
    """What a file needs. `machine` in Debian's names; `loader` is "" for a library."""

    machine: str
    loader: str
    needed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def is_elf(data: bytes) -> bool:
    """Whether a file claims to be one."""
    return data.startswith(MAGIC)


def read(data: bytes) -> Elf:
    """What a file needs. Raises ElfFault, whatever the bytes."""
    try:
        return _read(data)
    except (struct.error, OverflowError, UnicodeDecodeError) as error:
        raise ElfFault(f"cut off or damaged: {error}") from None


def _read(data: bytes) -> Elf:
    identity, _, machine, _, _, start, _, _, _, entry_size, count, *_ = _HEADER.unpack_from(data)
    if identity[:6] != MAGIC + b"\x02\x01":
        raise ElfFault("not ELF of 64 bits, little-endian")
    if entry_size != _PROGRAM.size or count > MAX_HEADERS:
        raise ElfFault(f"{count} program headers of {entry_size} bytes")
    segments = [_segment(data, start + number * entry_size) for number in range(count)]
    loaders = [_text(data, one.offset) for one in segments if one.kind == _PT_INTERP]
    needed = [name for one in segments if one.kind == _PT_DYNAMIC for name in _needed(data, one, segments)]
    return Elf(MACHINES.get(machine, f"machine {machine}"), loaders[0] if loaders else "", tuple(needed))


def _segment(data: bytes, at: int) -> _Segment:
    kind, _, offset, address, _, size, _, _ = _PROGRAM.unpack_from(data, at)
    return _Segment(kind, offset, address, size)


def _needed(data: bytes, dynamic: _Segment, segments: list[_Segment]) -> Iterator[str]:
    tags = list(_tags(data, dynamic))
    names = next((value for tag, value in tags if tag == _DT_STRTAB), 0)
    for tag, value in tags:
        if tag == _DT_NEEDED:
            yield _text(data, _offset(names, segments) + value)


def _tags(data: bytes, dynamic: _Segment) -> Iterator[tuple[int, int]]:
    for number in range(min(dynamic.size // _TAG.size, MAX_TAGS)):
        tag, value = _TAG.unpack_from(data, dynamic.offset + number * _TAG.size)
        if tag == _DT_NULL:
            return
        yield tag, value


def _offset(address: int, segments: list[_Segment]) -> int:
    """Where in the file an address of memory stands."""
    for one in segments:
        if one.kind == _PT_LOAD and one.address <= address < one.address + one.size:
            return address - one.address + one.offset
    raise ElfFault(f"address {address:#x} is in no segment")


def _text(data: bytes, at: int) -> str:
    text, ended, _ = data[at : at + MAX_NAME].partition(b"\0")
    if not ended or not text:
        raise ElfFault(f"no name at byte {at}")
    return text.decode("ascii")
