"""Map: the addresses of each pool in rows of sixteen, who has which, and which are free. Pure.

What nobody has is folded, and never enumerated: a row is made where an address is used, and around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pylb.core.config.loader import Pool
from pylb.core.explanation.scene import own_addresses
from pylb.core.model import Address
from pylb.core.ranges import Range
from pylb.tui import words
from pylb.tui.addresses import number, parsed
from pylb.tui.exports import Record
from pylb.tui.filters import Filter
from pylb.tui.pages.failover import MoveRow, took
from pylb.tui.pages.failover import rows as moves_of
from pylb.tui.pages.grid import Grid, Place, Run
from pylb.tui.pages.look import Look
from pylb.tui.rows import ServiceRow
from pylb.tui.words import Glyphs, Line, Span, fit

ACROSS = 16  # addresses in a row
CELL = 4  # cells of the terminal for each
LABEL = 10  # cells before the first
WHOLE = 64  # rows: a range of at most so many is shown whole, but for runs of empty ones
FOLDED_FROM = 3  # empty rows in a run that become one line
MAX_HISTORY = 3  # moves of the selected address
NO_FILTER = Filter()


def grid(look: Look) -> Grid:
    """All pools, by name."""
    config = look.state.config
    if config is None:
        return Grid((Run("no valid configuration is known", tone="warn"),))
    users: dict[Address, list[ServiceRow]] = {}
    for row in look.services:
        address = parsed(row.address)
        if address is not None:
            users.setdefault(address, []).append(row)
    own = own_addresses(config, look.state.nodes.values())
    runs: list[Run] = []
    for name in sorted(config.pools):
        pool = config.pools[name]
        runs += [Run(_heading(pool, users), tone="strong"), *_pool(pool, users, own), Run("")]
    return Grid(tuple(runs[:-1]) or (Run("no pool is there: pylb install --range makes one", tone="warn"),))


def _heading(pool: Pool, users: Mapping[Address, Sequence[ServiceRow]]) -> str:
    used = sum(address in pool for address in users)
    total = sum(pool.capacity(version) for version in (4, 6))
    ranges = ", ".join(words.span_text(span) for span in pool.ranges)
    way = "" if pool.auto_assign else "   only by name"
    return f"pool {pool.name}   {ranges}   {used} used, {words.count(max(total - used, 0))} free{way}"


def _pool(pool: Pool, users: Mapping[Address, Sequence[ServiceRow]], own: Mapping[Address, str]) -> Iterable[Run]:
    for span in pool.ranges:
        yield from _range(pool, span, users, own)


def _range(
    pool: Pool, span: Range, users: Mapping[Address, Sequence[ServiceRow]], own: Mapping[Address, str]
) -> Iterable[Run]:
    low, high = int(span.first) // ACROSS, int(span.last) // ACROSS
    taken = {int(address) // ACROSS for address in (*users, *own) if address in span}
    shown = set(range(low, high + 1)) if high - low < WHOLE else {low, *taken}
    if high - low >= FOLDED_FROM:
        shown -= set(_folded(sorted(shown), taken | {low}))
    before = low - 1
    for block in sorted(shown):
        if block - before > 1:
            yield _fold(block - before - 1)
        yield _run(pool, span, block, users, own)
        before = block
    if high > before:
        yield _fold(high - before)


def _folded(blocks: Sequence[int], kept: set[int]) -> Iterable[int]:
    """Of rows in order, those in runs of FOLDED_FROM empty ones or more."""
    run: list[int] = []
    for block in blocks:
        if block in kept:
            yield from run if len(run) >= FOLDED_FROM else ()
            run = []
        else:
            run.append(block)
    yield from run if len(run) >= FOLDED_FROM else ()


def _fold(rows: int) -> Run:
    return Run(f"{'':{LABEL}}({words.count(rows)} row{'s' * (rows != 1)} without any folded)")


def _run(
    pool: Pool, span: Range, block: int, users: Mapping[Address, Sequence[ServiceRow]], own: Mapping[Address, str]
) -> Run:
    places: list[Place | None] = []
    for place in range(block * ACROSS, (block + 1) * ACROSS):
        if not int(span.first) <= place <= int(span.last):
            places.append(None)
            continue
        address = type(span.first)(place)
        found = tuple(users.get(address, ()))
        places.append(Place(str(address), str(pool.name), found, own.get(address, ""), not pool.usable(address)))
    first = type(span.first)(block * ACROSS)
    return Run(_label(first), tuple(places))


def _label(first: Address) -> str:
    text = str(first)
    return f".{text.rpartition('.')[2]}" if first.version == 4 else f"::{int(first) & 0xFFFF:x}"


def passes(place: Place, wanted: Filter) -> bool:
    """Whether the filter keeps a place: by its address and pool, or by a Service that has it."""
    plain = {"ip": place.address, "pool": place.pool, "node": place.node, "st": "free" if not place.rows else ""}
    return any(wanted.keeps(row.columns) for row in place.rows) or (not place.rows and wanted.keeps(plain))


def lines(
    found: Grid, cursor: str, width: int, glyphs: Glyphs, wanted: Filter = NO_FILTER, shown: range | None = None
) -> tuple[Line, ...]:
    """The grid as lines; the address under the cursor stands in brackets, what the filter does not keep is dim.

    Of those that are not `shown` (None: all are) nothing is said: to paint a line costs a millisecond.
    """
    return tuple(
        _line(run, cursor, width, glyphs, wanted) if shown is None or place in shown else ()
        for place, run in enumerate(found.runs)
    )


def _line(run: Run, cursor: str, width: int, glyphs: Glyphs, wanted: Filter) -> Line:
    if not run.places:
        return (Span(fit(run.label, width, glyphs), run.tone),)
    cell, label = (CELL, LABEL) if width >= LABEL + ACROSS * CELL else (CELL - 1, LABEL - CELL)
    spans = [Span(f"{run.label:>{label - 1}} ", "dim")]
    for place in run.places:
        if place is None:
            spans.append(Span(" " * cell))
            continue
        here = place.address == cursor
        tone = place.tone if wanted.empty or passes(place, wanted) else "track"
        text = f"{'[' if here else ' '}{place.sign}{']' if here else ' '}"[:cell]
        spans.append(Span(text, "strong" if here else tone, f"screen.choose({place.address!r})"))
    return tuple(spans)


def about(place: Place | None, look: Look, width: int) -> tuple[Line, ...]:
    """What is known of the address under the cursor."""
    if place is None:
        return ()
    told: list[Line] = [_owner(place)]
    for row in place.rows:
        since = "" if row.since_at is None else f" since {words.moment(row.since_at)}"
        nodes = f"announced by {', '.join(row.nodes)}{since}" if row.nodes else "announced by nobody"
        told.append(
            (
                Span(f"{row.word.name:<5}", place.tone),
                Span(f"{row.namespace}/{row.name}  {row.how}  {nodes}  {row.why}"),
            )
        )
    told += _seen(place, look)
    told += [_moved(row, look.glyphs) for row in moves_of(look) if row.address == place.address][:MAX_HISTORY]
    return tuple(_cut(line, width, look.glyphs) for line in told)


def _owner(place: Place) -> Line:
    if place.node:
        return (Span(place.address, "strong"), Span(f"  is node {place.node}'s own: no Service gets it", "dim"))
    if place.buggy and not place.rows:
        return (Span(place.address, "strong"), Span("  is not given out: the pool avoids .0 and .255", "dim"))
    state = "" if place.rows else "  free"
    return (Span(place.address, "strong"), Span(f"  pool {place.pool}{state}", "dim"))


def _seen(place: Place, look: Look) -> list[Line]:
    wire = look.state.wires.get(place.address)
    if wire is None:
        return []
    macs = ", ".join(wire.macs) or "nobody answers"
    return [(Span(f"wire  {macs}, seen from {wire.vantage.host} {words.age(look.seen - wire.at)} ago", "dim"),)]


def _moved(row: MoveRow, glyphs: Glyphs) -> Line:
    how = "stood in for" if row.helped else f"{row.before or '?'} {glyphs.arrow}"
    who = f"{row.node} {how} {row.before}" if row.helped else f"{how} {row.node}"
    return (Span(f"{words.moment(row.at)}  ", "dim"), Span(f"{who}  {row.cause}  {took(row)}", "dim"))


def _cut(line: Line, width: int, glyphs: Glyphs) -> Line:
    left, cut = width, []
    for span in line:
        cut.append(span._replace(text=fit(span.text, max(left, 0), glyphs)))
        left -= words.cells(cut[-1].text)
    return tuple(cut)


def record(place: Place) -> Record:
    """A place as it is copied and exported."""
    return {
        "address": place.address,
        "pool": place.pool,
        "services": [f"{row.namespace}/{row.name}" for row in place.rows],
        "how": place.rows[0].how if place.rows else None,
        "nodes": sorted({node for row in place.rows for node in row.nodes}),
        "own_address_of": place.node or None,
        "free": not place.rows and not place.node and not place.buggy,
    }


def used(found: Grid) -> tuple[Place, ...]:
    """All addresses that somebody has, as numbers order them."""
    places = [place for run in found.runs for place in run.places if place is not None and (place.rows or place.node)]
    return tuple(sorted(places, key=lambda place: number(place.address)))


LEGEND = (
    ("PP", "pinned: a Service asked for it", "info"),
    ("AA", "given out on its own", "good"),
    ("P2 A3", "so many Services share it", ""),
    ("P! A!", "answered by two, or going to and fro", "bad"),
    ("P? A?", "announced by nobody, or by a node that is not well", "warn"),
    ("..", "free", "dim"),
    ("NN", "a node's own address", "dim"),
    ("xx", ".0 or .255, which the pool avoids", "dim"),
)
