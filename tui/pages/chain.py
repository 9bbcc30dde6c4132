"""A chain of checks as lines: what was asked, what was seen, and how each came out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

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
    room = width - PLACE_WIDTH - MARK_WIDTH - CHECK_WIDTH - 2
    return tuple(
        (
            Span(f"{place:>{PLACE_WIDTH - 1}} ", "dim"),
            Span(f"{row.mark.value:<{MARK_WIDTH}} ", MARK_TONES[row.mark]),
            Span(f"{fit(row.check, CHECK_WIDTH, glyphs):<{CHECK_WIDTH}} ", "strong"),
            Span(fit(row.text, max(room, 0), glyphs), MARK_TONES[row.mark] if row.mark is Mark.FAIL else ""),
        )
        for place, row in enumerate(rows, 1)
    )
