"""The lines that frame every screen: the title with the screens, how the cluster stands, and the keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pylb.tui import summary, words
from pylb.tui.pages.catalogue import DETAIL, PAGES, Page
from pylb.tui.pages.look import MIN_HEIGHT, MIN_WIDTH, Look
from pylb.tui.words import Glyphs, Line, Span, fit

MIN_SOURCE, MAX_SOURCE = 6, 24  # cells that the name of what is looked at keeps in the title, and wants
FULL, SHORT, DIGITS = 0, 1, 2  # how screens are named there
MAX_FILTER_SHOWN, FILTER_SHARE = 24, 6  # cells, and one part in so many of the line
GAP = "  "
NO_PATTERN, TOO_SLOW = "is no pattern", "may be too slow"  # after a filter that cannot be read, or used
KEPT_KEYS = 2  # of the key bar, so many at the end are always there: help and quit


@dataclass(frozen=True, slots=True)
class Standing:
    """What the status line tells beside the state itself."""

    now: float
    paused: int | None = None  # changes held back; None while the view goes on
    filter: str = ""
    broken: bool = False  # the filter's pattern cannot be read
    dear: bool = False  # since it could take long
    write: bool = False  # whether keys may change the cluster
    mode: str = ""  # instead of LIVE, where what is shown is not


@dataclass(frozen=True, slots=True)
class Shown:
    """A key as the bar names it."""

    key: str
    label: str
    action: str


def title(source: str, page: Page, subject: str, width: int, glyphs: Glyphs) -> Line:
    """The brand, what is looked at, and the screens, of which a click shows one; `subject` is what Detail is of."""
    brand = Span("pylb", "brand")
    edge = len(brand.text) + 2 * len(GAP)
    forms = [_tabs(page, subject, form) for form in (FULL, SHORT, DIGITS)]
    wanted = edge + max(min(words.cells(source), MAX_SOURCE), MIN_SOURCE)
    tabs = next((one for one in forms[:-1] if wanted + words.wide(one) <= width), forms[-1])
    room = max(width - edge - words.wide(tabs), 0)
    name = fit(source, room, glyphs)
    return (brand, Span(GAP), Span(name, "dim"), Span(" " * (room - words.cells(name) + len(GAP))), *tabs)


def _tabs(page: Page, subject: str, form: int) -> Line:
    spans = [_tab(one, active=one is page, form=form) for one in PAGES]
    if page is DETAIL:
        spans.append(Span(f"[{subject if form == FULL and subject else DETAIL.short}]", "brand"))
    return tuple(spans)


def _tab(page: Page, *, active: bool, form: int) -> Span:
    text = (f"{page.digit} {page.name}", f"{page.digit} {page.short}", page.digit)[
        form if not active else min(form, SHORT)
    ]
    if active:
        return Span(f"[{text}]", "brand")
    return Span(f" {text} ", "dim", f"app.page({page.key!r})")


def status(look: Look, standing: Standing, width: int) -> Line:
    """How fresh the view is, how the cluster stands, and what keys may do; what matters least is left out first.

    While the API server cannot be reached it says that instead.
    """
    banner = summary.offline(look.state, standing.now)
    if banner:
        return (Span(fit(words.plain(banner), width, look.glyphs)),)
    right = _right(standing, min(MAX_FILTER_SHOWN, width // FILTER_SHARE), look.glyphs)
    room = width - words.wide(right) - len(GAP)
    fresh = summary.freshness(look.state, standing.now, look.glyphs, standing.paused)
    if standing.mode and standing.paused is None:
        fresh = (Span(f"{look.glyphs.live} {standing.mode}", "warn"),)
    in_words, in_codes = look.standing
    left = _joined(fresh, in_words, 2 * room)
    if words.wide(left) > room:
        left = _cut(_joined(fresh, in_codes, room), room, look.glyphs)
    return (*left, Span(" " * (width - words.wide(left) - words.wide(right))), *right)


def _joined(first: Line, parts: Sequence[Line], room: int) -> Line:
    """The parts that fit into so many cells."""
    line = first
    for part in parts:
        if words.wide(line) + len(GAP) + words.wide(part) <= room:
            line = (*line, Span(GAP), *part)
    return line


def _right(standing: Standing, limit: int, glyphs: Glyphs) -> Line:
    mode = Span("WRITE", "warn") if standing.write else Span("READ-ONLY", "dim")
    clock = Span(words.clock(standing.now), "dim")
    if not standing.filter:
        return (mode, Span(GAP), clock)
    typed = "/" + fit(standing.filter, limit, glyphs)
    wrong = TOO_SLOW if standing.dear else NO_PATTERN
    text = Span(f"{typed} {wrong}", "bad") if standing.broken else Span(typed, "info")
    return (mode, Span(GAP), text, Span(GAP), clock)


def _cut(line: Line, width: int, glyphs: Glyphs) -> Line:
    return line if words.wide(line) <= width else (Span(fit(words.plain(line), max(width, 0), glyphs)),)


def too_small(width: int, height: int) -> Line:
    """The one line of a terminal that has too little room for anything else."""
    return (Span(fit(f"too small: {width}x{height}, {MIN_WIDTH}x{MIN_HEIGHT} is needed", width)),)


def key_bar(keys: Sequence[Shown], width: int) -> Line:
    """The keys, as many as fit; the last ones always."""
    spans: list[Span] = []
    kept = keys[-KEPT_KEYS:]
    left = width - sum(_width(key) for key in kept)
    for key in keys[:-KEPT_KEYS]:
        if _width(key) <= left:
            left -= _width(key)
            spans += _key(key)
    return (*spans, *(span for key in kept for span in _key(key)))


def _width(key: Shown) -> int:
    return len(key.key) + len(key.label) + 1 + len(GAP)


def _key(key: Shown) -> Line:
    return (Span(key.key, "info", key.action), Span(f" {key.label}{GAP}", "", key.action))
