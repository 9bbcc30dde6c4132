"""Requests: which Services wait for an address or ask for one of their own, and why they have it or not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pylb.core import events
from pylb.core.allocation import requests
from pylb.core.explanation import findings
from pylb.core.explanation.findings import Fix, Mark, Question, Row
from pylb.core.model import Service
from pylb.tui import cases, words
from pylb.tui.addresses import number
from pylb.tui.columns import TONES
from pylb.tui.exports import Record
from pylb.tui.pages.chain import MAX_WRAPPED, wrapped
from pylb.tui.pages.listing import FLEX, Cells, Column, Listing, Order, spread
from pylb.tui.pages.look import Look
from pylb.tui.rows import FINE, SHORT_SOURCES, ServiceRow, Word
from pylb.tui.seams import Selection
from pylb.tui.state import State
from pylb.tui.words import Glyphs, Line, Span, fit

MAX_EXPLAINED = 100  # waiting Services whose reason is worked out for the table; the others show the controller's word
UNDER = "       "  # a fix's number; what belongs to it stands under its text
FULL_FROM = 100  # cells of the terminal


@dataclass(frozen=True, slots=True)
class RequestRow:
    """What one Service asks for, and what became of it."""

    key: str  # NAMESPACE/NAME
    word: Word
    wants: str
    source: str  # where that is written; "" where nothing is
    has: tuple[str, ...]
    why: str
    since: float | None  # when it began to wait
    waited: str
    lost: bool = False  # it had an address until then; else it waits since it was made


def rows(look: Look) -> tuple[RequestRow, ...]:
    """Services that wait, and those that ask for something; the waiting first, the longest first."""
    seen: dict[str, list[ServiceRow]] = {}
    for row in look.services:
        seen.setdefault(f"{row.namespace}/{row.name}", []).append(row)
    found: list[RequestRow] = []
    had = _had(look.state)
    for key, mine in seen.items():
        service = look.state.services[key].service
        waits = any(row.word is Word.PEND for row in mine)
        if waits or asked_for(service):
            found.append(_row(look, key, mine, had.get(key), explained=waits and len(found) < MAX_EXPLAINED))
    return tuple(sorted(found, key=_order))


def asked_for(service: Service) -> str:
    """Where a Service writes what it asks for, as it is shown; "" where it takes what comes."""
    source = requests.pin_source(service)
    if source:
        return SHORT_SOURCES.get(source, source)
    return "pool" if requests.annotation(service, requests.ADDRESS_POOL) else ""


def wants(service: Service) -> str:
    """What a Service asks for, in a few words."""
    pinned = requests.annotation(service, requests.LOAD_BALANCER_IPS) or service.load_balancer_ip
    pool = requests.annotation(service, requests.ADDRESS_POOL)
    sharing = requests.annotation(service, requests.ALLOW_SHARED_IP)
    text = pinned or (f"any of {pool}" if pool else _any(service))
    return f"{text} share" if sharing else text


def _any(service: Service) -> str:
    families = sorted(requests.cluster_families(service.cluster_ips))
    return "any " + " and ".join(f"IPv{family}" for family in families) if families else "any"


def _had(state: State) -> Mapping[str, float]:
    """When Services were last known to have an address, or to lose it; a controller that begins tells none of it."""
    return {one.service: one.at for one in state.events if isinstance(one, (events.Allocated, events.Released))}


def _waits_since(state: State, row: ServiceRow, had: float | None) -> float | None:
    """When it lost its address, else when it was made; the controller's first word on it may be of its own start."""
    waiting = state.waits.get(f"{row.namespace}/{row.name}")
    told = [at for at in (row.created, waiting.at if waiting is not None else None) if at is not None]
    return had if had is not None else min(told, default=None)


def _row(look: Look, key: str, mine: Sequence[ServiceRow], had: float | None, *, explained: bool) -> RequestRow:
    service = look.state.services[key].service
    worst = min(mine, key=lambda row: row.word)
    pending = worst.word is Word.PEND
    since = _waits_since(look.state, worst, had) if pending else None
    trouble = findings.first_trouble(cases.reasons(look.state, look.scenery, key)) if explained else None
    return RequestRow(
        key=key,
        word=worst.word,
        wants=wants(service),
        source=asked_for(service),
        has=service.ingress,
        why=trouble.text if trouble is not None else _granted(worst, service),
        since=since,
        waited=words.age(look.seen - since) if since is not None else "-",
        lost=pending and had is not None,
    )


def _granted(row: ServiceRow, service: Service) -> str:
    return f"has {', '.join(service.ingress)} of pool {row.pool or '?'}" if row.word in FINE else row.why


def _order(row: RequestRow) -> tuple[bool, float, int, tuple[int, int], str]:
    pending = row.word is Word.PEND
    return (not pending, row.since or 0.0, int(row.word), number(row.has[0] if row.has else ""), row.key)


def title(row: RequestRow | None) -> str:
    """The heading of the chain of checks."""
    if row is None:
        return "WHY"
    if row.word is not Word.PEND:
        return f"WHAT BECAME OF {row.key}"
    began = "it lost its address" if row.lost else "it was made"
    return f"WHY IS {row.key} PENDING?" + (f"  {row.waited} since {began}" if row.since is not None else "")


def chain(look: Look, row: RequestRow | None) -> tuple[Row, ...]:
    """The checks of the row's first question, in their order."""
    return (*cases.reasons(look.state, look.scenery, row.key), *narrowed(look, row.key)) if row is not None else ()


def narrowed(look: Look, key: str) -> tuple[Row, ...]:
    """With one namespace alone in sight: that who else uses an address is not, and what sees all."""
    scope = look.state.scope
    if not scope:
        return ()
    text = f"only {scope} is seen (-n): what is free here, another namespace may have"
    return (Row(Question.ALLOCATED, "namespaces", Mark.HINT, text, (Fix("judge it by all", f"pylb explain {key}"),)),)


def fixes(rows: Sequence[Row]) -> tuple[Fix, ...]:
    """What helps, in order, without what merely informs."""
    found = (fix for row in rows if row.mark in (Mark.FAIL, Mark.WARN, Mark.HINT) for fix in row.fixes)
    return tuple(dict.fromkeys(found))


def _columns(look: Look, room: int, shown: Sequence[RequestRow]) -> tuple[Column, ...]:
    full = look.width >= FULL_FROM
    return spread(
        (
            Column("st", " ST", 5),
            Column("svc", "SERVICE", 24 if full else 18),
            Column("wants", "WANTS", 22 if full else 16),
            *((Column("source", "FROM", 17),) if full else ()),
            Column("why", "WHY", FLEX),
            Column("wait", "WAITS", 5),
        ),
        room,
    )


def _cells(row: RequestRow, columns: tuple[Column, ...], glyphs: Glyphs) -> Cells:
    tone = TONES[row.word]
    known = {
        "st": Span(f" {row.word.name}", tone),
        "svc": Span(row.key, "strong"),
        "wants": Span(row.wants),
        "source": Span(row.source or "-", "dim"),
        "why": Span(row.why, tone if row.word is Word.PEND else "dim"),
        "wait": Span(row.waited, "dim"),
    }
    return tuple(Span(fit(known[one.key].text, one.width, glyphs), known[one.key].tone) for one in columns)


def _record(row: RequestRow) -> Record:
    return {
        "state": row.word.name,
        "service": row.key,
        "wants": row.wants,
        "from": row.source or None,
        "has": list(row.has),
        "why": row.why,
        "waits_since": words.stamp(row.since),
    }


def _selection(row: RequestRow) -> Selection:
    namespace, _, name = row.key.partition("/")
    return Selection(namespace, name, row.has[0] if row.has else "")


REQUESTS: Listing[RequestRow] = Listing(
    name="requests",
    title="PENDING AND PINNED",
    empty="no Service waits, and none asks for an address or a pool of its own",
    key=lambda row: row.key,
    fields=lambda row: {
        "st": row.word.name,
        "svc": row.key,
        "ns": row.key.partition("/")[0],
        "ip": " ".join((row.wants, *row.has)),
        "pool": row.wants,
        "from": row.source,
        "why": row.why,
    },
    orders=(
        Order("waiting first", _order, ("st",)),
        Order("name", lambda row: row.key, ("svc",)),
        Order("what it wants", lambda row: (number(row.wants.split()[0] if row.wants else ""), row.wants), ("wants",)),
        Order("where it is written", lambda row: (row.source, row.key), ("source",)),
        Order("longest wait", lambda row: (row.since is None, row.since or 0.0, row.key), ("wait",)),
    ),
    columns=_columns,
    cells=_cells,
    record=_record,
    selection=_selection,
    remarks=True,
)


def commands(found: Sequence[Fix], width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """What helps, each with the command to type for it."""
    lines: list[Line] = []
    for place, fix in enumerate(found, 1):
        room = width - len(UNDER)
        head = (f"fix {place}  ", *([UNDER] * MAX_WRAPPED))
        told = wrapped(fix.text, room, room, glyphs)
        lines += [(Span(lead, "info"), Span(part, "strong")) for lead, part in zip(head, told, strict=False)]
        for command in fix.command.splitlines():
            typed = wrapped(command, room, room, glyphs)
            lines += [(Span(f"{UNDER}{part}", "dim"),) for part in typed]
    return tuple(lines)
