"""How things are written on the screen: ages, counts, ranges, bars. Pure text, of ASCII unless asked for more.

Ages are coarse on purpose: a cell that changes each second repaints the table each second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import accumulate
from typing import NamedTuple
from unicodedata import category, east_asian_width

from pylb.core.ranges import Range

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
COARSE_S = 5  # ages below a minute go in steps of this
WEEK_DAYS = 7  # above it, hours are noise
PLAIN_COUNT = 10_000  # larger numbers are shortened
MAX_EXPONENT_SHOWN = 1e12
FIRST_ACCENT = "\u0300"  # below it every character takes one cell
VARIANTS = ("\ufe00", "\ufe0f")  # ask for another look of the character before: terminals disagree on its width then
SKINS = ("\U0001f3fb", "\U0001f3ff")  # colour the emoji before


class Span(NamedTuple):
    """Some text, its tone (good, bad, warn, info, dim, strong or ""), and what a click on it does, as Textual names it."""

    text: str
    tone: str = ""
    action: str = ""


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters that a terminal can show."""

    ellipsis: str
    full: str
    rest: str
    live: str
    arrow: str
    dot: str
    gap: str  # a probe that was not answered
    levels: str  # of a sparkline, low to high
    rising: str  # after the heading of the column that rows are sorted by
    falling: str
    fresh: str  # before what became another a moment ago


UNICODE = Glyphs("…", "━", "─", "●", "→", "·", "✕", "▁▂▃▄▅▆▇█", "▲", "▼", "▸")
ASCII = Glyphs("~", "#", ".", "*", "->", "-", "x", "_.-=+*#%", "^", "v", ">")


def age(seconds: float | None) -> str:
    """How long ago, coarsely: `now`, `25s`, `8m`, `3h20`, `2d04h`, `31d`; `-` where it is not known."""
    if seconds is None:
        return "-"
    whole = int(max(seconds, 0.0))
    if whole < MINUTE_S:
        return f"{whole // COARSE_S * COARSE_S}s" if whole >= COARSE_S else "now"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S}m"
    if whole < DAY_S:
        return f"{whole // HOUR_S}h{whole % HOUR_S // MINUTE_S:02}"
    days, rest = divmod(whole, DAY_S)
    return f"{days}d{rest // HOUR_S:02}h" if days < WEEK_DAYS else f"{days}d"


def lasting(seconds: float) -> str:
    """How long already, to the second below a minute: `7s`, then as `age`."""
    return f"{int(max(seconds, 0.0))}s" if seconds < MINUTE_S else age(seconds)


def clock(at: float) -> str:
    """A Unix time as local `14:03:22`; `--:--:--` for one that no calendar holds."""
    try:
        return datetime.fromtimestamp(at, timezone.utc).astimezone().strftime("%H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return "--:--:--"


def moment(at: float) -> str:
    """A Unix time as local `11-20 14:03:22`; `--` for one that no calendar holds."""
    try:
        return datetime.fromtimestamp(at, timezone.utc).astimezone().strftime("%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return "--"


def stamp(at: float | None) -> str | None:
    """A Unix time as RFC 3339 in UTC, for programs; None for none, and for one that no calendar holds."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None


def count(number: int) -> str:
    """A count in at most five characters: `256`, `65k`, `17M`, `1e19`."""
    if number < PLAIN_COUNT:
        return str(number)
    if number >= MAX_EXPONENT_SHOWN:
        return f"{float(number):.0e}".replace("e+", "e")
    for unit, size in (("G", 10**9), ("M", 10**6)):
        if number >= size:
            return f"{number // size}{unit}"
    return f"{number // 1000}k"


def span_text(span: Range) -> str:
    """A range, with what its ends share written once: `192.168.1.240-.250`, `fd00:10::100-::1ff`, `10.0.0.0/24`."""
    whole = str(span)
    if "-" not in whole:
        return whole
    first, last = str(span.first), str(span.last)
    mark = "." if span.version == 4 else ":"
    shared, _, tail = last.rpartition(mark)
    bits = 8 if span.version == 4 else 16
    if int(span.first) >> bits == int(span.last) >> bits and shared:
        return f"{first}-{'.' if span.version == 4 else '::'}{tail}"
    return whole


def clean(text: str) -> str:
    """The text as a terminal can show it: what controls, joins or turns characters round is gone or a question mark.

    Whoever may write an Event may put such characters into it; without them each character has a width of its own.
    """
    if text.isprintable() and text.isascii():
        return text
    return "".join(filter(None, map(_shown, text)))


def _shown(character: str) -> str:
    kind = category(character)
    if character.isprintable() and not VARIANTS[0] <= character <= VARIANTS[1]:
        return character
    return "" if kind in ("Cf", "Mn") else " " if character in "\t\n" or kind[0] == "Z" else "?"


def cells(text: str) -> int:
    """How many cells of a terminal a text takes: two for a wide character, none for an accent on the one before."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if character < FIRST_ACCENT:
        return 1
    if category(character) in ("Mn", "Me", "Cf") or SKINS[0] <= character <= SKINS[1]:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def fit(text: str, width: int, glyphs: Glyphs = ASCII) -> str:
    """The text, clean, in at most `width` cells, with a mark where its end was cut."""
    text = clean(text)
    if cells(text) <= width:
        return text
    keep = width - len(glyphs.ellipsis)
    return _cut(text, keep) + glyphs.ellipsis if keep >= 0 else ""


def pad(text: str, width: int, glyphs: Glyphs = ASCII) -> str:
    """The text in exactly `width` cells."""
    text = fit(text, width, glyphs)
    return text + " " * (width - cells(text))


def _cut(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    for place, end in enumerate(accumulate(map(_cells, text))):
        if end > width:
            return text[:place]
    return text


def bar(part: int, whole: int, width: int) -> int:
    """How many of `width` cells of a bar are full: none only where nothing is used, all only where nothing is left."""
    if whole <= 0 or part <= 0:
        return 0
    if part >= whole:
        return width
    return min(max(part * width // whole, 1), width - 1)


def percent(part: int, whole: int) -> int:
    """Used per cent, rounded down; 100 only where nothing is left."""
    return 100 if part >= whole > 0 else part * 100 // max(whole, 1)


def sparkline(values: Sequence[float | None], width: int, top: float, glyphs: Glyphs = ASCII) -> Line:
    """The newest `width` values as one character each, `top` the highest; None is a gap: an unanswered probe."""
    spans = []
    for value in values[-width:] if width > 0 else ():
        if value is None:
            spans.append(Span(glyphs.gap, "bad"))
        else:
            step = int(min(max(value, 0.0) / top, 1.0) * (len(glyphs.levels) - 1)) if top > 0 else 0
            spans.append(Span(glyphs.levels[step], "good"))
    return tuple(spans)


def wide(line: Line) -> int:
    """How many cells a line takes."""
    return sum(cells(span.text) for span in line)


def plain(line: Line) -> str:
    """A line without its tones."""
    return "".join(span.text for span in line)
