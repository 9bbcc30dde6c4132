"""Which processes run below others, and what they use, as this machine's /proc tells."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
DEPTH = 16  # ancestors that are looked at

Daemons = dict[str, int]  # who -> process id


@dataclass(frozen=True, slots=True)
class Use:
    """What a process has and uses."""

    rss: float  # MiB
    private: float  # MiB
    percent: float = 0.0  # of a core


def below(first: Mapping[int, str]) -> dict[int, tuple[str, list[str]]]:
    """The descendants of some processes: process id -> (the name of the ancestor, the words of its command line)."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            words, name = command(int(entry.name)), _above(int(entry.name), first)
            if words and name is not None:
                found[int(entry.name)] = name, words
    return found


def command(pid: int) -> list[str]:
    """The words of a command line; none where the process is gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def _above(pid: int, first: Mapping[int, str]) -> str | None:
    for _ in range(DEPTH):
        if pid in first:
            return first[pid]
        try:
            pid = int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return None
    return None


def memory(pid: int) -> tuple[float, float]:
    """Resident and private MiB."""
    rows = (row.split() for row in (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:])
    kib = {row[0].rstrip(":"): int(row[1]) for row in rows}
    return kib["Rss"] / 1024, (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024


def processor(pid: int) -> float:
    """Seconds of processor time so far, own and for system calls."""
    after_name = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
