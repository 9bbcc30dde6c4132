"""The image archive: where it lies, which image is in it, and how MicroK8s is given it.

`microk8s images import` sends it to every node and exits 0 whatever happened; whether the nodes have the image is
looked at elsewhere (`pylb.addon.presence`).
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pylb import __version__
from pylb.core.images import full_name

NAME = f"pylb-{__version__}.oci.tar"  # what `make image` writes
IMPORT_LIMIT_S = 600  # a Raspberry Pi's SD card, and each node in turn
MAX_INDEX = 1 << 20  # bytes of the list of images in an archive
_WRAPPER = "microk8s-images.wrapper"
_ANNOTATIONS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


class ArchiveFault(Exception):
    """The archive cannot be used; the message names it and says why."""


def beside(folders: Iterable[Path]) -> Path | None:
    """The archive of this version in one of some folders."""
    return next((folder / NAME for folder in folders if (folder / NAME).is_file()), None)


def check(path: Path, image: str) -> None:
    """Make sure that an archive holds the image; raises ArchiveFault."""
    names = _names(path)
    if full_name(image) not in {full_name(name) for name in names}:
        held = ", ".join(sorted(names)) or "no image with a name"
        raise ArchiveFault(f"{path} holds {held}, not {full_name(image)}")


def _names(path: Path) -> set[str]:
    """The names of the images in an OCI archive, or in what `docker save` writes."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name.lstrip("./") in ("index.json", "manifest.json") and member.size <= MAX_INDEX:
                    file = archive.extractfile(member)
                    found = _named(json.loads(file.read())) if file else set()
                    if found:
                        return found
    except OSError as error:
        raise ArchiveFault(f"cannot read {path}: {error.strerror or error}") from None
    except (tarfile.TarError, ValueError, EOFError, RecursionError) as error:
        raise ArchiveFault(f"{path} is no image archive: {error}") from None
    return set()


def _named(document: object) -> set[str]:
    if isinstance(document, dict):  # OCI
        manifests = [one for one in document.get("manifests") or () if isinstance(one, dict)]
        noted = [one.get("annotations") or {} for one in manifests]
        return {str(note[key]) for note in noted for key in _ANNOTATIONS if "/" in str(note.get(key, ""))}
    entries = [one for one in document if isinstance(one, dict)] if isinstance(document, list) else []
    return {str(tag) for one in entries for tag in one.get("RepoTags") or ()}


def can_import(environment: Mapping[str, str]) -> bool:
    """Whether this is a MicroK8s that can be given an archive."""
    return bool(environment.get("SNAP")) and (Path(environment["SNAP"]) / _WRAPPER).exists()


def bring(path: Path, environment: Mapping[str, str]) -> str:
    """Give an archive to every node of MicroK8s; what the command printed. Raises ArchiveFault."""
    line = [str(Path(environment["SNAP"]) / _WRAPPER), "import", str(path)]
    try:
        done = subprocess.run(
            line,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=IMPORT_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ArchiveFault(f"`microk8s images import {path}` did not end within {IMPORT_LIMIT_S} s") from None
    except OSError as error:
        raise ArchiveFault(f"cannot run {line[0]}: {error.strerror or error}") from None
    if done.returncode != 0:
        raise ArchiveFault(f"`microk8s images import {path}` failed: {done.stdout.strip()}")
    return done.stdout.strip()
