"""The base layer of an architecture: Debian's Python and the packages that pylb imports, kept in a cache folder.

    FOLDER/apt-ARCH/          what apt knows, and the packages that it fetched
    FOLDER/KEY/base.tar.gz    the layer; KEY is over the packages with their versions, and over the recipe
    FOLDER/KEY/base.json      what is in it
    FOLDER/KEY/root/          the layer unpacked, for this machine's own architecture: its Python compiles
    FOLDER/ARCH-RECIPE        the KEY that was made last; RECIPE is over these modules and pylb's requirements

Without `refresh` the base that was made last is used as long as the recipe is the same, and nothing is fetched.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pylb.install.image import bytecode, contents, wheels
from pylb.install.image.debian import Apt, Choice
from pylb.install.image.errors import ImageFault
from pylb.install.image.files import Entry, Kind, Tree
from pylb.install.image.layers import Layer, layer

ARCHITECTURES = ("amd64", "arm64")
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}  # uname's names
RECIPE_LENGTH = 16  # hexadecimal digits in names: enough to tell some recipes of one folder apart
MAKING = ".making-"
LOCK_LIMIT_S, LOCK_EVERY_S = 540.0, 0.1  # a slow network brings Debian's packages within this, or another process hangs
MAX_KEPT = 3  # bases of one architecture, of the newest recipes: checkouts of several versions may share the folder
EPOCH = 0  # the time of every file of a base, in seconds: whoever wants another one in the image need not make the base anew
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Base:
    """A base layer, its Python's version, and the packages in it as "name version"."""

    layer: Layer
    python: str
    packages: tuple[str, ...]
    folder: Path

    @property
    def root(self) -> Path:
        """Where it is unpacked, if it is this machine's architecture's."""
        return self.folder / "root"

    def interpreter(self) -> list[str]:
        """How this base's Python is run here, without being root and without installing it."""
        return _interpreter(self.root, self.python)


def native() -> str:
    """This machine's architecture in Debian's names. Raises ImageFault where there is no image for it."""
    machine = platform.machine()
    if machine not in MACHINES:
        raise ImageFault(f"images are made on x86_64 and aarch64 machines; this one is {machine}")
    return MACHINES[machine]


def cache_folder() -> Path:
    """Where bases are kept (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pylb" / "image"


def bases(architectures: Sequence[str], folder: Path, refresh: bool, say: Say) -> dict[str, Base]:
    """The base of each architecture; this machine's own is always among them, since its Python compiles for all."""
    mine = native()
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Base] = {}
    with _locked(folder):
        for left in folder.glob(f"{MAKING}*"):  # by somebody who was killed
            shutil.rmtree(left)
        for arch in [mine, *(one for one in architectures if one != mine)]:
            made[arch] = _base(arch, folder, refresh, made.get(mine), say)
    return made


def _base(arch: str, folder: Path, refresh: bool, helper: Base | None, say: Say) -> Base:
    recipe = _recipe()
    latest = folder / f"{arch}-{recipe}"
    known = folder / latest.read_text(encoding="ascii") if latest.exists() else None
    if known is not None and known.exists() and not refresh:
        return _load(known)
    say(f"{arch}: fetching Debian's packages")
    apt = Apt(folder / f"apt-{arch}", arch)
    choices = _fetched(apt, refresh)
    packages = [apt.read(choice) for choice in choices]
    tree = contents.select(packages)
    version = contents.python_version(tree)
    if helper is not None and helper.python != version:
        raise ImageFault(f"Python {version} for {arch}, {helper.python} for this machine: type it again with --refresh")
    brought = wheels.fetch(arch, version)
    for wheel in brought.values():
        tree |= wheel
    used = [one for one in choices if f"{contents.RECORDS}/{one.name}" in tree]
    listed = [f"{one.name} {one.version}" for one in used] + sorted(brought)
    key = hashlib.sha256("\n".join([arch, recipe, *listed]).encode()).hexdigest()
    if not (folder / key).exists():
        say(f"{arch}: packing Python {version} and {', '.join(name.split('-')[0] for name in brought)}")
        _store(folder / key, arch, tree, listed, helper)
    latest.write_text(key, encoding="ascii")
    _prune(folder, arch)
    return _load(folder / key)


def _fetched(apt: Apt, refresh: bool) -> list[Choice]:
    """The packages, fetched. Lists that name packages which the archive no longer has are fetched anew, once."""
    apt.prepare()
    fresh = refresh or not apt.has_lists()
    if fresh:
        apt.update()
    choices = apt.choose()
    try:
        apt.fetch(choices)
    except ImageFault:
        if fresh:
            raise
        apt.update()
        choices = apt.choose()
        apt.fetch(choices)
    return choices


def _store(target: Path, arch: str, tree: Tree, listed: list[str], helper: Base | None) -> None:
    """Make a base in a folder beside its place, and move it there when it is whole."""
    version = contents.python_version(tree)
    with tempfile.TemporaryDirectory(prefix=MAKING, dir=target.parent) as made:
        folder = Path(made) / "base"
        if helper is None:
            unpack(tree, folder / "root")
        folder.mkdir(exist_ok=True)
        python = _interpreter(folder / "root", version) if helper is None else helper.interpreter()
        tree = {**tree, **bytecode.compiled(tree, python, version)}
        wrong = contents.faults(tree, arch)
        if wrong:
            raise ImageFault(f"the base for {arch} is not whole: {wrong[0]}")
        packed = layer(tree, EPOCH, f"Debian packages with Python {version}, and what pylb imports")
        (folder / "base.tar.gz").write_bytes(packed.data)
        described = {"diff_id": packed.diff_id, "created_by": packed.created_by, "python": version, "packages": listed}
        (folder / "base.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
        folder.replace(target)


def _load(folder: Path) -> Base:
    try:
        described = json.loads((folder / "base.json").read_text(encoding="utf-8"))
        data = (folder / "base.tar.gz").read_bytes()
        packed = Layer(data, described["diff_id"], described["created_by"])
        return Base(packed, described["python"], tuple(described["packages"]), folder)
    except (OSError, ValueError, KeyError) as error:
        raise ImageFault(f"{folder} is damaged ({error}); remove it, and try again") from None


def unpack(tree: Tree, root: Path) -> None:
    """Write a tree below a folder that is not there yet, as whoever calls."""
    root.mkdir(parents=True)
    for path, entry in tree.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        _write(place, entry)


def _write(place: Path, entry: Entry) -> None:
    if entry.kind is Kind.LINK:
        place.symlink_to(entry.target)
        return
    if entry.kind is Kind.FOLDER:
        place.mkdir(exist_ok=True)
    else:
        place.write_bytes(entry.data)
    place.chmod(entry.mode)


def _interpreter(root: Path, version: str) -> list[str]:
    """The root's Python by its own loader and libraries, so that it runs on any machine of the architecture."""
    loader = next(root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*"), None)
    if loader is None:
        raise ImageFault(f"{root} is damaged; remove {root.parent}, and try again")
    python = root / "usr" / "bin" / f"python{version}"
    return [str(loader), "--library-path", str(loader.parent), str(python), "-I", "-B"]


def _prune(folder: Path, arch: str) -> None:
    """Remove what no recent recipe of the architecture uses."""
    pointers = sorted(folder.glob(f"{arch}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in pointers[MAX_KEPT:]:
        old.unlink()
    used = {path.read_text(encoding="ascii") for one in ARCHITECTURES for path in folder.glob(f"{one}-*")}
    for base in folder.glob("*/base.json"):
        if base.parent.name not in used:
            shutil.rmtree(base.parent)


def _recipe() -> str:
    """Stands for all that decides what becomes of the same packages."""
    parts = [one.encode() for one in wheels.requirements()]
    parts += [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:RECIPE_LENGTH]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One maker at a time; a second one waits, and finds what the first has made."""
    path, end = folder / "lock", time.monotonic() + LOCK_LIMIT_S
    with path.open("w") as lock:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > end:
                raise ImageFault(f"another process has held {path} for {LOCK_LIMIT_S:.0f} s: end it, and try again")
            time.sleep(LOCK_EVERY_S)
        yield
