"""`microk8s pylb …`: a small program in MicroK8s' folder of plugins that leads back to this clone.

MicroK8s does not run `enable` again for an addon that is enabled, so that a range is changed here. Plugins are a node's
own: the command exists on the node where pylb was enabled.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

NAME = "pylb"
_MARK = "# Made by `microk8s enable pylb`."


def text(program: Path) -> str:
    """The plugin's content."""
    python = '"${SNAP:-/snap/microk8s/current}/usr/bin/python3"'
    return f'#!/bin/sh\n{_MARK}\nexec {python} {shlex.quote(str(program))} "$@"\n'


def put(program: Path, environment: Mapping[str, str]) -> str:
    """Make the plugin; why it could not be made, "" where it was or where this is no MicroK8s."""
    common = environment.get("SNAP_COMMON", "")
    if not common:
        return ""
    path = Path(common) / "plugins" / NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and _MARK not in path.read_text(encoding="utf-8", errors="replace"):
            return f"{path} is somebody else's"
        path.write_text(text(program), encoding="utf-8")
        path.chmod(0o755)
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return ""


def remove(environment: Mapping[str, str]) -> None:
    """Remove the plugin, if it is ours and we may."""
    common = environment.get("SNAP_COMMON", "")
    path = Path(common) / "plugins" / NAME
    try:
        if common and _MARK in path.read_text(encoding="utf-8", errors="replace"):
            path.unlink()
    except OSError:
        return
