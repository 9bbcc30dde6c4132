"""The last moves of all addresses, as one text of JSON lines that many nodes write: what goes in, and how two are one.

A move is one line: who had the address, who has it, why, and how long that took. Two nodes that write at once merge what
stands there with what they have to add; in which order, and how often, makes no difference. Whatever stands there is
read: a line that is no move is left out. Pure; who writes it, and when, is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pylb.core.errors import ParseError
from pylb.core.model import NodeName
from pylb.core.ownership.claims import MAX_TERM, Cause
from pylb.core.ownership.effects import Took
from pylb.core.places import OWN_NAMESPACE

KEPT = 200  # moves
MAX_LINE = 2048  # bytes: all of them fit in 400 KiB, well below the 1 MiB that a ConfigMap may have
MAX_SERVICES = 5  # of those that share an address, so many are named
MAX_READ = 4096  # lines of a text that somebody else wrote
NAMESPACE, NAME, KEY = OWN_NAMESPACE, "pylb-history", "moves.jsonl"  # of the ConfigMap, and in its data
MAX_AT = 253_402_300_799.0  # Unix seconds: the end of the year 9999, the last that has a date
STOOD_IN = "stood_in"  # the cause of a line that tells of a stand-in: nothing moved
NOTEWORTHY = 1.0  # s that a stand-in has to last


@dataclass(frozen=True, slots=True)
class Entry:
    """An address went from one node to another.

    `at` is Unix seconds. Times in ms: `detected_ms` from the old owner's last sign to the decision, `announced_ms` to the
    first announcement; both None where the owner was not lost. A claim that its owner made again after a restart has
    that owner as both ends. Of a stand-in, `to_node` answered for `from_node`, for `lasted_ms`.
    """

    at: float
    address: str
    services: tuple[str, ...]
    from_node: str
    to_node: str
    cause: str
    term: int = 0
    detected_ms: float | None = None
    announced_ms: float | None = None
    lasted_ms: float | None = None


def of_take(node: NodeName, took: Took, announced: float, at: float) -> Entry | None:
    """What a node has to tell of a take; None for a first claim. `announced`: s from the decision to the announcement."""
    if took.previous is None or took.cause is Cause.FIRST:
        return None
    detected, after = spans(took, announced)
    return Entry(
        round(at, 3),
        str(took.line.address),
        tuple(took.line.services[:MAX_SERVICES]),
        took.previous,
        node,
        took.cause.value,
        took.claim.term,
        in_ms(detected),
        in_ms(after),
    )


def spans(took: Took, announced: float) -> tuple[float | None, float | None]:
    """Seconds from the old owner's last sign to the decision and to the announcement; None where it was not lost."""
    return (None, None) if took.silent is None else (took.silent, took.silent + announced)


def of_stand_in(
    node: NodeName, owner: NodeName, address: str, services: Iterable[str], lasted: float, at: float
) -> Entry:
    """What a node has to tell that stood in for another, for so many seconds, until `at`."""
    named = tuple(services)[:MAX_SERVICES]
    return Entry(round(at, 3), address, named, owner, node, STOOD_IN, lasted_ms=in_ms(lasted))


def in_ms(seconds: float | None) -> float | None:
    """Seconds as the milliseconds that are told of them."""
    return None if seconds is None else round(seconds * 1000, 1)


def merge(*told: Iterable[Entry]) -> tuple[Entry, ...]:
    """All moves that were told, each once, oldest first; the newest KEPT of them."""
    found = {move for moves in told for move in moves}
    return tuple(sorted(found, key=_order)[-KEPT:])


def render(moves: Iterable[Entry]) -> str:
    """The text of these moves, a line each; one that has no room in a line is left out."""
    lines = (line(move) for move in moves)
    return "".join(f"{one}\n" for one in lines if len(one) <= MAX_LINE)


def line(move: Entry) -> str:
    """A move as JSON, in ASCII; what is not known of it is left out."""
    values = {field.name: getattr(move, field.name) for field in fields(move)}
    return json.dumps({name: value for name, value in values.items() if value is not None}, separators=(",", ":"))


def parse(text: object) -> tuple[Entry, ...]:
    """The moves that a text tells, in order, whatever it is; of more than MAX_READ lines the last."""
    if not isinstance(text, str):
        return ()
    read = (_read(one) for one in text.split("\n")[-MAX_READ:])
    return merge(move for move in read if move is not None and len(line(move)) <= MAX_LINE)


def _read(text: str) -> Entry | None:
    if not 0 < len(text) <= MAX_LINE:
        return None
    try:
        return _entry(json.loads(text))
    except (ParseError, ValueError, RecursionError):
        return None


def _entry(raw: Any) -> Entry:
    if not isinstance(raw, Mapping):
        raise ParseError("no object")
    at, term = _number(raw, "at"), raw.get("term", 0)
    if at is None or not isinstance(term, int) or isinstance(term, bool) or not 0 <= term <= MAX_TERM:
        raise ParseError("no time, or no term")
    services = raw.get("services")
    if not isinstance(services, list) or not all(isinstance(one, str) for one in services):
        raise ParseError("no Services")
    return Entry(
        at,
        _text(raw, "address"),
        tuple(services[:MAX_SERVICES]),
        _text(raw, "from_node"),
        _text(raw, "to_node"),
        _text(raw, "cause"),
        term,
        *(_number(raw, name) for name in ("detected_ms", "announced_ms", "lasted_ms")),
    )


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str):
        raise ParseError(f"no {name}")
    return value


def _number(raw: Mapping[str, Any], name: str) -> float | None:
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_AT:
        raise ParseError(f"{name} is no time")
    return float(value) + 0.0  # there is a -0.0, too


def _order(move: Entry) -> tuple[float, str, str, str]:
    return move.at, move.address, move.to_node, line(move)
