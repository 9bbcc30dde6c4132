"""Moves of addresses from three tellers, each told once: the history, the speakers' events, the ServiceL2Statuses. Pure.

The history has the most to tell of a move and comes a second late; an event comes at once; a status is all that a plain
MetalLB cluster has, and tells of a Service, not of an address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite

from pylb.core import events, history
from pylb.core.history import Entry

TWIN_S = 2.0  # one speaker tells the same move twice within this time
SEEN_S = 15.0  # and a ServiceL2Status comes and goes within this one; its times are whole seconds
OBSERVED = "observed"  # the cause of a move of which nobody told why


def of_event(event: events.Moved) -> Entry:
    """The line of history of a move that a speaker told."""
    return Entry(
        round(event.at, 3),
        event.address,
        event.services[: history.MAX_SERVICES],
        event.from_node,
        event.to_node,
        event.cause,
        0,
        _finite(event.detected_ms),
        _finite(event.announced_ms),
    )


def of_status(service: str, before: str, node: str, at: float) -> Entry:
    """The same of a Service whose ServiceL2Status stands on another node since `at`."""
    return Entry(at, "", (service,), before, node, OBSERVED)


def merged(written: Sequence[Entry], lived: Iterable[Entry], observed: Iterable[Entry]) -> tuple[Entry, ...]:
    """All moves, each once, oldest first; the newest KEPT of them. What is written counts before what was lived."""
    known: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for one in written:
        known[one.address, one.from_node, one.to_node].append(one.at)
    new = [one for one in lived if not _near(known[one.address, one.from_node, one.to_node], one.at, TWIN_S)]
    told = [*written, *new]
    services: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in told:
        for service in one.services:
            services[service, one.to_node].append(one.at)
    told += [one for one in observed if not _near(services[one.services[0], one.to_node], one.at, SEEN_S)]
    return history.merge(told)


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _near(times: Iterable[float], at: float, within: float) -> bool:
    return any(abs(time - at) <= within for time in times)
