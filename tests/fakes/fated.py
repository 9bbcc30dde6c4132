"""A controller as a process that is killed (SIGKILL) at one of its writes, on an API server in the test's own loop."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from fakes import served
from fakes.fates import POD, Play
from fakes.rivals import Stage

ENDS_S = 10.0


class Life:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def kill(self) -> None:
        """At once, if it lives."""
        if self._process.returncode is None:
            self._process.kill()

    async def crash(self) -> None:
        """The same, and it is gone."""
        self.kill()
        await asyncio.wait_for(self._process.wait(), ENDS_S)


class ProcessPlay(Play):
    """The same play, with processes for lives."""

    def __init__(self, stage: Stage, home: Path, at: int, fate: str, *, dark: bool = False) -> None:
        super().__init__(stage, at, fate, dark=dark)
        self.struck.named = False
        self._home = home
        (home / "kubeconfig").write_text(json.dumps(served.config(stage.server.url, None)))

    async def start(self) -> Life:
        words = ["controller", "--kubeconfig", str(self._home / "kubeconfig"), "--pod", POD, "--bind", "127.0.0.1"]
        with (self._home / "log").open("a") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "pylb", *words, "--port", "0"), stdout=log, stderr=log
            )
        life = Life(process)
        self.struck.kill = life.kill
        return life
