"""A chain of checks as lines: what was asked, what was seen, and how each came out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pylb.core import findings
from pylb.core.findings import Mark, Row
from pylb.tui.words import Glyphs, Line, Span, fit

MARK_TONES = {
    Mark.PASS: "good",
    Mark.HINT: "info",
    Mark.UNKNOWN: "dim",
    Mark.WARN: "warn",
    Mark.FAIL: "bad",
}
MARK_WIDTH, CHECK_WIDTH = 7, 17  # cells
PLACE_WIDTH = 3


def lines(rows: Sequence[Row], width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """One line for each check, numbered."""
    return tuple(_line(place, row, width, glyphs) for place, row in enumerate(rows, 1))


def brief(rows: Sequence[Row], width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """The same in few lines: where something is wrong, what is well stands together in one."""
    if findings.first_trouble(rows) is None:
        return lines(rows, width, glyphs)
    well = ", ".join(row.check for row in rows if row.mark is Mark.PASS)
    rest = [(place, row) for place, row in enumerate(rows, 1) if row.mark is not Mark.PASS]
    head = (Span(" " * PLACE_WIDTH), Span(f"{Mark.PASS.value:<{MARK_WIDTH}} ", MARK_TONES[Mark.PASS]))
    together = (*head, Span(fit(well, max(width - PLACE_WIDTH - MARK_WIDTH - 1, 0), glyphs), "dim"))
    return (*((together,) if well else ()), *(_line(place, row, width, glyphs) for place, row in rest))


def _line(place: int, row: Row, width: int, glyphs: Glyphs) -> Line:
    room = width - PLACE_WIDTH - MARK_WIDTH - CHECK_WIDTH - 2
    return (
        Span(f"{place:>{PLACE_WIDTH - 1}} ", "dim"),
        Span(f"{row.mark.value:<{MARK_WIDTH}} ", MARK_TONES[row.mark]),
        Span(f"{fit(row.check, CHECK_WIDTH, glyphs):<{CHECK_WIDTH}} ", "strong"),
        Span(fit(row.text, max(room, 0), glyphs), MARK_TONES[row.mark] if row.mark is Mark.FAIL else ""),
    )
