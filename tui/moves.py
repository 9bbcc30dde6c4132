"""The history of moves as plain lines: a table for people, JSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from pylb.core import history
from pylb.core.history import Entry

HEADINGS = ("WHEN", "ADDRESS", "SERVICES", "FROM", "", "TO", "CAUSE", "DETECTED", "ANNOUNCED")
ARROW, HELPED = "->", "<-"  # a stand-in answers for the other: nothing moved
NUMBERS = 2  # of the columns, so many at the end are numbers


def table(entries: Iterable[Entry]) -> Iterator[str]:
    """One line each under a heading, each column as wide as it needs."""
    lines = [HEADINGS, *(tuple(map(_printable, _cells(entry))) for entry in entries)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(HEADINGS))]
    for line in lines:
        left, right = line[:-NUMBERS], line[-NUMBERS:]
        cells = [cell.ljust(width) for cell, width in zip(left, widths, strict=False)]
        cells += [cell.rjust(width) for cell, width in zip(right, widths[-NUMBERS:], strict=True)]
        yield "  ".join(cells).rstrip()


def objects(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The same for programs: what is not known is null."""
    return [asdict(entry) for entry in entries]


def _cells(entry: Entry) -> tuple[str, ...]:
    helped = entry.cause == history.STOOD_IN
    cause = f"stood in for {_milliseconds(entry.lasted_ms)}" if helped else entry.cause.replace("_", " ")
    return (
        when(entry.at),
        entry.address,
        ",".join(entry.services) or "-",
        entry.from_node,
        HELPED if helped else ARROW,
        entry.to_node,
        cause,
        _milliseconds(entry.detected_ms),
        _milliseconds(entry.announced_ms),
    )


def when(at: float) -> str:
    """A Unix time as local date and time; a dash for one that no calendar holds."""
    try:
        return datetime.fromtimestamp(at, timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return "-"


def _milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.0f} s"


def _printable(text: str) -> str:
    """Nothing that a terminal would take for a command: anybody who may write the ConfigMap wrote it."""
    return "".join(one if one.isprintable() else "?" for one in text)
