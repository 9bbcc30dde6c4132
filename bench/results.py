"""What every topic ends with: print each figure as it comes, and keep them in bench/results/TOPIC.json.

It says which machine it was, so far as a reader must know to compare: no host name, no path.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench import report

SKIPPED = 77  # the exit code of a topic that this machine cannot run
FOLDER = Path(__file__).resolve().parent / "results"
NAMES = (("/proc/device-tree/model", ""), ("/proc/cpuinfo", "model name"))  # a Pi's board, another's processor


def publish(topic: str, figures: Iterable[report.Figure], *, whole: bool = True) -> None:
    """Print a line for each figure as soon as it is known; write them all once the last one is, if it is the whole topic."""
    known = []
    for figure in figures:
        print(report.line(figure), flush=True)
        known.append(figure)
    if not whole:
        return
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(report.document(topic, at, machine(), known), indent=2)
    (FOLDER / f"{topic}.json").write_text(text + "\n")
    print(f"{topic}: {report.closing(known)}", flush=True)


def machine() -> dict[str, Any]:
    """The facts that a figure depends on."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": commit(),
    }


def processor() -> str:
    """The name of the board or of the processor; the architecture where neither is told."""
    for path, key in NAMES:
        try:
            rows = Path(path).read_text(errors="replace").splitlines()
        except OSError:
            continue
        for row in rows:
            if row.startswith(key):
                return row.partition(": ")[2] if key else row.strip("\0")
    return platform.machine()


def commit() -> str:
    """The commit that was measured, with "-dirty" where the tree differs from it; "" outside a clone."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
