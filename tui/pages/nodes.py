"""Nodes: the speakers, whether they are heard, what each announces and could, and what is odd about each. Pure.

Which address goes where is `matrix`'; what the loss of a node would do is `loss`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from pylb.core.events import MemberDown
from pylb.core.ownership.election import EXCLUDE_LABEL
from pylb.tui import holders, news, words
from pylb.tui.exports import Record
from pylb.tui.facts import Member
from pylb.tui.pages import matrix
from pylb.tui.pages.listing import FLEX, Cells, Column, Listing, Order, spread
from pylb.tui.pages.look import Look
from pylb.tui.pages.matrix import MatrixRow
from pylb.tui.seams import Selection
from pylb.tui.words import Glyphs, Line, Span, fit

BAR_WIDTH = 8
NARROW_BELOW, BAR_FROM, VERSION_FROM = 80, 100, 120  # cells of the terminal
ACTIVE = "active"  # of `core.ownership.beats.State`: it takes part
SILENT = "silent"  # as the cause of a speaker's loss: its beats stopped, and nothing more is known
FLAG_GAP = ", "
LINES = (5, 8, 12)  # of the panel, by how high the terminal is
FRAME_LINES = 4  # of a panel with a table: frame, heading, remark


class Health(IntEnum):
    """How a speaker is, worst first."""

    SILENT = 0
    NOTREADY = 1  # its node is
    GONE = 2  # its node is no node of the cluster any more
    NONE = 3  # a node without a speaker
    ODD = 4  # something is to be looked at
    OK = 5


TONES = {
    Health.SILENT: "bad",
    Health.NOTREADY: "bad",
    Health.GONE: "bad",
    Health.NONE: "warn",
    Health.ODD: "warn",
    Health.OK: "good",
}


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node and its speaker."""

    key: str
    health: Health
    says: str  # its state in a word
    heard: str  # by how many of the speakers that can be asked
    interfaces: str
    announces: int
    share: int  # per cent of all that is announced
    eligible: int  # addresses that it has or could take
    total: int
    flags: tuple[str, ...]  # what is odd, the worst first
    version: str


def speakers(look: Look, rows: Sequence[MatrixRow]) -> tuple[NodeRow, ...]:
    """All nodes, those with problems first."""
    counts = Counter(owner for row in rows for owner in row.owners)
    able = Counter(node for row in rows for node in {*row.owners, *row.line})
    known = matrix.names(look)
    versions = Counter(one.snapshot.version for one in look.state.speakers.values() if one.snapshot.version)
    common = versions.most_common(1)[0][0] if versions else ""
    pods = {pod.node for pod in look.state.pods.values() if holders.is_speaker(pod.labels)}
    announced = max(sum(counts.values()), 1)
    found = []
    for name in known:
        flags = tuple(_flags(look, name, common))
        health = _health(look, name, flags, pods)
        speaker = look.state.speakers.get(name)
        found.append(
            NodeRow(
                key=name,
                health=health,
                says=_says(look, name, health),
                heard=_heard(look, name),
                interfaces=_interfaces(look, name),
                announces=counts[name],
                share=words.percent(counts[name], announced) if counts[name] else 0,
                eligible=able[name],
                total=len(rows),
                flags=flags,
                version=speaker.snapshot.version if speaker is not None else "",
            )
        )
    return tuple(sorted(found, key=lambda row: (row.health, row.key)))


def _health(look: Look, name: str, flags: Collection[str], pods: Collection[str | None]) -> Health:
    node = look.state.nodes.get(name)
    if name in look.evidence.silent:
        return Health.SILENT
    if node is None and look.state.nodes:
        return Health.GONE
    if node is not None and not node.ready:
        return Health.NOTREADY
    if name not in look.state.speakers and name not in pods and look.state.pods:
        return Health.NONE
    return Health.ODD if any(flag not in FINE_FLAGS for flag in flags) else Health.OK


def _says(look: Look, name: str, health: Health) -> str:
    speaker = look.state.speakers.get(name)
    plain = {
        Health.SILENT: "silent",
        Health.NOTREADY: "NotReady",
        Health.GONE: "gone",
        Health.NONE: "none",
    }.get(health)
    if plain is not None:
        return plain
    return (speaker.snapshot.state or ACTIVE) if speaker is not None else "ready"


LEADS = "leads the controllers"
FINE_FLAGS = frozenset({LEADS})


def _flags(look: Look, name: str, common: str) -> Iterator[str]:
    """What is odd about a node, the worst first."""
    state, node, speaker = look.state, look.state.nodes.get(name), look.state.speakers.get(name)
    if name in look.evidence.silent:
        yield _lost(look, name)
    if speaker is not None:
        snapshot = speaker.snapshot
        if snapshot.strangers:
            yield f"shares no key with {', '.join(other for other, _ in snapshot.strangers)}"
        if snapshot.stale:
            yield "works with an old configuration"
        provisional = sum(held.mine and held.provisional for held in snapshot.said.values())
        if provisional:
            yield f"{provisional} held without a witness"
        helped = Counter(held.standing for held in snapshot.said.values() if held.standing)
        for owner, many in helped.items():
            yield f"answers for {owner} ({many})"
        if snapshot.version and snapshot.version != common:
            yield f"version {snapshot.version}, others {common}"
    if node is not None:
        if not node.ready:
            yield "NotReady"
        if node.drained:
            yield "drained"
        if node.network_unavailable:
            yield "network unavailable"
        if EXCLUDE_LABEL in node.labels:
            yield "excluded by label"
    elif state.nodes:
        yield "no node of the cluster"
    if any(one.seat.leads and one.seat.node == name and not one.silent for one in state.controllers.values()):
        yield LEADS


def _lost(look: Look, name: str) -> str:
    """Since when a speaker is not heard, and why, as its peers tell, else as we see."""
    speaker = look.state.speakers.get(name)
    told = [one for one in look.state.members if one.node == name and isinstance(one, MemberDown)]
    if told:
        last = max(told, key=lambda one: one.at)
        why = "" if last.cause == SILENT else f": {news.CAUSES.get(last.cause, last.cause.replace('_', ' '))}"
        return f"not heard since {words.clock(last.at)}{why}"
    if speaker is not None and speaker.silent:
        return f"not heard since {words.clock(speaker.silent_at)}: {speaker.silent}"
    return "not heard"


def _heard(look: Look, name: str) -> str:
    """How many of the other speakers that can be asked hear it."""
    others = [one for node, one in look.evidence.speakers.items() if node != name]
    if not others:
        return "-"
    return f"{sum(Member(name, alive=True) in one.snapshot.members for one in others)}/{len(others)}"


def _interfaces(look: Look, name: str) -> str:
    speaker = look.state.speakers.get(name)
    if speaker is None:
        return "-"
    return ",".join(sorted({port for held in speaker.snapshot.said.values() for port in held.interfaces})) or "-"


def _columns(look: Look, room: int, rows: Sequence[NodeRow]) -> tuple[Column, ...]:
    narrow = look.width < NARROW_BELOW
    name = min(max([8, *(len(row.key) for row in rows)]), 12 if narrow else 20)
    wide = (Column("bar", "", BAR_WIDTH),) if look.width >= BAR_FROM else ()
    version = (Column("version", "VERSION", 9),) if look.width >= VERSION_FROM else ()
    return spread(
        (
            Column("node", "NODE", name + 1),
            Column("st", "SPEAKER", 9),
            Column("heard", "HEARD", 5),
            *(() if narrow else (Column("if", "LINKS", 10),)),
            Column("has", "HAS", 4),
            *wide,
            Column("can", "COULD", 7),
            *version,
            Column("flags", "REMARKS", FLEX),
        ),
        room,
    )


def _cells(row: NodeRow, columns: tuple[Column, ...], glyphs: Glyphs) -> Cells:
    cells = words.bar(row.share, 100, BAR_WIDTH)
    known = {
        "node": Span(f" {row.key}", "strong" if row.health < Health.OK else ""),
        "st": Span(row.says, TONES[row.health]),
        "heard": Span(row.heard, "dim"),
        "if": Span(row.interfaces, "dim"),
        "has": Span(f"{row.announces:>3}", "info" if row.announces else "dim"),
        "bar": Span(glyphs.full * cells + glyphs.rest * (BAR_WIDTH - cells), "info" if cells else "track"),
        "can": Span(f"{row.eligible}/{row.total}", "dim"),
        "version": Span(row.version or "-", "dim"),
        "flags": Span(FLAG_GAP.join(row.flags), "warn" if row.health < Health.OK else "dim"),
    }
    return tuple(Span(fit(known[one.key].text, one.width, glyphs), known[one.key].tone) for one in columns)


def _record(row: NodeRow) -> Record:
    return {
        "node": row.key,
        "state": row.health.name,
        "speaker": row.says,
        "heard_by": row.heard,
        "links": row.interfaces,
        "announces": row.announces,
        "could_announce": row.eligible,
        "addresses": row.total,
        "remarks": list(row.flags),
        "version": row.version or None,
    }


def _fields(row: NodeRow) -> Mapping[str, str]:
    return {"st": f"{row.health.name} {row.says}", "node": row.key, "remarks": " ".join(row.flags)}


def _remark(row: NodeRow, room: int, glyphs: Glyphs) -> Line:
    head = f" {row.key}  "
    text = FLAG_GAP.join(row.flags) or "nothing odd about it"
    text = f"has {row.announces}, could have {row.eligible} of {row.total}; {text}"
    return (Span(head, TONES[row.health]), Span(fit(text, room - len(head), glyphs), "dim"))


SPEAKERS: Listing[NodeRow] = Listing(
    name="nodes",
    title="SPEAKERS",
    empty="no node is known",
    key=lambda row: row.key,
    fields=_fields,
    orders=(
        Order("problems first", lambda row: (row.health, row.key), ("st",)),
        Order("name", lambda row: row.key, ("node",)),
        Order("most addresses", lambda row: (-row.announces, row.key), ("has", "bar")),
        Order("fewest that it could have", lambda row: (row.eligible, row.key), ("can",)),
    ),
    columns=_columns,
    cells=_cells,
    record=_record,
    selection=lambda row: Selection(node=row.key),
    remark=_remark,
    remarks=True,
)


def height(look: Look, rows: Sequence[NodeRow]) -> int:
    """How many lines the panel of speakers takes."""
    return min(len(rows) + FRAME_LINES, LINES[look.tall] + FRAME_LINES, max(look.height // 2 - 2, FRAME_LINES + 1))
