"""Failover: the list of moves: which address went where when, why, how long that took; and what they come to. Pure.

The drawing above it is `timeline`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pylb.core import history
from pylb.core.history import Entry
from pylb.core.ownership.claims import Cause
from pylb.tui import news, words
from pylb.tui.addresses import number
from pylb.tui.exports import Record
from pylb.tui.pages.listing import FLEX, Cells, Column, Listing, Order, spread
from pylb.tui.pages.look import Look
from pylb.tui.rows import Word
from pylb.tui.seams import Selection
from pylb.tui.words import DAY_S, Glyphs, Line, Span, fit

USUAL_FROM, FULL_FROM, FOUND_FROM = 80, 100, 120  # cells of the terminal
SLOW_MS = 1000.0  # a take-over that took longer is marked
MOST_MOVED = 3  # addresses that the summary names
CAUSES = {
    history.STOOD_IN: "stood in",
    str(Cause.DRAIN): "drained",
    str(Cause.MOVE): "asked for",
    str(Cause.CONTESTED): "two claims met",
    str(Cause.NOT_ELIGIBLE): "no longer eligible",
    "observed": "not told",
}


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One move, or one time for which another node answered: nothing moved then."""

    key: str
    at: float
    address: str  # "" where only the Service is known
    services: tuple[str, ...]
    before: str
    node: str
    helped: bool
    cause: str
    detected_ms: float | None
    announced_ms: float | None
    lasted_ms: float | None


def rows(look: Look) -> tuple[MoveRow, ...]:
    """All moves that are known, newest first."""
    seen = Counter[tuple[float, str, str]]()
    found = []
    for entry in look.state.moves:
        what = (entry.at, entry.address or ",".join(entry.services), entry.to_node)
        seen[what] += 1
        found.append(_row(entry, f"{what} {seen[what]}"))
    return tuple(reversed(found))


def _row(entry: Entry, key: str) -> MoveRow:
    return MoveRow(
        key=key,
        at=entry.at,
        address=entry.address,
        services=entry.services,
        before=entry.from_node,
        node=entry.to_node,
        helped=entry.cause == history.STOOD_IN,
        cause=CAUSES.get(entry.cause) or news.CAUSES.get(entry.cause) or entry.cause.replace("_", " "),
        detected_ms=entry.detected_ms,
        announced_ms=entry.announced_ms,
        lasted_ms=entry.lasted_ms,
    )


def milliseconds(value: float | None) -> str:
    """A time as it is shown: `412 ms`, `12.3 s`, `-`."""
    if value is None:
        return "-"
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.1f} s"


def took(row: MoveRow) -> str:
    """How long clients were without an answer, as far as speakers can tell: from the last sign to the announcement."""
    return milliseconds(row.lasted_ms if row.helped else row.announced_ms)


def summary(look: Look, found: Sequence[MoveRow], width: int) -> tuple[Line, ...]:
    """What a day's moves come to, what moves now, and what was not seen by anybody."""
    day = [row for row in found if look.seen - row.at <= DAY_S]
    moves = [row for row in day if not row.helped and row.before != row.node]
    gaps = [row.announced_ms for row in moves if row.announced_ms is not None]
    times = f"   slowest {milliseconds(max(gaps))}   median {milliseconds(median(gaps))}" if gaps else ""
    often = Counter(row.address or ", ".join(row.services) for row in moves).most_common(MOST_MOVED)
    named = "   " + ", ".join(f"{address} x{times}" for address, times in often) if often else ""
    helped = sum(row.helped for row in day)
    stood = f"   {helped} time{'s' * (helped != 1)} another node answered and nothing moved" if helped else ""
    flapping = sorted({row.address for row in look.services if row.word is Word.FLAP})
    first = f"24 h: {len(moves)} move{'s' * (len(moves) != 1)}{times}{stood}"
    second = f"flapping: {', '.join(flapping) or 'none'}{named}"
    return (
        (Span(fit(first, width, look.glyphs)),),
        (Span(fit(second, width, look.glyphs), "bad" if flapping else "dim"),),
    )


def _columns(look: Look, room: int, shown: Sequence[MoveRow]) -> tuple[Column, ...]:
    full, wide = look.width >= FULL_FROM, look.width >= FOUND_FROM
    narrow = look.width < USUAL_FROM
    name = 10 if full else 7 if narrow else 8
    return spread(
        (
            Column("time", " TIME", 15 if full else 9),
            Column("ip", "ADDRESS", 18 if full else 14 if narrow else 15),
            *((Column("svc", "SERVICES", FLEX),) if full else ()),
            Column("from", "FROM", name),
            Column("to", "TO", name),
            Column("cause", "WHY", (22 if wide else 18) if full else FLEX),
            *((Column("found", "FOUND", 8),) if wide else ()),
            Column("took", "TOOK", 8),
        ),
        room,
    )


def _cells(row: MoveRow, columns: tuple[Column, ...], glyphs: Glyphs) -> Cells:
    slow = row.announced_ms is not None and row.announced_ms >= SLOW_MS and not row.helped
    full = any(one.key == "svc" for one in columns)
    known = {
        "time": Span(f" {words.moment(row.at) if full else words.clock(row.at)}", "dim"),
        "ip": Span(row.address or ", ".join(row.services) or "?", "strong"),
        "svc": Span(", ".join(row.services) or "-"),
        "from": Span(row.before or "?", "dim"),
        "to": Span(row.node, "" if row.helped else "move"),
        "cause": Span(row.cause, "info" if row.helped else ""),
        "found": Span(milliseconds(row.detected_ms), "dim"),
        "took": Span(took(row), "warn" if slow else ""),
    }
    return tuple(Span(fit(known[one.key].text, one.width, glyphs), known[one.key].tone) for one in columns)


def sentence(row: MoveRow) -> str:
    """What happened, as one says it."""
    if row.helped:
        return f"{row.node} answered for {row.before}, whose speaker was away, for {took(row)}: nothing moved"
    if row.before == row.node:
        return f"{row.node} took it up again: {row.cause}"
    if row.announced_ms is None:
        return f"{row.node} took it from {row.before or 'an unknown node'}: {row.cause}"
    lost = f"{row.before} gave its last sign {milliseconds(row.detected_ms)} before {row.node} decided"
    return f"{lost}, and {took(row)} before it was announced there: {row.cause}"


def _remark(row: MoveRow, room: int, glyphs: Glyphs) -> Line:
    day = f" {words.moment(row.at)}" if room < USUAL_FROM else ""  # the column has room for the time alone
    subject = f"{day} {row.address or ', '.join(row.services)}  "
    return (Span(subject, "strong"), Span(fit(sentence(row), room - len(subject), glyphs), "dim"))


def _record(row: MoveRow) -> Record:
    return {
        "at": words.stamp(row.at),
        "address": row.address or None,
        "services": list(row.services),
        "from": row.before or None,
        "to": row.node,
        "moved": not row.helped and row.before != row.node,
        "cause": row.cause,
        "detected_ms": row.detected_ms,
        "announced_ms": row.announced_ms,
        "lasted_ms": row.lasted_ms,
    }


def _selection(row: MoveRow) -> Selection:
    namespace, _, name = row.services[0].partition("/") if row.services else ("", "", "")
    return Selection(namespace, name, row.address, row.node)


MOVES: Listing[MoveRow] = Listing(
    name="moves",
    title="MOVES",
    empty="nothing has moved so far",
    key=lambda row: row.key,
    fields=lambda row: {
        "ip": row.address,
        "svc": " ".join(row.services),
        "ns": " ".join(service.partition("/")[0] for service in row.services),
        "node": f"{row.before} {row.node}",
        "from": row.before,
        "to": row.node,
        "cause": row.cause,
    },
    orders=(
        Order("newest first", lambda row: -row.at, ("time",)),
        Order("address", lambda row: (number(row.address), -row.at), ("ip",)),
        Order("cause", lambda row: (row.cause, -row.at), ("cause",)),
        Order("slowest first", lambda row: -(row.announced_ms or 0.0), ("took", "found")),
        Order("from", lambda row: (row.before, -row.at), ("from",)),
        Order("to", lambda row: (row.node, -row.at), ("to",)),
    ),
    columns=_columns,
    cells=_cells,
    record=_record,
    selection=_selection,
    remark=_remark,
    remarks=True,
)
