"""Layers: the same tree gives the same bytes, and tar and gzip read them."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from pylb.install.image.debian import tree_of
from pylb.install.image.files import Tree, file, folder, link
from pylb.install.image.layers import compress, digest, layer, pack

TREE: Tree = {
    "tmp": folder(0o1777),
    "usr/bin/python3": link("python3.11"),
    "usr/bin/python3.11": file(b"\x7fELF", 0o755),
    "etc/passwd": file(b"root"),
}


def members(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getmembers()


def test_order_of_the_tree_does_not_matter() -> None:
    backwards = dict(reversed(TREE.items()))
    assert layer(TREE, 7, "x") == layer(backwards, 7, "x")


def test_owners_times_and_modes() -> None:
    found = {one.name: one for one in members(pack(TREE, 7))}
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in found.values()} == {(0, 0, "", "", 7)}
    assert [found[name].mode for name in ("tmp", "usr/bin/python3.11", "usr")] == [0o1777, 0o755, 0o755]
    assert found["usr/bin/python3"].linkname == "python3.11"


@pytest.mark.parametrize(
    ("path", "extended"), [("short", False), ("d" * 49 + "/" + "f" * 50, False), ("f" * 120, True)]
)
def test_extended_headers_only_where_a_path_needs_them(path: str, extended: bool) -> None:
    packed = pack({path: file(b"1")}, 0)
    assert (b"PaxHeader" in packed) is extended
    assert path in [one.name for one in members(packed)]


def test_a_packed_tree_is_read_back() -> None:
    assert {path: tree_of(pack(TREE, 0))[path] for path in TREE} == TREE


def test_a_hard_link_becomes_a_file_and_a_device_nothing() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("./a")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"same"))
        for name, kind, target in [
            ("b", tarfile.LNKTYPE, "./a"),
            ("null", tarfile.CHRTYPE, ""),
            ("../out", tarfile.DIRTYPE, ""),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    tree = tree_of(buffer.getvalue())
    assert {path: entry.data for path, entry in tree.items()} == {"a": b"same", "b": b"same"}


def test_gzip_holds_no_time_and_no_system() -> None:
    """Python's own gzip writes another header in each version."""
    data = b"text " * 1000
    packed = compress(data)
    assert packed[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    assert gzip.decompress(packed) == data


def test_diff_id_is_of_the_archive_inside() -> None:
    made = layer(TREE, 0, "x")
    assert made.diff_id == digest(gzip.decompress(made.data))
