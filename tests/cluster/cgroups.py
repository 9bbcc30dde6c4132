"""Control groups of the cluster's nodes, in every hierarchy that the machine has, below the caller's own group.

The kernel removes no group by itself: those of a cluster that ended are swept by the next one, or by whoever ended it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from pylb.lab.errors import LabError

ROOT = Path("/sys/fs/cgroup")
PREFIX = "pylb-cluster-"  # then the process id of the cluster's first process, as /proc has it
BUSY_ROUNDS, BUSY_PAUSE_S = 50, 0.1  # how long ended processes may linger in a group
MARK = "trusted.pylb-cluster"  # attribute of the groups above a cluster's own that were made for it
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
        _make_below(root, path)
    return path


def _make_below(root: Path, path: str) -> None:
    whole, above = Path(f"{root}{path}"), Path(f"{root}{own()}")
    for _ in range(BUSY_ROUNDS):
        with contextlib.suppress(FileNotFoundError, FileExistsError):  # another cluster starts or is swept: once more
            for folder in reversed([whole, *whole.parents]):
                if not folder.exists():
                    _make_one(folder, marked=folder == above or folder in above.parents)
            return
    raise LabError(f"{whole} cannot be made: it is removed again and again")


def _make_one(folder: Path, *, marked: bool) -> None:
    folder.mkdir()
    for item in _INHERITED:
        if (folder / item).exists():
            (folder / item).write_text((folder.parent / item).read_text())
    if marked:
        with contextlib.suppress(OSError):  # a kernel without such attributes: it stays when the cluster is gone
            os.setxattr(folder, MARK, b"")


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


def sweep() -> set[str]:
    """Remove what clusters left that are gone; the names of the others' groups."""
    base, left = own(), set[str]()
    for root in hierarchies():
        for folder in Path(f"{root}{base}").glob(f"{PREFIX}*"):
            if Path("/proc", folder.name.removeprefix(PREFIX)).exists():
                left.add(folder.name)
                continue
            with contextlib.suppress(OSError):  # another may be sweeping too
                remove(f"{base}/{folder.name}")
        _remove_made(Path(f"{root}{base}"))
    return left


def sweep_until(done: Callable[[set[str]], bool]) -> None:
    """Sweep until that leaves what it shall; a cluster that was told to end takes a moment. It gives up after 5 s."""
    for _ in range(BUSY_ROUNDS):
        if done(sweep()):
            return
        time.sleep(BUSY_PAUSE_S)


def _remove_made(folder: Path) -> None:
    """Remove a group that was made for clusters, and those above it, as far as nothing is in them."""
    with contextlib.suppress(OSError):  # not there, not marked, or in use
        while os.getxattr(folder, MARK) == b"":
            os.rmdir(folder)  # noqa: PTH106 - a control group is no ordinary folder
            folder = folder.parent
