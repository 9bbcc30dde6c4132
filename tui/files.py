"""Where the screen keeps what it remembers: the XDG folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


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
