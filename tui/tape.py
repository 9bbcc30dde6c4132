"""Facts as lines of JSON and back: what a recording is written in. Pure.

The first line is a header with a version; each other line is one fact and when it was written down. Values are written
by their classes' fields, and read by the same fields' types: what does not fit raises `TapeError`, whatever it is. Of a
speaker that says what it said before the line says just that.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from math import isfinite
from typing import Any, Union, get_args, get_origin, get_type_hints

from pylb.core import events, history, model, ranges, selectors
from pylb.core.config import loader as config
from pylb.core.explanation import wire
from pylb.tui import facts, objects
from pylb.tui.facts import Fact, Roster, SpeakerHeard

FORMAT, VERSION = "pylb-recording", 1
MAX_LINE = 16 * 1024 * 1024  # characters: a speaker with 10,000 addresses needs 3 million
MAX_TAG = 40  # characters of a kind that is not known
_TAG = "is"  # the key that names the class of a value
_STILL = "SpeakerStill"  # a line's tag: the speaker says what it said last
_HOMES = (facts, objects, model, config, events, history, ranges, selectors, wire)
_NAMED: dict[str, type] = {
    name: found
    for home in _HOMES
    for name, found in vars(home).items()
    if isinstance(found, type) and is_dataclass(found) and found.__module__ == home.__name__
}
_FACTS: frozenset[str] = frozenset(one.__name__ for one in get_args(Fact))


class TapeError(ValueError):
    """A line is not one of a recording."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: who was recorded by which pylb, from when on."""

    source: str
    pylb: str
    started: float


@dataclass(frozen=True, slots=True)
class Still:
    """At `at` the node's speaker said what it said before."""

    at: float
    node: str


Said = Fact | Still


def header_line(header: Header) -> str:
    """The header as a line."""
    return _line({FORMAT: VERSION, "source": header.source, "pylb": header.pylb, "started": header.started})


def read_header(text: str) -> Header:
    """The header that a line is; raises TapeError that says what it is instead."""
    raw = _object(text)
    if FORMAT not in raw:
        raise TapeError("it is no recording of pylb record")
    if raw[FORMAT] != VERSION:
        raise TapeError(f"it is a recording of version {str(raw[FORMAT])[:20]}, and this pylb reads version {VERSION}")
    source, made = raw.get("source"), raw.get("pylb")
    if not isinstance(source, str) or not isinstance(made, str):
        raise TapeError("its header is incomplete")
    return Header(source, made, _time(raw, "started"))


def line(at: float, said: Said) -> str:
    """A fact, and when it was written down (Unix seconds), as a line."""
    if isinstance(said, Still):
        return _line({"t": round(at, 3), **_encoded(said), _TAG: _STILL})
    return _line({"t": round(at, 3), **_encoded(said)})


def read_time(text: str) -> float:
    """When a line was written down; raises TapeError for one that is not even JSON, or tells no time."""
    return _time(_object(text), "t")


def read(text: str) -> tuple[float, Said]:
    """The fact of a line, and when it was written down; raises TapeError."""
    raw = _object(text)
    at, tag = _time(raw, "t"), raw.get(_TAG)
    if tag == _STILL:
        return at, _built(Still, raw)
    if not isinstance(tag, str):
        raise TapeError("it does not say what it is")
    if tag not in _FACTS:
        return at, events.Unknown(at, tag[:MAX_TAG])  # of a newer pylb: counted, like an event of an unknown kind
    fact: Fact = _built(_NAMED[tag], raw)
    return at, fact


def still(fact: Fact, known: Mapping[str, SpeakerHeard]) -> Said:
    """The fact as it is to be written, by what each node's speaker said last."""
    if isinstance(fact, SpeakerHeard):
        last = known.get(fact.snapshot.node)
        if last is not None and last.snapshot == fact.snapshot:
            return Still(fact.at, fact.snapshot.node)
    return fact


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _time(raw: Mapping[str, Any], name: str) -> float:
    value = raw.get(name)
    if not _is_time(value):
        raise TapeError("it tells no time")
    return _number(value)


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def _object(text: str) -> Mapping[str, Any]:
    if len(text) > MAX_LINE:
        raise TapeError("it is too long")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise TapeError("it is not JSON, or cut off") from None
    if not isinstance(raw, Mapping):
        raise TapeError("it is no object")
    return raw


def _encoded(value: Any) -> Any:
    """A value as JSON; fields that are as they are by default are left out."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: getattr(value, field.name) for field in _given(type(value))}
        default = _defaults(type(value))
        kept = {name: _encoded(one) for name, one in told.items() if name not in default or default[name] != one}
        return {_TAG: type(value).__name__, **kept}
    if isinstance(value, Mapping):
        return {str(key): _encoded(one) for key, one in value.items()}
    if isinstance(value, frozenset):
        return sorted((_encoded(one) for one in value), key=str)
    if isinstance(value, (tuple, list, Roster)):
        return [_encoded(one) for one in value]
    return str(value) if isinstance(value, (IPv4Address, IPv6Address)) else value


@lru_cache(maxsize=256)
def _given(cls: type) -> tuple[Field[Any], ...]:
    """The fields that a value is made of; others are worked out of them."""
    return tuple(field for field in fields(cls) if field.init)


@lru_cache(maxsize=256)
def _defaults(cls: type) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for field in _given(cls):
        if field.default is not MISSING:
            found[field.name] = field.default
        elif field.default_factory is not MISSING:
            found[field.name] = field.default_factory()
    return found


@lru_cache(maxsize=256)
def _types(cls: type) -> Mapping[str, Any]:
    return get_type_hints(cls)


def _built(cls: type, raw: Mapping[str, Any]) -> Any:
    """The value of a class that an object is."""
    wanted, values = _types(cls), {}
    for field in _given(cls):
        if field.name in raw:
            values[field.name] = _decoded(wanted[field.name], raw[field.name], f"{cls.__name__}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise TapeError(f"{cls.__name__} has no {field.name}")
    return cls(**values)


def _decoded(wanted: Any, raw: Any, where: str) -> Any:
    """A value of a type."""
    wanted = getattr(wanted, "__supertype__", wanted)
    origin = get_origin(wanted)
    if origin in (Union, types.UnionType):
        return _of_union(get_args(wanted), raw, where)
    if origin is not None and issubclass(origin, Mapping):
        return _of_mapping(get_args(wanted), raw, where)
    if origin is Sequence:
        return _of_sequence(tuple, (*get_args(wanted), Ellipsis), raw, where)
    if origin in (tuple, frozenset):
        return _of_sequence(origin, get_args(wanted), raw, where)
    if isinstance(wanted, type) and is_dataclass(wanted):
        if not isinstance(raw, Mapping) or raw.get(_TAG) != wanted.__name__:
            raise TapeError(f"{where} is no {wanted.__name__}")
        return _built(wanted, raw)
    read = _PLAIN.get(wanted) or _of_enum(wanted)
    try:
        return read(raw)
    except (TypeError, ValueError):
        raise TapeError(f"{where} is no {wanted.__name__}") from None


def _of_union(wanted: tuple[Any, ...], raw: Any, where: str) -> Any:
    if isinstance(raw, Mapping):
        cls = _NAMED.get(str(raw.get(_TAG)))
        if cls is not None and cls in wanted:
            return _built(cls, raw)
    if raw is None and type(None) in wanted:
        return None
    for one in wanted:
        if one is not type(None) and not (isinstance(one, type) and is_dataclass(one)):
            try:
                return _decoded(one, raw, where)
            except TapeError:
                continue
    raise TapeError(f"{where} is none of what it may be")


def _of_mapping(wanted: tuple[Any, ...], raw: Any, where: str) -> dict[Any, Any]:
    if not isinstance(raw, Mapping):
        raise TapeError(f"{where} is no mapping")
    return {_decoded(wanted[0], key, where): _decoded(wanted[1], one, where) for key, one in raw.items()}


def _of_sequence(origin: Callable[[Any], Any], wanted: tuple[Any, ...], raw: Any, where: str) -> Any:
    if not isinstance(raw, list):
        raise TapeError(f"{where} is no list")
    if origin is tuple and not (len(wanted) == 2 and wanted[1] is Ellipsis):
        if len(raw) != len(wanted):
            raise TapeError(f"{where} has {len(raw)} parts")
        return tuple(_decoded(one, value, where) for one, value in zip(wanted, raw, strict=True))
    return origin(_decoded(wanted[0], one, where) for one in raw)


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError
    return raw


def _truth(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise TypeError
    return raw


def _whole(raw: Any) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise TypeError
    return raw


def _number(raw: Any) -> float:
    if not _is_time(raw):
        raise TypeError
    number: float = raw
    return float(number)


def _of_enum(wanted: Any) -> Callable[[Any], Any]:
    if not (isinstance(wanted, type) and issubclass(wanted, Enum)):
        raise TapeError("a type that no line has")
    return wanted


_PLAIN: dict[Any, Callable[[Any], Any]] = {
    str: _text,
    bool: _truth,
    int: _whole,
    float: _number,
    IPv4Address: lambda raw: IPv4Address(_text(raw)),
    IPv6Address: lambda raw: IPv6Address(_text(raw)),
}
