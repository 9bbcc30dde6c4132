"""A chain of checks as lines: what was asked, what was seen, and how each came out; what went wrong in full. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from pylb.core.explanation import findings
from pylb.core.explanation.findings import Mark, Row
from pylb.tui import words
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
IN_FULL = frozenset({Mark.FAIL, Mark.WARN})
DEEP = PLACE_WIDTH + MARK_WIDTH + 1  # cells before what goes on below
MAX_WRAPPED = 4  # lines of one text


def lines(rows: Sequence[Row], width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """One line for each check, numbered; as many as it takes for what went wrong."""
    return tuple(line for place, row in enumerate(rows, 1) for line in _lines(place, row, width, glyphs))


def brief(rows: Sequence[Row], width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """The same in few lines: where something is wrong, what is well stands together in one, and mere hints are left out."""
    if findings.first_trouble(rows) is None:
        return lines(rows, width, glyphs)
    well = ", ".join(row.check for row in rows if row.mark is Mark.PASS)
    said = [(place, row) for place, row in enumerate(rows, 1) if row.mark is not Mark.PASS]
    rest = [(place, row) for place, row in said if row.mark is not Mark.HINT or row.fixes]
    head = (Span(" " * PLACE_WIDTH), Span(f"{Mark.PASS.value:<{MARK_WIDTH}} ", MARK_TONES[Mark.PASS]))
    together = (*head, Span(fit(well, max(width - PLACE_WIDTH - MARK_WIDTH - 1, 0), glyphs), "dim"))
    return (
        *((together,) if well else ()),
        *(line for place, row in rest for line in _lines(place, row, width, glyphs)),
    )


def _lines(place: int, row: Row, width: int, glyphs: Glyphs) -> Iterator[Line]:
    room = max(width - PLACE_WIDTH - MARK_WIDTH - CHECK_WIDTH - 2, 0)
    tone = MARK_TONES[row.mark] if row.mark is Mark.FAIL else ""
    first, *more = wrapped(row.text, room, width - DEEP, glyphs) if row.mark in IN_FULL else (row.text,)
    yield (
        Span(f"{place:>{PLACE_WIDTH - 1}} ", "dim"),
        Span(f"{row.mark.value:<{MARK_WIDTH}} ", MARK_TONES[row.mark]),
        Span(f"{fit(row.check, CHECK_WIDTH, glyphs):<{CHECK_WIDTH}} ", "strong"),
        Span(fit(first, room, glyphs), tone),
    )
    for part in more:
        yield (Span(" " * DEEP), Span(part, tone))


def wrapped(text: str, first: int, width: int, glyphs: Glyphs) -> tuple[str, ...]:
    """A text in at most MAX_WRAPPED lines, of which the first has `first` cells and the others `width`."""
    if first < 1 or width < 1 or words.cells(text) <= first:
        return (fit(text, max(first, 0), glyphs),)
    text = words.clean(text)
    head = (textwrap.wrap(text, first, break_on_hyphens=False) or [""])[0]
    rest = textwrap.wrap(text[len(head) :].lstrip(), width, break_on_hyphens=False)
    more = [*rest[: MAX_WRAPPED - 2], *([" ".join(rest[MAX_WRAPPED - 2 :])] if len(rest) > MAX_WRAPPED - 2 else [])]
    return (fit(head, first, glyphs), *(fit(part, width, glyphs) for part in more))
