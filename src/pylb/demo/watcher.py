"""What the client of the demo sees: requests all the time, from its place on the LAN, folded into outages."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import Any

from pylb.lab.client import Lab

KEPT = 400  # newest requests that the sparkline may show
OUTAGES_KEPT = 200
STOP_S = 2.0  # how long the probe may take to say its summary

JSON = dict[str, Any]


class Watcher:
    """A probe in the client's namespace, and what it told so far. Times are Unix seconds."""

    def __init__(self, lab: Lab, url: str) -> None:
        self._lab, self.url = lab, url
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.latencies: deque[float | None] = deque(maxlen=KEPT)  # ms; None: not answered
        self.outages: deque[JSON] = deque(maxlen=OUTAGES_KEPT)
        self.failures: deque[float] = deque(maxlen=KEPT * 10)  # when a request that failed began
        self.requests = 0
        self.answered_at = 0.0  # when the newest answered request began

    async def __aenter__(self) -> Watcher:
        command = self._lab.command("client", self._lab.module("pylb.lab.probe", self.url, "--each"))
        self._process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_S)
            except asyncio.TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reading is not None:
            self._reading.cancel()

    async def wait_answers(self, count: int, seconds: float) -> bool:
        """Whether that many requests in a row, from now on, are answered within the time."""
        return await self._wait(lambda start: self._good_since(start) >= count, seconds)

    async def wait_outage(self, since: float, seconds: float) -> JSON | None:
        """The first outage that ended at or after `since`, if there is one within the time."""
        await self._wait(lambda _: self.outage(since) is not None, seconds)
        return self.outage(since)

    def outage(self, since: float) -> JSON | None:
        """The first outage that ended at or after `since`: it may have begun a request before."""
        return next((one for one in self.outages if one["to"] is not None and one["to"] >= since), None)

    def failed(self, since: float) -> int:
        """Requests since then that were not answered."""
        return sum(at >= since for at in self.failures)

    def _good_since(self, start: int) -> int:
        new = min(self.requests - start, len(self.latencies))
        row = 0
        for latency in list(self.latencies)[len(self.latencies) - new :] if new else []:
            row = row + 1 if latency is not None else 0
        return row

    async def _wait(self, check: Any, seconds: float) -> bool:
        start, deadline = self.requests, time.monotonic() + seconds
        while not check(start):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    async def _read(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        async for line in self._process.stdout:
            self.take(json.loads(line))

    def take(self, told: JSON) -> None:
        """One line of the probe."""
        if told["kind"] == "request":
            self.requests += 1
            self.latencies.append(told["ms"] if told["ok"] else None)
            if told["ok"]:
                self.answered_at = max(self.answered_at, told["at"])
            else:
                self.failures.append(told["at"])
        elif told["kind"] == "outage":
            self.outages.append(told)
