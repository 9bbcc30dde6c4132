"""A program on a host of a lab and what it tells, and the words of all topics about their progress.

Everything is told in Unix time, of the one clock that all hosts of a lab share.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from types import TracebackType

from bench._objects import Json
from bench._requests import Request, read
from pylb.lab.client import Lab

WAIT = 15.0  # s, for whatever shall come
BUSY = 0.5  # of the cores: a machine with a higher load than that before a topic starts is said to be busy
SYSTEM_PYTHON = (sys.executable, "-I", "-S")  # starts in 10 ms


def say(text: str) -> None:
    """Tell of progress, beside the figures."""
    print(f"  {text}", file=sys.stderr, flush=True)


def busy() -> str:
    """A note for figures if this machine has other work to do, as it was in the last minute; else nothing."""
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    return f"machine busy before: load {load:.1f} on {cores} cores" if load > BUSY * cores else ""


async def until(what: str, check: Callable[[], bool], seconds: float = WAIT, every: float = 0.005) -> None:
    """Wait until `check` is true; TimeoutError names `what` if it never is."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"gave up after {seconds:.0f} s: {what}")
        await asyncio.sleep(every)


class Program:
    """A program on a host of the lab, and the lines that it prints; to be used as a context manager."""

    def __init__(self, lab: Lab, host: str, argv: Sequence[str]) -> None:
        self.lines: list[str] = []
        self._objects: list[Json] = []  # of the first so many lines
        self._decoded = 0
        self.process = lab.popen(host, argv, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    async def started(self) -> None:
        """Wait for its first line."""
        await until("the first line of a program on a host", lambda: bool(self.lines))

    def stop(self) -> None:
        """End it, and have all that it printed."""
        self.process.terminate()
        try:
            self.process.wait(WAIT)
        finally:
            self.process.kill()
        self._reader.join(WAIT)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def requests(self) -> list[Request]:
        """What a probe has asked so far."""
        return read(list(self.lines))

    def objects(self) -> list[Json]:
        """What a program that tells JSON objects has told so far; the last line may be torn."""
        new = self.lines[self._decoded :]
        self._decoded += len(new)
        for line in new:
            with contextlib.suppress(ValueError):
                self._objects.append(json.loads(line))
        return [one for one in self._objects if one]

    def moments(self) -> list[float]:
        """The Unix times that `_commits` has told so far."""
        return [float(line) for line in list(self.lines) if line.strip()]


def announcements(listener: Program, address: IPv4Address, since: float) -> list[Json]:
    """The gratuitous ARP frames for an address that a listener heard since."""
    frames = listener.objects()
    return [one for one in frames if one["at"] >= since and one["ip"] == one["target"] == str(address)]
