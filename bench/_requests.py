"""What rows of requests and of moments say about an outage. Pure: times are Unix seconds, given."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client: when it began, how long it took, and the answer or the error."""

    at: float
    ms: float
    ok: bool
    text: str = ""

    @property
    def ended(self) -> float:
        """When its answer came, or when it was given up."""
        return self.at + self.ms / 1000


def read(lines: Iterable[str]) -> list[Request]:
    """The requests that `pylb.lab.probe --each` told, in the order of their beginnings; a torn line is left out."""
    found = [line for line in map(_parse, lines) if line.get("kind") == "request"]
    return sorted((Request(one["at"], one["ms"], one["ok"], one["text"]) for one in found), key=lambda one: one.at)


def _parse(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def begun(requests: Iterable[Request], since: float, until: float = math.inf) -> list[Request]:
    """Those that began in this span, its end not included."""
    return [one for one in requests if since <= one.at < until]


def failures(requests: Iterable[Request]) -> list[Request]:
    """Those without an answer."""
    return [one for one in requests if not one.ok]


def share_failed(requests: Sequence[Request]) -> float:
    """How many in a hundred failed; not a number where there was no request."""
    return 100 * len(failures(requests)) / len(requests) if requests else math.nan


def first_answer(requests: Iterable[Request], since: float) -> float | None:
    """When the first answer came to a request that began at `since` or later; None without one."""
    return min((one.ended for one in requests if one.ok and one.at >= since), default=None)


def longest_silence(moments: Iterable[float], since: float, until: float) -> float:
    """The longest time between two neighbours among `since`, the moments in between, and `until`, in s."""
    inside = sorted({since, until, *(at for at in moments if since < at < until)})
    return max((later - earlier for earlier, later in pairwise(inside)), default=0.0)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of them do not exceed; not a number without values."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]
