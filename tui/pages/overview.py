"""Overview: the table of Services, one row for each address, problems first. Pure.

The pools above it are `gauges`', the events below it `news`'.
"""

from __future__ import annotations

from collections.abc import Sequence

from pylb.tui import columns, rows, words
from pylb.tui.addresses import number
from pylb.tui.exports import Record
from pylb.tui.pages.listing import Column, Listing, Order
from pylb.tui.pages.look import WIDE_FROM, Look
from pylb.tui.rows import ServiceRow
from pylb.tui.seams import Selection
from pylb.tui.words import Glyphs, Line, Span, fit

POOL_LINES, EVENT_LINES = (2, 4, 8), (1, 3, 6)  # by how high the terminal is
FRAME = 4  # cells that a panel's frame and padding take of its width
TABLE_FRAME = 3  # the same of the table's
NAMED_TWICE = 'can\'t change sharing key for "{key}", '  # MetalLB's words for an address that is in use
TABLE_SHARE = 5, 8  # of the width, what the table keeps where something stands beside it


def _columns(look: Look, room: int, rows: Sequence[ServiceRow]) -> tuple[Column, ...]:
    return columns.layout(room + TABLE_FRAME, room, max((words.cells(row.pool) for row in rows), default=0))


def width_beside(look: Look, *, wanted: bool) -> int:
    """How many cells the panel beside the table has, frame and all; 0 where there is no room, or it is not wanted."""
    part, whole = TABLE_SHARE
    return look.width - look.width * part // whole if wanted and look.width >= WIDE_FROM else 0


def record(row: ServiceRow) -> Record:
    """A row as it is copied and exported."""
    return {
        "state": row.word.name,
        "namespace": row.namespace,
        "service": row.name,
        "address": row.address or None,
        "shared_by": row.shared,
        "pool": row.pool or None,
        "how": row.how,
        "pinned_by": row.source or None,
        "nodes": list(row.nodes),
        "since": words.stamp(row.since_at),
        "created": words.stamp(row.created),
        "why": row.why,
    }


def told(row: ServiceRow, look: Look) -> ServiceRow:
    """A row with its ages as they are now, and whether it became another a moment ago."""
    return rows.told_at(row, look.seen, fresh=look.is_fresh(row))


def selection(row: ServiceRow) -> Selection:
    """What a row is about."""
    return Selection(row.namespace, row.name, row.address, row.nodes[0] if row.nodes else "")


def _remark(row: ServiceRow, room: int, glyphs: Glyphs) -> Line:
    """The row's state in a sentence, in which the Service is not named twice: what matters stands at its end."""
    key = f"{row.namespace}/{row.name}"
    subject = f"{key} {row.address}".strip()
    why = row.why.replace(NAMED_TWICE.format(key=key), "")
    return (
        Span(f" {subject}  ", columns.TONES[row.word]),
        Span(fit(why, room - words.cells(subject) - 4, glyphs), "dim"),
    )


SERVICES: Listing[ServiceRow] = Listing(
    name="services",
    title="SERVICES",
    empty="no Service of type LoadBalancer",
    key=lambda row: row.key,
    fields=lambda row: row.columns,
    orders=(
        Order("problems first", lambda row: row.order, ("st",)),
        Order("name", lambda row: (row.namespace, row.name), ("full", "ns", "svc")),
        Order("address", lambda row: number(row.address), ("ip",)),
        Order("pool", lambda row: (row.pool, number(row.address)), ("pool",)),
        Order("node", lambda row: (row.node, number(row.address)), ("node",)),
        Order("how", lambda row: (row.how, row.source, row.namespace, row.name), ("pin", "how", "source")),
        Order("moved last", lambda row: -(row.since_at or 0.0), ("since",)),
        Order("newest first", lambda row: -(row.created or 0.0), ("age",)),
    ),
    columns=_columns,
    cells=columns.cells,
    record=record,
    selection=selection,
    remark=_remark,
    remarks=True,
    told=told,
)
