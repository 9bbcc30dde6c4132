"""The one vocabulary of what happens: speakers tell it, the TUI folds it, recordings and the demo repeat it.

An event is a frozen value with the Unix time at which it happened. As JSON it is one flat object whose `kind` is the
snake-case name of its class. A kind that a reader does not know becomes `Unknown`: it is counted, never fatal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Allocated:
    """A Service was given addresses of a pool."""

    at: float
    service: str
    addresses: tuple[str, ...]
    pool: str


@dataclass(frozen=True, slots=True)
class Released:
    """A Service lost addresses."""

    at: float
    service: str
    addresses: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A Service waits for an address, and why."""

    at: float
    service: str
    reason: str
    text: str
    fix: str | None = None  # what would help, where something is known to


@dataclass(frozen=True, slots=True)
class Claimed:
    """A node answers for an address from now on, which no other node is known to have held."""

    at: float
    address: str
    node: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """A node took an address over from another.

    `detected_ms` runs from the last sign of the old owner to the decision, `announced_ms` to the first announcement;
    both are None where the old owner was not lost but gave the address up.
    """

    at: float
    address: str
    from_node: str
    to_node: str
    services: tuple[str, ...]
    cause: str
    detected_ms: float | None = None
    announced_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A node stopped answering for an address."""

    at: float
    address: str
    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoodIn:
    """A node answers for another whose speaker is silent, with that one's MAC: nothing moves."""

    at: float
    address: str
    node: str
    owner: str


@dataclass(frozen=True, slots=True)
class StoodDown:
    """It does so no more."""

    at: float
    address: str
    node: str
    owner: str


@dataclass(frozen=True, slots=True)
class MemberUp:
    """A node's speaker is heard."""

    at: float
    node: str
    seen_by: str


@dataclass(frozen=True, slots=True)
class MemberDown:
    """A node's speaker is not heard any more, or said that it leaves."""

    at: float
    node: str
    seen_by: str
    cause: str
    silent_ms: float


@dataclass(frozen=True, slots=True)
class Conflict:
    """A MAC that is none of the cluster's answers for an address."""

    at: float
    address: str
    mac: str
    seen_by: str


@dataclass(frozen=True, slots=True)
class ConfigLoaded:
    """A configuration was accepted."""

    at: float
    pools: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class ConfigRejected:
    """A configuration was refused: the last good one stays, or, where none was known, what is valid of this one goes."""

    at: float
    problems: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a kind that this version does not know."""

    at: float
    name: str


Event = (
    Allocated
    | Released
    | Pending
    | Claimed
    | Moved
    | Withdrawn
    | StoodIn
    | StoodDown
    | MemberUp
    | MemberDown
    | Conflict
    | ConfigLoaded
    | ConfigRejected
    | Unknown
)

_KNOWN: tuple[type[Event], ...] = (
    Allocated,
    Released,
    Pending,
    Claimed,
    Moved,
    Withdrawn,
    StoodIn,
    StoodDown,
    MemberUp,
    MemberDown,
    Conflict,
    ConfigLoaded,
    ConfigRejected,
)
KINDS: dict[str, type[Event]] = {  # MemberUp -> member_up
    re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower(): cls for cls in _KNOWN
}
_NAMES = {cls: kind for kind, cls in KINDS.items()}


def kind(event: Event) -> str:
    """The event's kind as JSON names it."""
    return event.name if isinstance(event, Unknown) else _NAMES[type(event)]


def encode(event: Event) -> dict[str, Any]:
    """The event as a flat JSON object."""
    if isinstance(event, Unknown):
        return {"kind": event.name, "at": event.at}
    return {"kind": kind(event), **asdict(event)}


def decode(raw: JSON) -> Event:
    """The event that a JSON object tells; `Unknown` for a kind or a shape that this version does not know."""
    at = raw.get("at")
    name = str(raw.get("kind", ""))
    cls = KINDS.get(name)
    if cls is None or not _fits("float", at):
        return Unknown(float(at) if _fits("float", at) and at is not None else 0.0, name)
    values: dict[str, Any] = {}
    for field in fields(cls):
        value = raw.get(field.name)
        value = tuple(value) if isinstance(value, list) else value
        if not _fits(str(field.type), value):
            return Unknown(float(raw["at"]), name)
        values[field.name] = value
    return cls(**values)


def _fits(annotation: str, value: object) -> bool:
    """Whether a value is what a field's annotation (as source text) asks for."""
    if value is None:
        return annotation.endswith("| None")
    if annotation.startswith("float"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if annotation.startswith("tuple"):
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)
