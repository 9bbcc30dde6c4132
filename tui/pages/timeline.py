"""The timeline: for each address a strip of time, which node had it when, and where it was lost or handed over. Pure.

It is told backwards: who has an address now, and the moves that led there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pylb.tui import words
from pylb.tui.addresses import number
from pylb.tui.pages.failover import MoveRow
from pylb.tui.pages.look import Look
from pylb.tui.words import DAY_S, HOUR_S, MINUTE_S, Glyphs, Line, Span, fit

SPANS = (MINUTE_S, 5 * MINUTE_S, 15 * MINUTE_S, HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S)  # seconds that the strip shows
USUAL = SPANS[2]
NAME_WIDTH = 22  # cells of the address and its Service, before the strip
LINES = (4, 8, 14)  # addresses, by how high the terminal is
COLOURS = ("info", "good", "brand", "warn", "dim")  # of nodes, in the order of their names
TICKS = 4
NOW = "now"
Cells = list[tuple[str, str]]  # a sign and its tone; a tone with an @ is a node's


@dataclass(frozen=True, slots=True)
class Window:
    """What the strip shows: so many seconds, which end so long ago."""

    span: float = USUAL
    back: float = 0.0

    def zoomed(self, by: int) -> Window:
        """Shows less (1) or more (-1), with the same end."""
        place = SPANS.index(self.span) - by
        return Window(SPANS[min(max(place, 0), len(SPANS) - 1)], self.back)

    def panned(self, by: int) -> Window:
        """Goes a quarter back (1) or forth (-1)."""
        return Window(self.span, max(self.back + by * self.span / 4, 0.0))


@dataclass(frozen=True, slots=True)
class Strip:
    """An address: who has it now, since when there is a Service that has it, and its moves, newest first."""

    address: str
    service: str
    holder: str
    made: float = 0.0
    moves: tuple[MoveRow, ...] = ()


def strips(look: Look, moves: Sequence[MoveRow]) -> tuple[Strip, ...]:
    """One for each address that is announced or ever moved; those that moved last come first."""
    found: dict[str, Strip] = {}
    for row in look.services:
        if row.address and row.address not in found:
            holder = row.nodes[0] if row.nodes else ""
            found[row.address] = Strip(row.address, f"{row.namespace}/{row.name}", holder, row.created or 0.0)
    owners = {one.service: one.address for one in found.values()}
    mine: dict[str, list[MoveRow]] = {address: [] for address in found}
    for move in moves:
        address = move.address or next((owners[one] for one in move.services if one in owners), "")
        if address:
            mine.setdefault(address, []).append(move)
    made = [
        replace(found.get(address) or Strip(address, ", ".join(told[0].services), ""), moves=tuple(told))
        for address, told in mine.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.moves[0].at if one.moves else 0.0, number(one.address))))


def lines(
    look: Look, found: Sequence[Strip], window: Window, width: int, first: int = 0, many: int = 0
) -> tuple[Line, ...]:
    """The heading and so many strips from the one at `first`, each `width` cells wide."""
    room = max(width - NAME_WIDTH - 1, 1)
    end = look.seen - window.back
    known = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(_nodes(look, found))}
    shown = found[first : first + (many or LINES[look.tall])]
    return (
        _heading(end, window.span, window.back, room),
        *(_strip(one, end, window.span, room, known, look.glyphs) for one in shown),
    )


def title(look: Look, window: Window) -> str:
    """The panel's heading."""
    until = "" if not window.back else f" until {words.moment(look.seen - window.back)}"
    return f"TIMELINE, {words.age(window.span)}{until}"


def _nodes(look: Look, found: Sequence[Strip]) -> list[str]:
    told = {name for one in found for move in one.moves for name in (move.before, move.node)}
    return sorted({*look.state.nodes, *told, *(one.holder for one in found)} - {""})


def _heading(end: float, span: float, back: float, room: int) -> Line:
    cells = [" "] * room
    for tick in range(TICKS):
        at = end - span + span * tick / TICKS
        text = words.clock(at) if span <= DAY_S else words.moment(at)
        place = room * tick // TICKS
        if place + len(text) < room - len(NOW):
            cells[place : place + len(text)] = text
    if not back:
        cells[-len(NOW) :] = NOW
    return (Span(f"{'':{NAME_WIDTH + 1}}"), Span("".join(cells)[:room], "dim"))


def _strip(one: Strip, end: float, span: float, room: int, colours: Mapping[str, str], glyphs: Glyphs) -> Line:
    name = fit(f"{one.address} {one.service.rpartition('/')[2]}", NAME_WIDTH, glyphs)
    cells = _cells(one, end, span, room, glyphs)
    spans: list[Span] = []
    for sign, tone in cells:
        shown = colours.get(tone[1:], "dim") if tone.startswith("@") else tone
        if spans and spans[-1].tone == shown:
            spans[-1] = Span(spans[-1].text + sign, shown)
        else:
            spans.append(Span(sign, shown))
    return (Span(f"{name:<{NAME_WIDTH}} ", "strong" if one.moves else ""), *spans)


def _cells(one: Strip, end: float, span: float, room: int, glyphs: Glyphs) -> Cells:
    cells = [(" ", "")] * room
    start = end - span

    def cell(at: float) -> int:
        return int((at - start) * room / span)

    stop, holder = room, one.holder
    moves = [move for move in one.moves if not move.helped]
    for move in moves:
        begin = min(max(cell(move.at), 0), room)
        if begin < stop:
            _held(cells, begin, stop, holder and move.node, glyphs)
            stop = begin
        holder = move.before
    begin = 0 if moves and moves[-1].at < one.made else min(max(cell(one.made), 0), stop)
    _held(cells, begin, stop, holder, glyphs)
    for move in one.moves:
        _mark(cells, move, cell, room, glyphs)
    return cells


def _held(cells: Cells, begin: int, stop: int, node: str, glyphs: Glyphs) -> None:
    """A node had it: a line, with its name where there is room for it."""
    tone = f"@{node}"
    for place in range(begin, stop):
        cells[place] = (glyphs.full if node else glyphs.rest, tone if node else "track")
    name = f" {node} "
    if node and stop - begin >= len(name) + 3:
        for place, sign in enumerate(name, begin + 2):
            cells[place] = (sign, tone)


def _mark(cells: Cells, move: MoveRow, cell: Callable[[float], int], room: int, glyphs: Glyphs) -> None:
    at = cell(move.at)
    if move.helped:
        begin = cell(move.at - (move.lasted_ms or 0.0) / 1000)
        for place in range(max(begin, 0), min(at + 1, room)):
            cells[place] = (glyphs.dot, "warn")
    elif 0 <= at < room and move.before != move.node:
        lost = move.announced_ms is not None
        cells[at] = (glyphs.gap, "bad") if lost else (glyphs.arrow[-1], "move")


LEGEND = (
    ("a node's name", "had the address then", ""),
    ("x or a cross", "its node was lost, another took it over", "bad"),
    ("> or an arrow", "it was handed over in order", "move"),
    ("dots", "another node answered for its owner, nothing moved", "warn"),
)
