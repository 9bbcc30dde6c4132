"""What became of what a key did, in words: how long the client was not answered, and by whom it is answered now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pylb.tui.words import Span

GAPS = "; gaps: its pods, still asked"  # until Kubernetes takes them out of the Service's endpoints
SURE_S = 1.0  # so long after a deed without a failed request: none failed of it


@dataclass
class Deed:
    """Something that a key did at `at` (Unix seconds), and what was learned since."""

    at: float
    what: str  # such as: n1's cable pulled
    by: str = ""  # the node that answers for the address now
    instead: str = ""  # the node that answers in another's place
    result: str = ""  # what came of it, where it is not about answers


@dataclass(frozen=True, slots=True)
class Sight:
    """What the client saw since a deed."""

    outages: tuple[Mapping[str, Any], ...] = ()  # that ended since then, oldest first
    failed: int = 0  # requests
    failing_ms: float = 0.0  # so long there is no answer now; 0 while there are answers
    silent: bool = False  # whether there are none
    gaps: bool = False  # whether requests fail between answers while a node is cut off: kube-proxy still asks its pods


def told(deed: Deed, sight: Sight, now: float) -> Span:
    """The deed and its outcome in one text: `n1's cable pulled: answered by n2 after 412 ms`."""
    if deed.result:
        return Span(f"{deed.what}: {deed.result}", "info")
    if sight.silent:
        return Span(f"{deed.what}: no answer for {sight.failing_ms:.0f} ms", "bad")
    place = f", {deed.instead} answers" if deed.instead else ""
    if not sight.outages:
        sure = sight.failed == 0 and now - deed.at >= SURE_S
        return Span(f"{deed.what}: {'no request failed' if sure else 'all is answered so far'}{place}", "good")
    longest = max(float(one["ms"] or 0.0) for one in sight.outages)
    by = f"answered by {deed.by}" if deed.by else "answered again"
    return Span(f"{deed.what}: {by} after {longest:.0f} ms{place}{GAPS if sight.gaps else ''}", "warn")
