"""Who announces which address, who takes it next, and why the others cannot: one row an address. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pylb.core.model import NodeName
from pylb.tui import holders
from pylb.tui.addresses import number
from pylb.tui.columns import TONES
from pylb.tui.exports import Record
from pylb.tui.facts import Held
from pylb.tui.holders import Holder
from pylb.tui.pages.listing import FLEX, GAP, Cells, Column, Listing, Order, spread
from pylb.tui.pages.look import Look
from pylb.tui.pages.places import Place, elected_line, place_of, said_line
from pylb.tui.rows import PROBLEMS, ServiceRow, Word
from pylb.tui.seams import Selection
from pylb.tui.words import Glyphs, Line, Span, fit

STATE_WIDTH, ADDRESS_WIDTH = 5, 18
MIN_NODE, MAX_NODE = 5, 9  # cells of a node's column
NEXT_WIDTHS = (7, 14)  # below and from WIDE_FROM
SERVICE_WIDTHS = (14, 22)  # at least
WIDE_FROM = 100  # cells of the terminal
WELL = frozenset({Word.OK, Word.MOVE})  # its node announces it, and nobody else has a part in that


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One address."""

    key: str
    word: Word
    address: str
    services: tuple[str, ...]
    owners: tuple[str, ...]
    line: tuple[str, ...]  # who takes it next, in order
    places: tuple[Place, ...]  # of all nodes, by name
    told: bool  # by speakers; else it was elected here
    stands: str  # how it stands, in a sentence

    @property
    def shown(self) -> str:
        """The Services, as one name."""
        more = f" +{len(self.services) - 1}" if len(self.services) > 1 else ""
        return f"{self.services[0]}{more}"

    @property
    def next(self) -> str:
        """Who takes it next."""
        return self.line[0] if self.line else "NONE"

    @property
    def out(self) -> Mapping[str, str]:
        """Why nodes are out of line."""
        return {place.node: place.why for place in self.places if place.why}


def matrix(look: Look, wanted: Collection[str] | None = None) -> tuple[MatrixRow, ...]:
    """All addresses, those with problems first; or those that are wanted alone."""
    by_address: dict[str, list[ServiceRow]] = {}
    for row in look.services:
        if row.address and (wanted is None or row.address in wanted):
            by_address.setdefault(row.address, []).append(row)
    nodes = names(look)
    bgp: dict[str, set[str]] = {}
    for one in look.state.bgp.values():
        bgp.setdefault(one.service, set()).add(one.node)
    ground = _Ground(look, nodes, _alive(look, nodes), bgp)
    return tuple(_row(ground, address, rows) for address, rows in by_address.items())


def names(look: Look) -> tuple[str, ...]:
    """All nodes that are known, or were heard of, by name."""
    pods = {pod.node for pod in look.state.pods.values() if pod.node and holders.is_speaker(pod.labels)}
    return tuple(sorted({*look.state.nodes, *look.state.speakers, *pods}))


def _alive(look: Look, nodes: Sequence[str]) -> Collection[NodeName]:
    """Nodes whose speaker is heard, as far as that is known."""
    return [NodeName(node) for node in nodes if node not in look.evidence.silent]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all rows are made from. Of most addresses the same is to say: `parts` are of each such thing, once."""

    look: Look
    nodes: Sequence[str]
    alive: Collection[NodeName]
    bgp: Mapping[str, Collection[str]]
    parts: dict[tuple[object, ...], tuple[tuple[str, ...], tuple[Place, ...]]] = field(default_factory=dict)


def _row(ground: _Ground, address: str, rows: Sequence[ServiceRow]) -> MatrixRow:
    names = tuple(f"{row.namespace}/{row.name}" for row in rows)
    worst = min(rows, key=lambda row: row.word) if len(rows) > 1 else rows[0]
    told = holders.tellers(ground.look.evidence, address)
    plain = told and worst.word in WELL and rows[0].nodes
    holder = Holder(rows[0].nodes) if plain else holders.find(ground.look.evidence, names[0], address)
    line, places = _parts(ground, names[0], worst.word, holder, told)
    return MatrixRow(address, worst.word, address, names, holder.nodes, line, places, bool(told), worst.why)


def _parts(
    ground: _Ground, service: str, word: Word, holder: Holder, told: Mapping[str, Held]
) -> tuple[tuple[str, ...], tuple[Place, ...]]:
    """Who takes an address next, and every node's part in it."""
    look, bgp = ground.look, ground.bgp.get(service, ())
    same = (holder, word, *bgp, *told, *map(id, told.values()))  # what is said of several addresses stands there once
    if told and same in ground.parts:
        return ground.parts[same]
    line, out = said_line(look, told) if told else elected_line(look, service, ground.alive)
    line = tuple(node for node in line if node not in holder.nodes and node not in look.evidence.silent)
    found = line, tuple(place_of(look, node, holder, line, out, bgp, word) for node in ground.nodes)
    if told:
        ground.parts[same] = found
    return found


def matrix_from(first: int, shown: int, total: int) -> Listing[MatrixRow]:
    """The table, whose nodes' columns begin with the node of that place."""
    title = MATRIX.title if shown >= total else f"{MATRIX.title} at nodes {first + 1}-{first + shown} of {total} (< >)"
    return replace(MATRIX, title=title, columns=lambda look, room, rows: _columns(look, room, rows, first))


def room_for(look: Look, room: int) -> tuple[int, int]:
    """How many columns of nodes fit, and how wide each is."""
    found = names(look)
    width = min(max([MIN_NODE, *map(len, found)]), MAX_NODE)
    wide = look.width >= WIDE_FROM
    fixed = STATE_WIDTH + ADDRESS_WIDTH + SERVICE_WIDTHS[wide] + NEXT_WIDTHS[wide] + 4 * GAP
    return max((room - fixed) // (width + 1), 1), width


def _columns(look: Look, room: int, rows: Sequence[MatrixRow], first: int = 0) -> tuple[Column, ...]:
    many, width = room_for(look, room)
    shown = names(look)[first : first + many]
    return spread(
        (
            Column("st", "ST", STATE_WIDTH),
            Column("ip", "ADDRESS", ADDRESS_WIDTH),
            Column("svc", "SERVICE", FLEX),
            *(Column(f"node {node}", fit(node, width, look.glyphs), width) for node in shown),
            Column("next", "NEXT", NEXT_WIDTHS[look.width >= WIDE_FROM]),
        ),
        room,
    )


def _cells(row: MatrixRow, columns: tuple[Column, ...], glyphs: Glyphs) -> Cells:
    places = {f"node {place.node}": Span(place.sign, place.tone) for place in row.places}
    troubled = row.word in PROBLEMS
    known = {
        "st": Span(f" {row.word.name}", TONES[row.word]),
        "ip": Span(row.address),
        "svc": Span(row.shown, "strong" if troubled else ""),
        "next": Span(row.next, "dim" if row.line else "warn"),
        **places,
    }
    return tuple(_fitted(known.get(column.key, Span("")), column, glyphs) for column in columns)


def _fitted(span: Span, column: Column, glyphs: Glyphs) -> Span:
    return Span(fit(span.text, column.width, glyphs), span.tone)


def _record(row: MatrixRow) -> Record:
    return {
        "state": row.word.name,
        "address": row.address,
        "services": list(row.services),
        "announced_by": list(row.owners),
        "next": list(row.line),
        "out": dict(row.out),
        "told_by_speakers": row.told,
        "why": row.stands,
    }


def _remark(row: MatrixRow, room: int, glyphs: Glyphs) -> Line:
    """Who has it, who is next, and why the others are out."""
    subject = f" {row.address}  "
    line = f", then {', '.join(row.line)}" if row.line else ", and nobody after"
    stands = f"{', '.join(row.owners)} announces it{line}" if row.owners else row.stands
    guess = "" if row.told else " (elected here: no speaker can be asked)"
    text = "; ".join((f"{stands}{guess}", *(f"{node}: {why}" for node, why in row.out.items())))
    return (Span(subject, TONES[row.word]), Span(fit(text, room - len(subject), glyphs), "dim"))


def _fields(row: MatrixRow) -> Mapping[str, str]:
    spaces = " ".join(name.partition("/")[0] for name in row.services)
    owners = " ".join(row.owners)
    return {
        "st": row.word.name,
        "ns": spaces,
        "svc": " ".join(row.services),
        "ip": row.address,
        "node": owners,
        "next": row.next,
        "out": " ".join(row.out),
    }


def _selection(row: MatrixRow) -> Selection:
    namespace, _, name = row.services[0].partition("/")
    return Selection(namespace, name, row.address, row.owners[0] if row.owners else "")


MATRIX: Listing[MatrixRow] = Listing(
    name="announcers",
    title="ADDRESSES",
    empty="no Service has an address",
    key=lambda row: row.key,
    fields=_fields,
    orders=(
        Order("problems first", lambda row: (row.word, number(row.address)), ("st",)),
        Order("address", lambda row: number(row.address), ("ip",)),
        Order("name", lambda row: row.services, ("svc",)),
        Order("next", lambda row: (row.line[:1], number(row.address)), ("next",)),
    ),
    columns=_columns,
    cells=_cells,
    record=_record,
    selection=_selection,
    remark=_remark,
    remarks=True,
)
