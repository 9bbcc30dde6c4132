"""Fetches Debian's packages of any architecture by the machine's own apt, and reads them. No root, no maintainer scripts.

apt works on lists and a status of its own, in a folder that is given; it uses the sources and keys that the machine is
configured with, and verifies what it fetches. What of a package is kept is `contents`' matter.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pylb.install.image.contents import Package
from pylb.install.image.errors import ImageFault
from pylb.install.image.files import Entry, Tree, file, folder, link

SEEDS = ("python3-minimal", "libpython3-stdlib", "ca-certificates", "base-files")
PROGRAMS = ("apt-get", "dpkg-deb")  # Debian's packages apt and dpkg
APT_LIMIT = 300  # seconds for one call of apt: a slow line, some 20 MB
UNPACK_LIMIT = 60  # seconds for one package
MAX_PACKAGES = 200  # in one root; there are about 45
MAX_UNPACKED = 256 << 20  # bytes of one package; the largest has 20 MB
_URI = re.compile(r"'[^']+' (?P<file>(?P<name>[a-z0-9][a-z0-9.+-]*)_(?P<version>[^_ ]+)_[a-z0-9]+\.deb) (?P<size>\d+)")


@dataclass(frozen=True, slots=True)
class Choice:
    """A package that apt chose, and the file that it fetches it to."""

    name: str
    version: str
    file: str


@dataclass(frozen=True, slots=True)
class Apt:
    """apt for one architecture, with all that it remembers in a folder."""

    folder: Path
    arch: str

    def prepare(self) -> None:
        """Make the folders. Raises ImageFault where the machine has no apt."""
        absent = [name for name in PROGRAMS if shutil.which(name) is None]
        if absent:
            raise ImageFault(
                f"the base is made of Debian's packages, and {absent[0]} is not on this machine; use a Debian 12"
            )
        for name in ("lists/partial", "cache/archives/partial", "packages"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()

    def has_lists(self) -> bool:
        """Whether it was ever updated."""
        return any((self.folder / "lists").glob("*_Packages*"))

    def update(self) -> None:
        """Fetch the lists of packages anew. Raises ImageFault where any source does not answer."""
        self._run("-o", "APT::Update::Error-Mode=any", "-q", "update")
        if not self.has_lists():
            raise ImageFault(
                f"apt-get update fetched no lists for {self.arch}: is a Debian 12 among this machine's sources?"
            )

    def choose(self) -> list[Choice]:
        """What apt would install on a machine with nothing on it, for a Python and certificates."""
        said = self._run("-qq", "--print-uris", "install", *SEEDS)
        chosen = [
            Choice(found["name"], found["version"].replace("%3a", ":"), found["file"]) for found in _URI.finditer(said)
        ]
        if not chosen or len(chosen) > MAX_PACKAGES:
            raise ImageFault(
                f"apt chose {len(chosen)} packages for {self.arch}: {said.strip()[:200] or 'it said nothing'}"
            )
        return sorted(chosen, key=lambda one: one.name)

    def fetch(self, choices: Iterable[Choice]) -> None:
        """Fetch the packages; those that are there already, and whole, stay; others are removed."""
        wanted = list(choices)
        self._run("-qq", "download", *(f"{one.name}={one.version}" for one in wanted))
        for old in set((self.folder / "packages").iterdir()) - {self.folder / "packages" / one.file for one in wanted}:
            old.unlink()

    def read(self, choice: Choice) -> Package:
        """The package's description and files."""
        path = self.folder / "packages" / choice.file
        described = _run(["dpkg-deb", "--info", str(path), "control"], UNPACK_LIMIT)
        return Package(choice.name, described, tree_of(_run(["dpkg-deb", "--fsys-tarfile", str(path)], UNPACK_LIMIT)))

    def _run(self, *words: str) -> str:
        options = {
            "Dir::State": self.folder,
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "APT::Architecture": self.arch,
            "APT::Architectures::": self.arch,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",  # as root apt would become a user that cannot write to this folder
            "Acquire::Languages": "none",
        }
        command = ["apt-get", *(word for key, value in options.items() for word in ("-o", f"{key}={value}")), *words]
        return _run(command, APT_LIMIT, self.folder / "packages").decode(errors="replace")


def tree_of(archive: bytes) -> Tree:
    """The files of a tar archive. A hard link becomes a file of its own; devices and the like are left out."""
    tree: Tree = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            path = os.path.normpath(member.name).lstrip("/")
            entry = _entry(members, member)
            if path != "." and not path.startswith("..") and entry is not None:
                tree[path] = entry
    return tree


def _entry(members: tarfile.TarFile, member: tarfile.TarInfo) -> Entry | None:
    if member.isdir():
        return folder(member.mode)
    if member.issym():
        return link(member.linkname)
    content = members.extractfile(member) if member.isfile() or member.islnk() else None
    return None if content is None else file(content.read(), member.mode)


def _run(command: list[str], limit: float, cwd: Path | None = None) -> bytes:
    """What a command prints. Raises ImageFault with its last words where it fails."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    title = " ".join([command[0], *[word for word in command[1:] if "=" not in word and word != "-o"]][:4])
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=limit, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageFault(f"{title}: {error}") from None
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ImageFault(f"{title}: " + (" / ".join(lines[-3:]) or f"exit {done.returncode}"))
    if len(done.stdout) > MAX_UNPACKED:
        raise ImageFault(f"{title}: {len(done.stdout)} bytes are too many")
    return done.stdout
