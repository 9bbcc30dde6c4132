"""Control groups of the cluster's nodes, in every hierarchy that the machine has, below the caller's own group.

The kernel removes no group by itself: those of a cluster that ended are swept by the next one, or by whoever ended it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "pylb-cluster-"  # then the process id of the cluster's first process, as /proc has it
BUSY_ROUNDS, BUSY_PAUSE_S = 50, 0.1  # how long ended processes may linger in a group
_INHERITED = ("cpuset.cpus", "cpuset.mems")  # of cgroup v1: empty in a new group, and then it takes no process


def own() -> str:
    """The group below which we stay: that of the memory, since the machine limits it there."""
    rows = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    memory = [path for _, names, path in rows if "memory" in names.split(",")]
    return (memory or [path for _, _, path in rows])[0].rstrip("/")


def hierarchies() -> list[Path]:
    """The mount points: one with cgroup v2 alone, one a controller with v1."""
    rows = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    found = [ROOT / names.removeprefix("name=") for _, names, _ in rows if names]
    return [path for path in (*found, ROOT / "unified") if path.is_dir()] if found else [ROOT]


def make(name: str) -> str:
    """Make a group in every hierarchy; its path below each."""
    path = f"{own()}/{name}"
    for root in hierarchies():
        folder = root
        for part in path.strip("/").split("/"):
            folder = folder / part
            if folder.exists():
                continue
            folder.mkdir()
            for item in _INHERITED:
                if (folder / item).exists():
                    (folder / item).write_text((folder.parent / item).read_text())
    return path


def remove(path: str) -> None:
    """Remove a group and those below it; its processes may still be ending."""
    for root in hierarchies():
        for folder, _, _ in os.walk(f"{root}{path}", topdown=False):
            _remove_one(folder)


def _remove_one(folder: str) -> None:
    for _ in range(BUSY_ROUNDS):
        try:
            os.rmdir(folder)  # noqa: PTH106 - a control group is no ordinary folder
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            time.sleep(BUSY_PAUSE_S)
        else:
            return


def sweep() -> None:
    """Remove what clusters left that are gone."""
    base = own()
    for root in hierarchies():
        for folder in Path(f"{root}{base}").glob(f"{PREFIX}*"):
            if not Path("/proc", folder.name.removeprefix(PREFIX)).exists():
                with contextlib.suppress(OSError):  # another may be sweeping too
                    remove(f"{base}/{folder.name}")
