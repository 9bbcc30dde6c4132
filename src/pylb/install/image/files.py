"""Trees of files in memory: what a layer is made of. Pure: how a tree is read from disk is `read`'s matter.

Owners, times and extended attributes do not exist here, so that they cannot differ between two builds.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from enum import Enum

FOLDER_MODE, FILE_MODE, PROGRAM_MODE, LINK_MODE = 0o755, 0o644, 0o755, 0o777
MAX_LINKS = 40  # followed for one path, as in Linux (path_resolution(7))
MERGED = ("bin", "lib", "lib64", "sbin")  # stand in /usr, with a link in / (usrmerge of Debian 12)


class Kind(Enum):
    """What an entry is."""

    FOLDER = "folder"
    FILE = "file"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a tree; `target` is a symbolic link's."""

    kind: Kind
    mode: int
    data: bytes = b""
    target: str = ""


Tree = dict[str, Entry]  # path without a leading slash -> what stands there


def folder(mode: int = FOLDER_MODE) -> Entry:
    """An empty folder."""
    return Entry(Kind.FOLDER, mode)


def file(data: bytes, mode: int = FILE_MODE) -> Entry:
    """A regular file."""
    return Entry(Kind.FILE, mode, data)


def link(target: str) -> Entry:
    """A symbolic link."""
    return Entry(Kind.LINK, LINK_MODE, target=target)


def with_parents(tree: Tree) -> Tree:
    """The tree with every folder that its paths need, sorted by path: parents come before what is in them."""
    whole = dict(tree)
    for path in tree:
        parent = posixpath.dirname(path)
        while parent and parent not in whole:
            whole[parent] = folder()
            parent = posixpath.dirname(parent)
    return dict(sorted(whole.items()))


def merged(tree: Tree) -> Tree:
    """The tree with /bin, /lib, /lib64 and /sbin moved into /usr; the links that stand for them are not made here."""
    moved: Tree = {}
    for path, entry in tree.items():
        if path not in MERGED:
            moved[f"usr/{path}" if path.split("/")[0] in MERGED else path] = entry
    return moved


def resolve(tree: Tree, path: str) -> str | None:
    """Where a path leads when all links are followed, those of folders too; None where it leads nowhere."""
    parts = [part for part in path.split("/") if part][::-1]
    here: list[str] = []
    followed = 0
    while parts:
        part = parts.pop()
        if part in {".", ".."}:
            here = here if part == "." else here[:-1]
            continue
        entry = tree.get("/".join([*here, part]))
        if entry is None or entry.kind is not Kind.LINK:
            here.append(part)
            continue
        followed += 1
        if followed > MAX_LINKS:
            return None
        here = [] if entry.target.startswith("/") else here
        parts += [step for step in entry.target.split("/") if step][::-1]
    found = "/".join(here)
    return found if found in tree else None
