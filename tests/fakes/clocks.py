"""Programs on a lab's hosts that ask or listen all the time, and what they told: requests, answers to ARP, frames."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from itertools import groupby, pairwise
from types import TracebackType
from typing import Any

from fakes import asker, talker
from fakes.cluster import JSON, until
from pylb.lab import arping
from pylb.lab.client import Lab
from pylb.lab.probe import LIMIT_MS

PLAIN_PYTHON = (sys.executable, "-I", "-S")  # starts in 10 ms
END_S = 5.0
STEADY = 10  # requests answered in a row, before a test breaks something
ASK_EVERY_MS = 20


class Clock:
    """A program on a host that prints JSON lines; it runs while the block does, and its first line is there already."""

    def __init__(self, lab: Lab, host: str, argv: Sequence[str]) -> None:
        self._lines: list[str] = []
        self._process = lab.popen(host, argv, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            self._lines.extend(out)

    def told(self) -> list[JSON]:
        """All that it has told so far."""
        return [json.loads(line) for line in list(self._lines)]

    def stop(self) -> list[JSON]:
        """End it, and have all that it told; twice does no harm."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(END_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join(END_S)
        return self.told()

    def __enter__(self) -> Any:
        until("the first line of a program on a host", lambda: self._lines)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Probe(Clock):
    """A client that asks a URL on a new connection each time."""

    def __init__(self, lab: Lab, url: str, every_ms: float = ASK_EVERY_MS, limit_ms: float = LIMIT_MS) -> None:
        words = ("--each", "--every-ms", str(every_ms), "--limit-ms", str(limit_ms))
        super().__init__(lab, "client", lab.module("pylb.lab.probe", url, *words))

    def __enter__(self) -> Any:
        super().__enter__()
        self.wait_steady()
        return self

    def requests(self) -> list[tuple[float, bool]]:
        """When each began (Unix time), in order, and whether it was answered."""
        return sorted((one["at"], one["ok"]) for one in self.told() if one["kind"] == "request")

    def wait_steady(self, since: float = 0.0) -> None:
        """Wait until requests that began after a time are answered one after the other."""

        def steady() -> bool:
            last = [ok for at, ok in self.requests() if at > since][-STEADY:]
            return len(last) == STEADY and all(last)

        until("requests are answered one after the other", steady)

    def wait_outage(self, since: float, seconds: float) -> float:
        """Seconds from a fault (Unix time) to the first answered request after a failed one, as soon as there is one.

        Later failures, such as those of a lost node's pods, are another matter.
        """

        def recovered() -> float:
            asked = [(at, ok) for at, ok in self.requests() if at > since]
            failed = next((at for at, ok in asked if not ok), float("inf"))
            return next((at - since for at, ok in asked if ok and at > failed), 0.0)

        return until("a request fails, and one is answered again", recovered, seconds)

    def failed(self) -> int:
        """End it; how many requests failed in all."""
        return int(self.stop()[-1]["failed"])


class Asker(Clock):
    """Asks the LAN who has an address, each 20 ms, from the router; every answer is told."""

    def __init__(self, lab: Lab, address: str, device: str = "eth0") -> None:
        super().__init__(lab, "router", [sys.executable, asker.__file__, address, str(ASK_EVERY_MS), device])

    def answers(self) -> list[tuple[float, str]]:
        """When (Unix time) which MAC answered."""
        return [(one["at"], one["mac"]) for one in self.told() if "mac" in one]

    def silence(self) -> float:
        """The longest time, in seconds, in which nobody answered."""
        times = [at for at, _ in self.answers()]
        return max((later - earlier for earlier, later in pairwise(times)), default=float("inf"))

    def longest_dispute(self) -> float:
        """The longest time, in seconds, in which each question was answered by several MACs."""
        return longest_dispute(self.told())


def longest_dispute(told: Sequence[JSON]) -> float:
    """The longest time, in seconds, in which each of an asker's questions was answered by several MACs."""
    answers = [one for one in told if "mac" in one]
    macs = [{one["mac"] for one in group} for _, group in groupby(answers, key=lambda one: int(one["asked"]))]
    runs = [len(list(group)) for disputed, group in groupby(macs, key=lambda found: len(found) > 1) if disputed]
    return max(runs, default=0) * ASK_EVERY_MS / 1000


class Talk(Clock):
    """A client that asks for a page again and again, on one connection."""

    def __init__(self, lab: Lab, address: str, port: int) -> None:
        super().__init__(lab, "client", [*PLAIN_PYTHON, talker.__file__, address, str(port)])

    def lasts(self) -> bool:
        """Whether it is answered still."""
        seen = len(self.told())
        until(
            "the connection breaks, or is answered", lambda: self._process.poll() is not None or len(self.told()) > seen
        )
        return self._process.poll() is None


class Listener(Clock):
    """Hears the ARP frames that reach the router."""

    def __init__(self, lab: Lab, device: str = "eth0") -> None:
        super().__init__(lab, "router", [*PLAIN_PYTHON, arping.__file__, "--listen", "300", "--device", device])

    def frames(self) -> list[JSON]:
        """What was heard, in order."""
        return [frame for frame in self.told() if frame]
