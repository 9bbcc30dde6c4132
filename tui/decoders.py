"""JSON that only the screen reads: a speaker's `/state`, Kubernetes Events, the time an object was made.

Each function takes one JSON value and raises `DecodeError` alone, whatever its shape. What is too long is cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from sys import intern
from typing import Any

from pylb.core.ownership.claims import MAX_TERM
from pylb.kube.decode import DecodeError
from pylb.tui.facts import Contest, Held, Member, Note, Roster, Seat, Snapshot, shared

JSON = Any
MAX_ADDRESSES = 10_000  # of one speaker
MAX_MEMBERS = 1_000
MAX_CONTESTS = 1_000
MAX_TEXT = 400  # characters of an event's message


def snapshot(raw: JSON) -> Snapshot:
    """A speaker's `/state`."""
    try:
        config = _mapping(raw.get("config"))
        return Snapshot(
            node=_required(raw, "node"),
            incarnation=_text(raw.get("incarnation")),
            version=_text(raw.get("version")),
            state=_text(raw.get("state")),
            members=tuple(_member(one) for one in islice(raw.get("members") or (), MAX_MEMBERS)),
            addresses=_addresses(raw.get("addresses") or ()),
            stale=bool(config.get("stale")),
            problems=_texts(config.get("problems")),
            strangers=tuple(_stranger(one) for one in islice(raw.get("strangers") or (), MAX_MEMBERS)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"state: {type(error).__name__}: {error}") from error


def contests(raw: JSON) -> dict[str, Contest] | None:
    """What a controller's `/state` says of Services that somebody else writes, too; None unless that one leads."""
    try:
        if raw.get("role") != "leader":
            return None
        found = islice(_mapping(raw.get("contested")).items(), MAX_CONTESTS)
        return {_text(key): Contest(_text(one.get("by")), _texts(one.get("wrote"))) for key, one in found}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"state: {type(error).__name__}: {error}") from error


def seat(raw: JSON, pod: str, node: str) -> Seat:
    """What a controller's `/state` says of itself."""
    try:
        lease, config = _mapping(raw.get("lease")), _mapping(raw.get("config"))
        return Seat(
            pod=pod,
            node=node,
            version=_text(raw.get("version")),
            leads=raw.get("role") == "leader",
            writes=lease.get("may_write") is True,
            identity=_text(lease.get("identity")),
            holder=_text(lease.get("holder")),
            trouble=_text(lease.get("trouble")),
            problems=_texts(config.get("problems")),
        )
    except AttributeError as error:
        raise DecodeError(f"state: {error}") from error


def note(raw: JSON) -> Note | None:
    """A v1 Event; None for one that does not say what it is about."""
    try:
        about = _mapping(raw.get("involvedObject"))
        kind, name = _text(about.get("kind")), _text(about.get("name"))
        if not kind or not name:
            return None
        where = f"{_text(about.get('namespace'))}/{name}" if about.get("namespace") else name
        last = raw.get("lastTimestamp") or raw.get("eventTime") or raw.get("firstTimestamp")
        at = moment(last) or moment(_mapping(raw.get("metadata")).get("creationTimestamp"))
        source = _mapping(raw.get("source")).get("component") or raw.get("reportingComponent")
        return Note(
            at=at or 0.0,
            service=intern(where) if kind == "Service" else "",
            warning=raw.get("type") == "Warning",
            reason=_text(raw.get("reason")),
            text=_text(raw.get("message")),
            source=_text(source),
            about="" if kind == "Service" else f"{kind} {where}",
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"event: {type(error).__name__}: {error}") from error


def created(raw: JSON) -> float | None:
    """When an object was made, as Unix time; None where it does not say."""
    meta = raw.get("metadata") if isinstance(raw, Mapping) else None
    return moment(meta.get("creationTimestamp")) if isinstance(meta, Mapping) else None


def moment(text: object) -> float | None:
    """Kubernetes' time (RFC 3339, UTC) as Unix time; None for anything else."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None


def _member(raw: JSON) -> Member:
    return Member(_required(raw, "node"), bool(raw.get("alive")))


def _stranger(raw: JSON) -> tuple[str, float]:
    return _required(raw, "node"), float(raw.get("for_ms") or 0) / 1000


def loaded(text: bytes) -> Any:
    """A speaker's or controller's `/state` as JSON, in which addresses are read already. Raises DecodeError.

    As dictionaries ten thousand addresses would take 12 MB for a moment; what is said of many stands in memory once.
    """
    lists: dict[object, Any] = {}

    def hook(raw: dict[str, Any]) -> Any:
        return _held(raw, lists) if raw.get("address") and "candidates" in raw else raw

    try:
        return json.loads(text, object_hook=hook)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DecodeError(f"state: {type(error).__name__}: {error}") from error


def _addresses(raw: Iterable[JSON]) -> Roster:
    """What a speaker says of each address, read already or not."""
    lists: dict[object, Any] = {}
    return Roster(dict(one if isinstance(one, tuple) else _held(one, lists) for one in islice(raw, MAX_ADDRESSES)))


def _held(raw: JSON, lists: dict[object, Any]) -> tuple[str, Held]:
    """An address, and what is said of it."""

    def once(values: Any) -> Any:
        return lists.setdefault(values, values)

    excluded = tuple((_text(node), _text(why)) for node, why in _mapping(raw.get("excluded")).items())
    said = Held(
        address="",
        owner=intern(_text(raw.get("owner"))),
        mine=bool(raw.get("mine")),
        candidates=once(_texts(raw.get("candidates"))),
        excluded=once(excluded),
        reason=intern(_text(raw.get("reason"))),
        interfaces=once(_texts(raw.get("interfaces"))),
        standing=intern(_text(raw.get("standing"))),
        term=_whole(raw.get("term")),
        provisional=bool(raw.get("provisional")),
    )
    return intern(_required(raw, "address")), shared(said)


def _required(raw: Mapping[str, Any], key: str) -> str:
    value = raw[key]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} is {value!r}")
    return value


def _text(raw: object) -> str:
    return raw[:MAX_TEXT] if isinstance(raw, str) else ""


def _whole(raw: object) -> int:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= MAX_TERM else 0


def _texts(raw: object) -> tuple[str, ...]:
    return tuple(_text(one) for one in islice(raw, MAX_MEMBERS)) if isinstance(raw, list) else ()


def _mapping(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}
