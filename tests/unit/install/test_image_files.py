"""Trees of files: folders that are added, links that are followed, and /usr."""

from __future__ import annotations

import pytest

from pylb.install.image.files import Kind, Tree, file, folder, link, merged, resolve, with_parents

TREE: Tree = {
    "lib": link("usr/lib"),
    "usr": folder(),
    "usr/lib": folder(),
    "usr/lib/x": folder(),
    "usr/lib/x/libz.so.1": link("libz.so.1.2"),
    "usr/lib/x/libz.so.1.2": file(b"z"),
    "usr/lib/absolute": link("/lib/x/libz.so.1"),
    "usr/lib/upwards": link("../../lib/x/./libz.so.1.2"),
    "usr/lib/above": link("../../../../usr/lib/x"),
    "usr/lib/nowhere": link("gone"),
    "usr/lib/round": link("around"),
    "usr/lib/around": link("round"),
}


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("usr/lib/x/libz.so.1.2", "usr/lib/x/libz.so.1.2"),
        ("usr/lib/x/libz.so.1", "usr/lib/x/libz.so.1.2"),
        ("lib/x/libz.so.1", "usr/lib/x/libz.so.1.2"),
        ("usr/lib/absolute", "usr/lib/x/libz.so.1.2"),
        ("usr/lib/upwards", "usr/lib/x/libz.so.1.2"),
        ("usr/lib/above", "usr/lib/x"),  # the root's own parent is the root
        ("usr/lib/nowhere", None),
        ("usr/lib/round", None),
        ("usr/lib/gone", None),
    ],
)
def test_links_are_followed_inside_the_tree(path: str, end: str | None) -> None:
    assert resolve(TREE, path) == end


def test_parents_are_added_and_come_first() -> None:
    tree = with_parents({"b/c/d": file(b""), "a-b": file(b""), "a/x": file(b""), "b": folder(0o700)})
    assert list(tree) == ["a", "a-b", "a/x", "b", "b/c", "b/c/d"]
    assert (tree["b"].mode, tree["b/c"].kind) == (0o700, Kind.FOLDER)


def test_usr_is_merged() -> None:
    tree = {"lib/x": file(b"1"), "sbin": link("usr/sbin"), "library/x": file(b"2"), "usr/bin/y": file(b"3")}
    assert set(merged(tree)) == {"usr/lib/x", "library/x", "usr/bin/y"}
