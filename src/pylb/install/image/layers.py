"""Packs a tree into a layer: the same tree and time give the same bytes, on any machine with the same zlib.

Pure: it keeps to plain ustar headers for paths of up to 100 characters, and writes its own gzip header, since that of Python's gzip
module differs between versions of Python (the byte that names the system).
"""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zlib
from dataclasses import dataclass

from pylb.install.image.files import Kind, Tree, with_parents

GZIP_HEADER = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x02\xff"  # RFC 1952: deflate, no name, no time, best, unknown system
GZIP_LEVEL = 9
_TYPES = {Kind.FOLDER: tarfile.DIRTYPE, Kind.FILE: tarfile.REGTYPE, Kind.LINK: tarfile.SYMTYPE}


@dataclass(frozen=True, slots=True)
class Layer:
    """A compressed layer. `diff_id` is the digest of the tar archive in it, as the image's configuration lists it."""

    data: bytes
    diff_id: str
    created_by: str


def digest(data: bytes) -> str:
    """The content's name in an OCI image."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def pack(tree: Tree, epoch: int) -> bytes:
    """A tar archive of the tree: sorted, all owned by root, every time the epoch (in seconds)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, entry in with_parents(tree).items():
            info = tarfile.TarInfo(path)
            info.type, info.mode, info.mtime = _TYPES[entry.kind], entry.mode, epoch
            info.linkname, info.size = entry.target, len(entry.data)
            archive.addfile(info, io.BytesIO(entry.data))
    return buffer.getvalue()


def compress(data: bytes) -> bytes:
    """A gzip file (RFC 1952) without name or time."""
    deflate = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    return GZIP_HEADER + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def layer(tree: Tree, epoch: int, created_by: str) -> Layer:
    """A layer of the tree; `created_by` is what the image's history says of it."""
    archive = pack(tree, epoch)
    return Layer(compress(archive), digest(archive), created_by)
