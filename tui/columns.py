"""Which columns of the table of Services fit a width, and what stands in each. Pure.

Widths are fixed for each layout; one column takes what is left. Of what is shown only the pools' names are measured,
which stay as they are for days, so that nothing jumps.
"""

from __future__ import annotations

from pylb.tui.pages.listing import FLEX, GAP, MIN_FLEX, Column
from pylb.tui.rows import FINE, PINNED, SHORT_SOURCES, ServiceRow, Word
from pylb.tui.words import Glyphs, Span, fit

TINY_BELOW, FOLDED_BELOW, SOURCE_FROM, WHY_FROM = 72, 100, 120, 140  # columns of the terminal
POOL_MAX = 24  # cells that the longest pool's name may have
KEEP = {"full": 24, "svc": 14, "why": 30}  # cells that the flexible column keeps when the pools' column grows
HELPED = "*"  # after a node in whose place another one answers, where there is no room for both names

TONES = {
    Word.CONF: "bad",
    Word.RIVL: "bad",
    Word.PEND: "warn",
    Word.NOAN: "bad",
    Word.FLAP: "bad",
    Word.DEGR: "warn",
    Word.HELP: "info",
    Word.MOVE: "move",
    Word.OK: "good",
}


_Plan = tuple[tuple[str, str, int], ...]
_TINY: _Plan = (("st", "ST", 5), ("full", "SERVICE", FLEX), ("ip", "ADDRESS", 18), ("node", "NODE", 9))
_NARROW: _Plan = (
    ("st", "ST", 5),
    ("full", "SERVICE", FLEX),
    ("ip", "ADDRESS", 18),
    ("node", "NODE", 11),
    ("pin", "HOW", 4),
    ("since", "SINCE", 6),
)
_NORMAL: _Plan = (
    ("st", "ST", 5),
    ("ns", "NAMESPACE", 11),
    ("svc", "SERVICE", FLEX),
    ("ip", "ADDRESS", 18),
    ("pool", "POOL", 9),
    ("how", "HOW", 6),
    ("node", "NODE", 11),
    ("since", "SINCE", 6),
    ("age", "AGE", 6),
)
_SOURCE: _Plan = tuple(("source", "HOW", 18) if entry[0] == "how" else entry for entry in _NORMAL)
_WHY: _Plan = (
    *(("svc", "SERVICE", 17) if entry[0] == "svc" else entry for entry in _SOURCE),
    ("why", "WHY", FLEX),
)


def layout(terminal: int, inner: int, longest: int = 0) -> tuple[Column, ...]:
    """The columns for a terminal of `terminal` cells, of which the table may use `inner`.

    `longest` is the length of the longest pool's name: there is more room for it where the flexible column can spare it.
    """
    chosen = _TINY
    for least, wider in ((TINY_BELOW, _NARROW), (FOLDED_BELOW, _NORMAL), (SOURCE_FROM, _SOURCE), (WHY_FROM, _WHY)):
        chosen = wider if terminal >= least else chosen
    left = inner - sum(width + GAP for _, _, width in chosen)
    grown = _growth(chosen, left, longest)
    widths = {key: width or max(left - grown, MIN_FLEX) for key, _, width in chosen}
    if "pool" in widths:
        widths["pool"] += grown
    return tuple(Column(key, title, widths[key]) for key, title, _ in chosen)


def _growth(plan: _Plan, left: int, longest: int) -> int:
    """How many cells the pools' column gets of those that are left for the flexible one."""
    flexible = next(key for key, _, width in plan if width == FLEX)
    own = next((width for key, _, width in plan if key == "pool"), POOL_MAX)
    return max(min(min(longest, POOL_MAX) - own, left - KEEP[flexible]), 0)


def cells(row: ServiceRow, columns: tuple[Column, ...], glyphs: Glyphs) -> tuple[Span, ...]:
    """The row's cells, cut to fit; the first column keeps a blank before it."""
    return tuple(_cell(row, column, glyphs) for column in columns)


def _cell(row: ServiceRow, column: Column, glyphs: Glyphs) -> Span:
    text, tone = _text(row, column.key)
    if column.key == "st":
        return Span(f"{glyphs.fresh if row.fresh else ' '}{text}", tone)
    if column.key == "ip" and row.shared > 1:
        mark = f" *{row.shared}"
        return Span(fit(text, column.width - len(mark), glyphs) + mark, tone)
    if column.key == "node" and row.word is Word.HELP and len(text) > column.width:
        text = fit(row.nodes[0], column.width - 1, glyphs) + HELPED
    return Span(fit(text, column.width, glyphs), tone)


def _text(row: ServiceRow, key: str) -> tuple[str, str]:
    troubled = row.word not in FINE
    if key == "node":
        return row.node, _node_tone(row)
    if key in ("how", "pin", "source"):
        return _how(row, key), "" if row.how == PINNED else "dim"
    return {
        "st": (row.word.name, TONES[row.word]),
        "full": (f"{row.namespace}/{row.name}", "strong" if troubled else ""),
        "ns": (row.namespace, "dim"),
        "svc": (row.name, "strong" if troubled else ""),
        "ip": (row.address or "-", "" if row.address else "dim"),
        "pool": (row.pool or "-", "dim"),
        "since": (row.since, "move" if row.word is Word.MOVE else "dim"),
        "age": (row.age, "dim"),
        "why": (row.why, "" if troubled else "dim"),
    }[key]


def _node_tone(row: ServiceRow) -> str:
    if row.word in (Word.CONF, Word.NOAN, Word.FLAP, Word.DEGR, Word.MOVE):
        return TONES[row.word]
    return "info" if row.nodes else "dim"


def _how(row: ServiceRow, key: str) -> str:
    if row.how != PINNED:
        return row.how
    return {"pin": "pin", "how": row.how}.get(key) or f"{row.how} {SHORT_SOURCES.get(row.source, row.source)}"
