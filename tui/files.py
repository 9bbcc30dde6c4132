"""Where the screen keeps what it remembers and writes what is exported: the XDG folders, and files written whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

MODE = 0o600


def config_home(environ: Mapping[str, str]) -> Path:
    """The folder of settings that people write (XDG Base Directory)."""
    return _home(environ, "XDG_CONFIG_HOME", ".config")


def state_home(environ: Mapping[str, str]) -> Path:
    """The folder of what is remembered from one run to the next (XDG Base Directory)."""
    return _home(environ, "XDG_STATE_HOME", ".local/state")


def _home(environ: Mapping[str, str], name: str, usual: str) -> Path:
    told = environ.get(name, "")
    base = Path(told) if Path(told).is_absolute() else Path(environ.get("HOME") or "/nonexistent") / usual
    return base / "pylb"


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(MODE)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
