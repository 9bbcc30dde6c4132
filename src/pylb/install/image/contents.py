"""Decides what of Debian's packages stands in the image: Python, what its modules need, and certificates.

Pure. Which shared libraries are needed is read from the programs and modules that stay, not listed here. Left out is what
the daemons cannot use: tests, documentation, tools for people, and modules whose libraries are large. Sizes behind that:
docs/adr/0010-an-image-without-a-daemon.md.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pylb.install.image import elf
from pylb.install.image.files import MERGED, Entry, Kind, Tree, file, folder, link, merged, resolve

PYTHON = re.compile(r"usr/lib/(python3\.\d+)/(.+)")
DYNLOAD = "lib-dynload/"
# Top-level modules and folders of the standard library that are left out.
UNUSED_MODULES = frozenset(
    {
        *("curses", "dbm", "doctest", "ensurepip", "idlelib", "lib2to3", "pydoc", "pydoc_data", "sqlite3", "test"),
        *("tkinter", "turtle", "turtledemo", "unittest", "venv", "wsgiref", "xmlrpc"),
    }
)
# Compiled modules that are left out: some would bring Berkeley DB, SQLite, ncurses, readline or Kerberos.
UNUSED_COMPILED = re.compile(
    r"(_crypt|_ctypes_test|_curses.*|_dbm|_gdbm|_lsprof|_sqlite3|_test.*|_tkinter|_xxtestfuzz|audioop|nis|ossaudiodev|readline"
    r"|_codecs_(cn|hk|iso2022|jp|kr|tw)|xx.*)\."
)
OPENED = ("libgcc_s.so.1",)  # glibc opens it when a thread ends (pthread_exit(3)); no file says that it needs it
AUTHORITIES = "usr/share/ca-certificates/"
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
RECORDS = "var/lib/dpkg/status.d"  # a description of each package, where scanners for weaknesses look
NOBODY = 65534
ACCOUNTS: Tree = {
    "etc/passwd": file(
        b"root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    ),
    "etc/group": file(b"root:x:0:\nnogroup:x:65534:\n"),
    "etc/nsswitch.conf": file(b"passwd: files\ngroup: files\nhosts: files dns\n"),
}


class ContentsFault(Exception):
    """The packages do not hold what the image needs; the text names it."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package as it would be unpacked. `control` is its description, as dpkg keeps it."""

    name: str
    control: bytes
    tree: Tree


def select(packages: Iterable[Package]) -> Tree:
    """The root of the image, without pylb and what it imports. Raises ContentsFault."""
    listed = list(packages)
    moved = {package.name: merged(package.tree) for package in listed}
    owners = {path: name for name, tree in moved.items() for path, entry in tree.items() if entry.kind != Kind.FOLDER}
    whole = {name: link(f"usr/{name}") for name in MERGED}
    for tree in moved.values():
        whole |= tree
    kept = {path: whole[path] for path in owners if _is_wanted(path)}
    kept |= _with_libraries(whole, kept)
    used = {owners[path] for path in kept} | {"ca-certificates"}
    return {
        **kept,
        **{name: whole[name] for name in MERGED},
        **_folders(),
        **ACCOUNTS,
        BUNDLE: file(_bundle(whole)),
        "usr/lib/ssl/cert.pem": link(f"/{BUNDLE}"),
        **_records(whole, [package for package in listed if package.name in used]),
    }


def python_version(tree: Tree) -> str:
    """The version of the root's Python, such as "3.11". Raises ContentsFault where it has none."""
    found = resolve(tree, "usr/bin/python3") or ""
    version = posixpath.basename(found).removeprefix("python")
    if not re.fullmatch(r"3\.\d+", version):
        raise ContentsFault("there is no usr/bin/python3 in the packages")
    return version


def programs(tree: Tree) -> Iterator[tuple[str, elf.Elf]]:
    """Every program and library of ELF, with what it needs. Raises ContentsFault."""
    for path, entry in tree.items():
        if entry.kind is Kind.FILE and elf.is_elf(entry.data):
            try:
                yield path, elf.read(entry.data)
            except elf.ElfFault as error:
                raise ContentsFault(f"{path}: {error}") from None


def faults(tree: Tree, arch: str) -> list[str]:
    """Programs and libraries of another architecture, and those that need what the root does not have."""
    wrong: list[str] = []
    for path, one in programs(tree):
        if one.machine != arch:
            wrong.append(f"{path} is of {one.machine}")
        wrong += [f"{path} needs {name}" for name in _wants(one) if not _find(tree, name)]
    return wrong


def _is_wanted(path: str) -> bool:
    if re.fullmatch(r"usr/bin/python3(\.\d+)?|etc/python3\.\d+/.*|usr/lib/os-release|etc/os-release", path):
        return True
    found = PYTHON.fullmatch(path)
    return found is not None and _is_used(found[2])


def _is_used(path: str) -> bool:
    """Whether a path below the standard library's folder stays."""
    if path.startswith(DYNLOAD):
        return not UNUSED_COMPILED.match(path.removeprefix(DYNLOAD))
    top = path.split("/")[0].removesuffix(".py")
    return top not in UNUSED_MODULES and not top.startswith("config-") and "/__pycache__/" not in path


def _with_libraries(whole: Tree, kept: Tree) -> Tree:
    """The libraries that the kept files need, and those need in turn, each with the links that lead to it."""
    found: Tree = {}
    pending = [*OPENED, *(name for _, one in programs(kept) for name in _wants(one))]
    while pending:
        name = pending.pop()
        path = _find(whole, name)
        if path is None:
            raise ContentsFault(f"no package holds {name}, which a program or library needs")
        target = resolve(whole, path)
        if target is None or path in found:
            continue
        found |= {path: whole[path], target: whole[target]}
        pending += [need for _, one in programs({target: whole[target]}) for need in one.needed]
    return found


def _wants(one: elf.Elf) -> Iterator[str]:
    yield from one.needed
    if one.loader:
        yield one.loader


def _find(tree: Tree, name: str) -> str | None:
    """Where the loader finds a library by its name, or a loader by its path."""
    if name.startswith("/"):
        place = next(iter(merged({name.lstrip("/"): folder()})))
        return place if resolve(tree, place) else None
    places = (
        path for path in tree if path.startswith("usr/lib") and path.endswith(f"/{name}") and path.count("/") <= 3
    )
    return next((path for path in places if resolve(tree, path)), None)


def _folders() -> Tree:
    """What a container runtime mounts on, and where a program may write when nothing is read-only."""
    empty = ("dev", "proc", "run", "sys", *(f"usr/{name}" for name in MERGED))
    return {**{name: folder() for name in empty}, "root": folder(0o700), "tmp": folder(0o1777)}


def _bundle(whole: Tree) -> bytes:
    """All authorities in one file, as update-ca-certificates would make it."""
    paths = sorted(path for path in whole if path.startswith(AUTHORITIES) and path.endswith(".crt"))
    if not paths:
        raise ContentsFault(f"no package holds certificates in {AUTHORITIES}")
    return b"".join(whole[path].data.rstrip() + b"\n" for path in paths)


def _records(whole: Tree, packages: Iterable[Package]) -> Tree:
    """Licence and description of each package that is in use, where scanners for weaknesses look."""
    records: dict[str, Entry] = {}
    for package in packages:
        copyright_file = f"usr/share/doc/{package.name}/copyright"
        path = resolve(whole, copyright_file)
        if path is not None:
            records[copyright_file] = whole[path]
        records[f"{RECORDS}/{package.name}"] = file(package.control.rstrip() + b"\n")
    return records
