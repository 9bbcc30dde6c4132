"""Detail: all about one Service: what it is, who announces it, the five questions with their checks, its history. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pylb.core.allocation import requests
from pylb.core.explanation import findings
from pylb.core.explanation.findings import Question, Row
from pylb.core.model import Service
from pylb.tui import cases, rows, words
from pylb.tui.columns import TONES
from pylb.tui.exports import Record
from pylb.tui.pages import chain, failover, matrix
from pylb.tui.pages.failover import MoveRow
from pylb.tui.pages.look import Look
from pylb.tui.pages.overview import record as row_record
from pylb.tui.pages.requests import narrowed
from pylb.tui.rows import ServiceRow
from pylb.tui.words import Glyphs, Line, Span, fit

NAME_WIDTH = 8
SIDES_FROM = 100  # cells of the terminal: from here the two panels at the top stand side by side
SHORT_LINES = 3  # of each of the two, where there is room for one panel
HIGH = 2  # of `Look.tall`
HISTORY_LINES = (3, 5, 9)  # by how high the terminal is
DECIDING = frozenset({"address", "endpoints", "line", "announcer", "neighbour"})  # checks that answer a question
QUESTION_WIDTH = max(len(question.text) for question in Question)
GONE = ((Span("this Service is not there any more", "warn"),),)
UNMOVED = ((Span("it has not moved, as far as anybody wrote down", "dim"),),)


def service_of(look: Look, key: str) -> Service | None:
    """The Service of that name, while it is there."""
    dated = look.state.services.get(key)
    return dated.service if dated is not None else None


def rows_of(look: Look, key: str) -> tuple[ServiceRow, ...]:
    """Its rows in the overview, one an address."""
    return tuple(rows.told_at(row, look.seen) for row in look.rows_of(key))


def about(look: Look, key: str, width: int) -> tuple[Line, ...]:
    """What the Service is."""
    found: list[Line] = []
    for name, text, tone in entries(look, key):
        room = max(width - NAME_WIDTH - 1, 0)
        whole = name == "state" and look.width >= SIDES_FROM
        first, *more = chain.wrapped(text, room, room, look.glyphs) if whole else (text,)
        found.append(_entry(name, first, tone, width, look.glyphs))
        found += [_entry("", part, tone, width, look.glyphs) for part in more]
    return tuple(found) or GONE


def entries(look: Look, key: str) -> tuple[tuple[str, str, str], ...]:
    """What the Service is, name by name: each with a text and its tone; nothing of one that is gone."""
    service, mine = service_of(look, key), rows_of(look, key)
    if service is None or not mine:
        return ()
    worst = min(mine, key=lambda row: row.word)
    ports = ", ".join(f"{port.number}/{port.protocol}" for port in service.ports) or "-"
    sharing = requests.annotation(service, requests.ALLOW_SHARED_IP)
    shared = f"{sharing}, {max(row.shared for row in mine)} here" if sharing else "-"
    return (
        ("state", f"{worst.word.name}  {worst.why}", TONES[worst.word]),
        ("address", ", ".join(row.address for row in mine if row.address) or "none yet", "strong"),
        ("asked", f"{worst.source} ({worst.how})" if worst.source else "for none of its own", ""),
        ("pool", ", ".join(dict.fromkeys(row.pool for row in mine if row.pool)) or "-", ""),
        ("ports", f"{ports}   traffic policy {service.traffic_policy}", ""),
        ("share", shared, ""),
        ("age", f"{worst.age}   class {service.load_balancer_class or '-'}", ""),
    )


def announced(look: Look, key: str, width: int) -> tuple[Line, ...]:
    """Who announces each of its addresses, since when, and who is next."""
    mine = {row.address: row for row in rows_of(look, key) if row.address}
    found: list[Line] = []
    for one in matrix.matrix(look, mine):
        row = mine[one.address]
        since = f" since {words.moment(row.since_at)} ({row.since})" if row.since_at is not None else ""
        ports = sorted({port for node in one.owners for port in _interfaces(look, node, one.address)})
        found += [
            _entry("node", f"{row.node or 'nobody'}{since}", "strong" if row.nodes else "bad", width, look.glyphs),
            _entry("address", f"{one.address}{'  on ' + ', '.join(ports) if ports else ''}", "", width, look.glyphs),
            _entry("next", ", then ".join(one.line) or "nobody: no other node may announce it", "", width, look.glyphs),
        ]
        found += [
            _entry("not", f"{place.node}: {place.why}", "dim", width, look.glyphs) for place in one.places if place.why
        ]
    return tuple(found) or ((Span("no address, so nothing is announced", "dim"),),)


def top(look: Look, key: str, width: int) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """What stands in the two panels at the top; where there is no room for two, all in the first."""
    if look.width >= SIDES_FROM:
        half = width // 2 - 3
        return about(look, key, half), announced(look, key, half)
    both = (*about(look, key, width), *announced(look, key, width))
    first = (*about(look, key, width)[:SHORT_LINES], *announced(look, key, width)[:SHORT_LINES])
    return (both if look.tall == HIGH else first), ()


def _interfaces(look: Look, node: str, address: str) -> tuple[str, ...]:
    speaker = look.state.speakers.get(node)
    held = speaker.snapshot.said.get(address) if speaker is not None else None
    return held.interfaces if held is not None else ()


def _entry(name: str, text: str, tone: str, width: int, glyphs: Glyphs) -> Line:
    return (Span(f"{name:<{NAME_WIDTH}} ", "dim"), Span(fit(text, width - NAME_WIDTH - 1, glyphs), tone))


def checks(look: Look, key: str) -> tuple[Row, ...]:
    """All five questions, in order."""
    found = cases.rows(look.state, look.scenery, key)
    return (*found, *narrowed(look, key)) if found else ()


def answers(checked: Sequence[Row], width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Each question with the worst of its checks, and the checks below it."""
    found: list[Line] = []
    for question in Question:
        mine = [row for row in checked if row.question is question]
        if mine:
            worst = findings.worst(mine)
            found.append((Span(f"{question.text} ", "strong"), Span(worst.value, chain.MARK_TONES[worst])))
            found += chain.lines(mine, width, glyphs)
    return tuple(found)


def summed(checked: Sequence[Row], width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Each question in one line, with the check that answers it: the first thing that is wrong in full."""
    found: list[Line] = []
    first_bad = findings.first_trouble(checked)
    for question in Question:
        mine = [row for row in checked if row.question is question]
        if mine:
            row = findings.first_trouble(mine) or next((row for row in mine if row.check in DECIDING), mine[-1])
            head = f"{question.text:<{QUESTION_WIDTH}} "
            mark = findings.worst(mine)
            room = max(width - len(head) - chain.MARK_WIDTH - 1, 0)
            bad = row is first_bad
            first, *more = chain.wrapped(row.text, room, width - chain.DEEP, glyphs) if bad else (row.text,)
            tone = chain.MARK_TONES[mark]
            marked = Span(f"{mark.value:<{chain.MARK_WIDTH}} ", tone)
            found.append((Span(head, "strong"), marked, Span(fit(first, room, glyphs))))
            found += [(Span(" " * chain.DEEP), Span(part)) for part in more]
    return tuple(found)


def moves_of(look: Look, key: str) -> tuple[MoveRow, ...]:
    """The moves of the Service and of its addresses, newest first."""
    mine = {row.address for row in rows_of(look, key) if row.address}
    return tuple(row for row in failover.rows(look) if row.address in mine or key in row.services)


def history(look: Look, key: str, width: int) -> tuple[Line, ...]:
    """Its last moves, newest first."""
    room = HISTORY_LINES[look.tall]
    lines = [
        (
            Span(f"{words.moment(row.at)}  ", "dim"),
            Span(fit(failover.sentence(row), width - 16, look.glyphs), "info" if row.helped else ""),
        )
        for row in moves_of(look, key)[:room]
    ]
    return tuple(lines) or UNMOVED


def record(look: Look, key: str) -> Record:
    """All of it, to be copied."""
    return {
        "service": key,
        "addresses": [row_record(row) for row in rows_of(look, key)],
        "checks": findings.documents(checks(look, key)),
    }
