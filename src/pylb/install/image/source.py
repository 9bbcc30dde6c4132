"""Reads pylb's own files, as they stand where this module runs: a checkout or an installed wheel.

Only what the daemons need: what people type (`tui`, `demo`, `lab`, `install`, the addon) is not run in a pod.
"""

from __future__ import annotations

import os
from pathlib import Path

import pylb
from pylb.install.image.files import Tree, file
from pylb.install.image.wheels import PACKAGES

PARTS = ("controller", "core", "kube", "runtime", "speaker")
CACHE = "__pycache__"


def tree() -> Tree:
    """pylb as it stands in the image."""
    root = Path(pylb.__file__).parent
    paths = [*root.glob("*.py"), *(path for part in PARTS for path in _files(root / part))]
    return {f"{PACKAGES}/pylb/{path.relative_to(root).as_posix()}": file(path.read_bytes()) for path in paths}


def _files(folder: Path) -> list[Path]:
    """The files below a folder, which may be a link to where they stand; only Python's, the daemons have no others."""
    walked = [(Path(where), names) for where, _, names in os.walk(folder) if Path(where).name != CACHE]
    return [where / name for where, names in walked for name in names if name.endswith(".py")]
