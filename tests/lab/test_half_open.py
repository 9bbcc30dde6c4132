"""A watch in which nothing happens stands; one whose server's host is gone without a word is given up within seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pylb.kube import client, collection

END = Path(__file__).with_name("half_open_end.py")
QUIET_S = 15.0  # more than the kernel's patience with a host that is gone, and several probes
NOTICED_S = 30.0
LIMIT_S = 120.0


def test_the_kernel_tells_a_quiet_server_from_one_that_is_gone() -> None:
    apart = ["--user", "--map-root-user"] if os.geteuid() else []
    path = os.pathsep.join([str(END.parents[1]), *sys.path])
    line = ["unshare", "--net", *apart, "--", sys.executable, str(END), str(QUIET_S)]
    done = subprocess.run(
        line, check=False, capture_output=True, text=True, timeout=LIMIT_S, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["stood"], "silence alone ended it"
    assert 0 < seen["noticed"] < NOTICED_S, seen


def test_a_watch_may_be_silent_to_its_end() -> None:
    """An API server ends it by itself, and owes it no bookmark before."""
    assert max(collection.WATCH_SECONDS) + client.DEADLINE < collection.WATCH_IDLE
