"""What the loss of a node would do: which addresses go where, by the order that stands now. Pure.

Lost is the node: its power, its cable. Where its speaker alone stops nothing moves for a while: another answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from pylb.core.ownership.evidence import STAND_IN
from pylb.core.ownership.peers import DEADLINE
from pylb.tui.addresses import number
from pylb.tui.exports import Record
from pylb.tui.pages.listing import FLEX, Cells, Column, Listing, Order, spread
from pylb.tui.pages.look import Look
from pylb.tui.pages.matrix import MatrixRow
from pylb.tui.seams import Selection
from pylb.tui.words import Glyphs, Line, Span, fit

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class LossRow:
    """An address of the node."""

    key: str
    services: str
    to: str  # who takes it; "" where nobody may
    then: str  # who would be left after that
    note: str


@dataclass(frozen=True, slots=True)
class Loss:
    """A node, and what its loss would do."""

    node: str
    rows: tuple[LossRow, ...]
    after: Mapping[str, tuple[int, int]]  # by node: how many it would have, and how many more
    warnings: tuple[str, ...]


def simulate(rows: Sequence[MatrixRow], node: str, alive: Sequence[str]) -> Loss:
    """What the loss of `node` would do, while the nodes `alive` go on."""
    left = [name for name in alive if name != node]
    lost = tuple(_lost(row, node) for row in rows if node in row.owners)
    now = Counter(owner for row in rows for owner in row.owners)
    more = Counter(row.to for row in lost if row.to in left)
    after = {name: (now[name] + more[name], more[name]) for name in left}
    return Loss(node, tuple(sorted(lost, key=_order)), after, tuple(_warnings(rows, lost, node, left)))


def _lost(row: MatrixRow, node: str) -> LossRow:
    others = [owner for owner in row.owners if owner != node]
    line = [name for name in (*others, *row.line) if name != node]
    to = line[0] if line else ""
    then = ", ".join(line[1:]) or NOBODY
    note = "already announced there, too" if others else "" if to else "it would not be announced"
    if to and len(line) == 1:
        note = note or "its last spare"
    return LossRow(row.address, row.shown, to, then if to else "", note)


def _order(row: LossRow) -> tuple[bool, tuple[int, int]]:
    return bool(row.to), number(row.key)


def _warnings(rows: Sequence[MatrixRow], lost: Sequence[LossRow], node: str, left: Sequence[str]) -> list[str]:
    found = []
    orphans = sum(not row.to for row in lost)
    if orphans:
        found.append(f"{orphans} of its addresses would be announced by nobody")
    bare = sum(row.line == (node,) for row in rows if node not in row.owners)
    if bare:
        found.append(f"{bare} addresses of other nodes would have no spare any more")
    if len(left) == 1:
        found.append(f"{left[0]} would be the only speaker left: with nobody to stand in for it")
    if not left:
        found.append("no speaker would be left")
    return found


def lines(loss: Loss, look: Look, width: int) -> tuple[Line, ...]:
    """What stands below the table: how long it takes, who has how many then, and what to mind."""
    lost = (
        f"If its power or its cable goes, others take over {DEADLINE:g} s after its last sign; connections are reset."
    )
    kept = f"If its speaker alone stops, another answers for it: nothing moves for {STAND_IN:.0f} s."
    after: list[Span] = [Span("then: ", "dim")]
    for name, (many, more) in sorted(loss.after.items()):
        after += [Span(f"{name} {many}"), Span(f" (+{more})" if more else "", "info"), Span("  ")]
    found: list[Line] = [
        tuple(after) if loss.after else (Span("then: nobody is left", "bad"),),
        *((Span(fit(text, width, look.glyphs), "warn"),) for text in loss.warnings),
        *((Span(line, "dim"),) for text in (lost, kept) for line in wrap(text, width)),
    ]
    return tuple(found)


def _columns(look: Look, room: int, rows: Sequence[LossRow]) -> tuple[Column, ...]:
    note = (Column("note", "NOTE", 28),) if room >= 90 else ()
    return spread(
        (
            Column("ip", "ADDRESS", 19),
            Column("svc", "SERVICE", FLEX),
            Column("to", "GOES TO", 12),
            Column("then", "SPARES THEN", 16),
            *note,
        ),
        room,
    )


def _cells(row: LossRow, columns: tuple[Column, ...], glyphs: Glyphs) -> Cells:
    known = {
        "ip": Span(f" {row.key}"),
        "svc": Span(row.services),
        "to": Span(row.to or NOBODY, "info" if row.to else "bad"),
        "then": Span(row.then or "-", "warn" if row.then == NOBODY else "dim"),
        "note": Span(row.note, "dim" if row.to else "bad"),
    }
    return tuple(Span(fit(known[one.key].text, one.width, glyphs), known[one.key].tone) for one in columns)


def _record(row: LossRow) -> Record:
    return {
        "address": row.key,
        "services": row.services,
        "to": row.to or None,
        "spares_then": row.then,
        "note": row.note,
    }


def _selection(row: LossRow) -> Selection:
    namespace, _, name = row.services.partition(" ")[0].partition("/")
    return Selection(namespace, name, row.key, row.to)


LOSS: Listing[LossRow] = Listing(
    name="loss",
    title="ITS ADDRESSES",
    empty="it announces nothing: its loss would move nothing",
    key=lambda row: row.key,
    fields=lambda row: {"ip": row.key, "svc": row.services, "node": row.to},
    orders=(
        Order("problems first", _order, ("note",)),
        Order("address", lambda row: number(row.key), ("ip",)),
        Order("name", lambda row: row.services, ("svc",)),
        Order("goes to", lambda row: (row.to, number(row.key)), ("to",)),
    ),
    columns=_columns,
    cells=_cells,
    record=_record,
    selection=_selection,
    remarks=True,
)
