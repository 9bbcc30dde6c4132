"""What the daemons must not load: memory is what a Pi has least of."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("kubernetes", "yaml", "click", "pyroute2", "textual", "aiohttp", "urllib3")
MODULES = (
    "pylb.kube.client",
    "pylb.kube.collection",
    "pylb.kube.credentials",
    "pylb.kube.write",
    "pylb.runtime.http",
    "pylb.runtime.log",
    "pylb.runtime.metrics",
    "pylb.runtime.tasks",
)


def test_the_daemons_path_loads_nothing_heavy() -> None:
    code = f"import sys, {', '.join(MODULES)}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
