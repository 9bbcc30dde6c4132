"""Fetches the packages that pylb imports, as wheels by pip, and reads them. Which ones: what pylb's own metadata requires.

Compiled modules in them are left out: each of these packages runs without (PyYAML's alone has one, 2.3 MB, which
`yaml.safe_load` does not use).
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pylb.install.image.errors import ImageFault
from pylb.install.image.files import Tree, file

PACKAGES = "usr/lib/python3/dist-packages"  # where Debian's Python looks, whatever its version
PLATFORMS = {  # wheels' names of Debian's architectures (PEP 600), old to new
    "amd64": ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"),
    "arm64": ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64"),
}
PIP_LIMIT = 180  # seconds
COMPILED = ".so"


def requirements() -> list[str]:
    """What pylb requires without any extra, as in its metadata. Raises ImageFault where it is not installed."""
    try:
        required = importlib.metadata.requires("pylb") or []
    except importlib.metadata.PackageNotFoundError:
        raise ImageFault("pylb is not installed in this Python; type: make setup") from None
    return sorted(one for one in required if "extra ==" not in one)


def fetch(arch: str, python: str) -> dict[str, Tree]:
    """The wheels for an architecture and a version of Python ("3.11"): file name -> tree of the image."""
    with tempfile.TemporaryDirectory(prefix="pylb-wheels-") as target:
        platforms = [word for name in PLATFORMS[arch] for word in ("--platform", name)]
        version = ["--implementation", "cp", "--python-version", python]
        command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--dest", target]
        try:
            done = subprocess.run(
                [*command, *platforms, *version, *requirements()],
                capture_output=True,
                text=True,
                timeout=PIP_LIMIT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ImageFault(f"pip download: {error}") from None
        if done.returncode != 0:
            raise ImageFault(f"pip download: {' / '.join(done.stderr.strip().splitlines()[-2:])}")
        return {wheel.name: tree_of(wheel) for wheel in sorted(Path(target).glob("*.whl"))}


def tree_of(wheel: Path) -> Tree:
    """What of a wheel stands in the image."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            f"{PACKAGES}/{name}": file(archive.read(name))
            for name in archive.namelist()
            if not name.endswith(("/", COMPILED)) and ".data/" not in name
        }
