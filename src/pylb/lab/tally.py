"""What a row of requests says: when an address answered, when it did not, and for how long. Pure.

An outage runs from the start of the last good request to the start of the first good one after it: that is what a
client that asks all the time sees. With a request each 20 ms it cannot be measured finer than that.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

ANSWERS_MAX = 1000  # different answers that are counted
OUTAGES_MAX = 1000  # that the summary tells
LATENCIES_MAX = 200_000  # requests whose duration is kept


@dataclass(frozen=True, slots=True)
class Result:
    """A request: when it began (Unix time), how long it took, and the answer or the error."""

    number: int
    at: float
    ms: float
    ok: bool
    text: str


class Tally:
    """Takes results in any order, tells them in the order of their requests."""

    def __init__(self) -> None:
        self._waiting: dict[int, Result] = {}
        self._next = 0
        self._ok: bool | None = None
        self._last_good: Result | None = None
        self._failed_since = 0
        self._outages: list[dict[str, Any]] = []
        self._latencies: list[float] = []
        self._answers: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()

    def add(self, result: Result) -> list[dict[str, Any]]:
        """What there is to tell now: changes of state, and outages that ended."""
        self._waiting[result.number] = result
        told = []
        while self._next in self._waiting:
            told += self._take(self._waiting.pop(self._next))
            self._next += 1
        return told

    def _take(self, result: Result) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        if result.ok != self._ok:
            told.append({"kind": "state", "at": result.at, "ok": result.ok, "text": result.text})
        if result.ok:
            told += self._good(result)
        else:
            self._failed_since += 1
            self._count(self._errors, result.text)
        self._ok = result.ok
        return told

    def _good(self, result: Result) -> list[dict[str, Any]]:
        ended = []
        if self._failed_since and self._last_good is not None:
            ended.append(self._outage(self._last_good.at, result.at))
            self._outages += ended[: OUTAGES_MAX - len(self._outages)]
        self._failed_since, self._last_good = 0, result
        if len(self._latencies) < LATENCIES_MAX:
            self._latencies.append(result.ms)
        self._count(self._answers, result.text)
        return ended

    def _outage(self, began: float, ended: float | None) -> dict[str, Any]:
        ms = None if ended is None else round((ended - began) * 1000, 1)
        return {"kind": "outage", "from": began, "to": ended, "ms": ms, "failed": self._failed_since}

    @staticmethod
    def _count(counter: Counter[str], text: str) -> None:
        if text in counter or len(counter) < ANSWERS_MAX:
            counter[text] += 1

    def summary(self) -> dict[str, Any]:
        """All of it. An outage that lasts has no end; before the first answer there is none."""
        outages = list(self._outages)
        if self._failed_since and self._last_good is not None:
            outages.append(self._outage(self._last_good.at, None))
        good, bad = sum(self._answers.values()), sum(self._errors.values())
        return {
            "kind": "summary",
            "sent": good + bad,
            "failed": bad,
            "p50_ms": percentile(self._latencies, 0.5),
            "p99_ms": percentile(self._latencies, 0.99),
            "outages": outages,
            "answers": dict(self._answers),
            "errors": dict(self._errors),
        }


def percentile(values: list[float], share: float) -> float | None:
    """The value below which a share of them lies; None without values."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
