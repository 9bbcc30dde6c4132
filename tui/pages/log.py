"""Log: everything that was told, newest first: events of pylb and Kubernetes Events, one line each. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pylb.tui import logbook, words
from pylb.tui.exports import Record
from pylb.tui.logbook import ERROR, INFO, LEVELS, WARN, Logged
from pylb.tui.pages.listing import FLEX, Cells, Column, Listing, Order, spread
from pylb.tui.pages.look import Look
from pylb.tui.seams import Selection
from pylb.tui.words import Glyphs, Line, Span, fit

TONES = {INFO: "dim", WARN: "warn", ERROR: "bad"}
FULL_FROM, REASON_FROM = 80, 120  # cells of the terminal
TEXT_LINES = (3, 5, 8)  # of the row's whole text, by how high the terminal is


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line of the log. `key` stays the same while newer ones come."""

    key: str
    line: Logged
    service: str  # NAMESPACE/NAME of the Service that it is about, or whose address it is; "" for none
    address: str = ""  # that it is about


def rows(look: Look, least: str = INFO) -> tuple[LogRow, ...]:
    """All lines of at least that level, newest first."""
    grave = LEVELS.index(least)
    services = {row.address: f"{row.namespace}/{row.name}" for row in look.services if row.address}
    seen = Counter[Logged]()
    found = []
    for item in look.state.log:
        line = logbook.entry(item)
        seen[line] += 1
        if LEVELS.index(line.level) >= grave:
            key = f"{line.at} {line.source} {line.object} {line.reason} {seen[line]} {line.text}"
            address = line.object if line.object in services else ""
            service = services.get(address) or (line.object if line.object in look.state.services else "")
            found.append(LogRow(key, line, service, address))
    return tuple(reversed(found))


def title(least: str, *, follow: bool) -> str:
    """The panel's heading, without its count."""
    follows = "on" if follow else "off"
    return f"LOG  level {least}{'' if least == ERROR else ' and worse'}  follow {follows} "


def whole(row: LogRow | None, look: Look, width: int) -> tuple[Line, ...]:
    """The row's text in full, in lines of at most `width` cells."""
    if row is None:
        return ()
    line = row.line
    head = f"{words.stamp(line.at) or '-'}  {line.level}  {line.source or '-'}  {line.object}  {line.reason}"
    text = textwrap.wrap(
        line.text, max(width, 1), max_lines=TEXT_LINES[look.tall] - 1, placeholder=look.glyphs.ellipsis
    )
    return ((Span(fit(head, width, look.glyphs), TONES[line.level]),), *((Span(part),) for part in text))


def tail(look: Look) -> str:
    """What is not in the log, if anything is not."""
    counters = look.state.counters
    parts = (("dropped", "came too fast and were dropped"), ("unknown", "of a kind that this version does not know"))
    return ", ".join(f"{counters[name]} {text}" for name, text in parts if counters.get(name))


def _columns(look: Look, room: int, shown: Sequence[LogRow]) -> tuple[Column, ...]:
    reason = (Column("reason", "REASON", 16),) if look.width >= REASON_FROM else ()
    narrow = not reason
    return spread(
        (
            Column("time", " TIME", 10),
            Column("level", "LEVEL", 5),
            Column("source", "SOURCE", 12 if narrow else 18),
            Column("object", "ABOUT", (16 if look.width < FULL_FROM else 20) if narrow else 28),
            *reason,
            Column("text", "TEXT", FLEX),
        ),
        room,
    )


def _cells(row: LogRow, columns: tuple[Column, ...], glyphs: Glyphs) -> Cells:
    line = row.line
    known = {
        "time": Span(f" {words.clock(line.at)}", "dim"),
        "level": Span(line.level, TONES[line.level]),
        "source": Span(line.source or "-", "dim"),
        "object": Span(line.object or "-", "strong"),
        "reason": Span(line.reason, "dim"),
        "text": Span(line.text, "" if line.level == INFO else TONES[line.level]),
    }
    return tuple(Span(fit(known[one.key].text, one.width, glyphs), known[one.key].tone) for one in columns)


def _record(row: LogRow) -> Record:
    line = row.line
    return {
        "at": words.stamp(line.at),
        "level": line.level,
        "source": line.source or None,
        "object": line.object or None,
        "reason": line.reason,
        "text": line.text,
    }


def _fields(row: LogRow) -> dict[str, str]:
    line = row.line
    return {
        "st": line.level,
        "level": line.level,
        "src": line.source,
        "about": line.object,
        "svc": row.service or line.object,
        "ns": row.service.partition("/")[0],
        "ip": row.address,
        "node": f"{line.source} {line.object} {line.text}",
        "reason": line.reason,
        "text": line.text,
    }


def _selection(row: LogRow) -> Selection:
    namespace, _, name = row.service.partition("/")
    return Selection(namespace, name, row.address)


LOG: Listing[LogRow] = Listing(
    name="log",
    title="LOG",
    empty="nothing was told yet",
    key=lambda row: row.key,
    fields=_fields,
    orders=(
        Order("newest first", lambda row: -row.line.at, ("time",)),
        Order("level", lambda row: (-LEVELS.index(row.line.level), -row.line.at), ("level",)),
        Order("source", lambda row: (row.line.source, -row.line.at), ("source",)),
        Order("what it is about", lambda row: (row.line.object, -row.line.at), ("object",)),
        Order("reason", lambda row: (row.line.reason, -row.line.at), ("reason",)),
    ),
    columns=_columns,
    cells=_cells,
    record=_record,
    selection=_selection,
)
