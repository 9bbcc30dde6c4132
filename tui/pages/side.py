"""What stands beside the table of Services where there is room: the one under the cursor, and what matters of it. Pure.

Detail tells all; this tells what one asks first: how it stands, who announces it and who is next, what is wrong and what
helps, and how it moved.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from pylb.core.explanation import findings
from pylb.core.explanation.findings import Question, Row
from pylb.tui import words
from pylb.tui.pages import chain, detail, failover, requests
from pylb.tui.pages.look import Look
from pylb.tui.words import Glyphs, Line, Span, fit

FRAME = 4  # cells that the panel's frame and padding take
INDENT = detail.NAME_WIDTH + 1
MAX_WRAPPED = 4  # lines of one text
NOBODY = ((Span("no Service is chosen", "dim"),),)


def lines(look: Look, key: str, panel: int) -> tuple[Line, ...]:
    """The lines of a panel of so many cells; always as many as the terminal has, so that nothing is laid out anew."""
    width = max(panel - FRAME, 1)
    found = tuple(_told(look, key, width)) if key else NOBODY
    return (*found, *((),) * look.height)[: look.height]


def _told(look: Look, key: str, width: int) -> Iterable[Line]:
    told = detail.entries(look, key)
    if not told:
        yield from detail.GONE
        return
    for name, text, tone in told:
        yield from _wrapped(name, text, tone, width)
    yield ()
    yield (Span("ANNOUNCED BY", "brand"),)
    yield from detail.announced(look, key, width)
    yield ()
    yield (Span("CHECKS", "brand"),)
    checked = detail.checks(look, key)
    yield from _answers(checked, width, look.glyphs)
    for place, fix in enumerate(requests.fixes(checked), 1):
        yield from _wrapped(f"fix {place}", fix.text, "strong", width)
    yield ()
    yield (Span("HISTORY", "brand"),)
    yield from _history(look, key, width)


def _wrapped(name: str, text: str, tone: str, width: int) -> Iterable[Line]:
    """A text beside its name, in as many lines as it needs, up to MAX_WRAPPED."""
    room = max(width - INDENT, 1)
    parts = textwrap.wrap(words.clean(text), room, max_lines=MAX_WRAPPED, placeholder=" ...") or [""]
    for place, part in enumerate(parts):
        head = name if place == 0 else ""
        yield (Span(f"{head:<{INDENT}}", "dim"), Span(fit(part, room), tone))


def _answers(checked: Sequence[Row], width: int, glyphs: Glyphs) -> Iterable[Line]:
    """Each question with how it came out, and below it what is wrong."""
    room = max(width - chain.MARK_WIDTH - 1, 0)
    for question in Question:
        mine = [row for row in checked if row.question is question]
        if not mine:
            continue
        mark = findings.worst(mine)
        yield (
            Span(f"{mark.value:<{chain.MARK_WIDTH}} ", chain.MARK_TONES[mark]),
            Span(fit(question.text, room, glyphs)),
        )
        trouble = findings.first_trouble(mine)
        if trouble is not None:
            yield from _wrapped("", trouble.text, chain.MARK_TONES[trouble.mark], width)


def _history(look: Look, key: str, width: int) -> Iterable[Line]:
    moves = detail.moves_of(look, key)[: detail.HISTORY_LINES[look.tall]]
    if not moves:
        yield from detail.UNMOVED
    for move in moves:
        yield (Span(words.moment(move.at), "dim"),)
        yield from _wrapped("", failover.sentence(move), "info" if move.helped else "", width)
