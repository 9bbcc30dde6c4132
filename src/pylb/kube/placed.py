"""Values of YAML with the line of each part, built from the parser's events without recursion.

Scalars are what kubectl makes of them: dates and times of day are texts there. Aliases count as often as they
are written, so that a few lines cannot stand for gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isinf
from typing import Any

import yaml

from pylb.core.growth import MAX_NODES
from pylb.core.manifest import Place

MAX_DEPTH = 100  # of nesting; a CustomResourceDefinition has 30
MAX_FLAWS = 20  # keys of one document that stand there twice
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MERGE = "<<"
_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **{form: True for word in ("y", "yes", "true", "on") for form in (word, word.capitalize(), word.upper())},
    **{form: False for word in ("n", "no", "false", "off") for form in (word, word.capitalize(), word.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{f"{sign}{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_BEGIN = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LARGEST = 2**64 - 1  # the reader's own


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a text, and on which line (from 1)."""

    line: int
    text: str
    fix: str = ""
    field: str = ""


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is not at its end yet."""

    line: int
    anchor: str | None
    table: dict[str, Any] | None  # None for a list
    row: list[Any] = field(default_factory=list)
    keys: dict[str, Place] = field(default_factory=dict)
    items: list[Place] = field(default_factory=list)
    merged: list[tuple[Any, Place]] = field(default_factory=list)
    key: str | None = None
    key_line: int = 0
    size: int = 1


@dataclass(slots=True)
class _Built:
    value: Any
    place: Place
    size: int


def build(text: str, offset: int = 0) -> Iterator[tuple[Any, Place, list[Flaw]]]:
    """The documents of a text whose first line is `offset` + 1: value, place and keys that stand there twice.

    Raises yaml.YAMLError.
    """
    builder = _Builder(offset)
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.DocumentStartEvent):
            builder = _Builder(offset)
        elif isinstance(event, yaml.DocumentEndEvent) and builder.done is not None:
            yield builder.done.value, builder.done.place, builder.flaws
        else:
            builder.take(event)


class _Builder:
    """One document."""

    def __init__(self, offset: int) -> None:
        self.done: _Built | None = None
        self.flaws: list[Flaw] = []
        self._offset = offset
        self._open: list[_Open] = []
        self._anchors: dict[str, _Built] = {}

    def take(self, event: Any) -> None:
        """One event after the other."""
        line = event.start_mark.line + 1 + self._offset
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self._open) == MAX_DEPTH:
                raise _error(event, f"it is nested more than {MAX_DEPTH} deep")
            self._open.append(_Open(line, event.anchor, {} if isinstance(event, yaml.MappingStartEvent) else None))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor or "")
            if known is None:
                raise _error(event, f"found undefined alias '{event.anchor}'")
            self._put(event, known, line)
        elif isinstance(event, yaml.ScalarEvent):
            begins = line + 1 if event.style in ("|", ">") else 0
            made = _Built(_scalar(event), Place(line, text=begins), 1)
            self._remember(event.anchor, made)
            self._put(event, made, line)

    def _close(self, event: Any) -> None:
        ended = self._open.pop()
        if ended.table is None:
            value: Any = ended.row
        else:
            value = ended.table
            for more, place in ended.merged:  # what is written there itself comes first
                ended.keys.update({key: place.keys[key] for key in more if key not in value and key in place.keys})
                value.update({key: inner for key, inner in more.items() if key not in value})
        made = _Built(value, Place(ended.line, ended.keys, tuple(ended.items)), ended.size)
        self._remember(ended.anchor, made)
        self._put(event, made, ended.line)

    def _remember(self, anchor: str | None, made: _Built) -> None:
        if anchor is not None:
            self._anchors[anchor] = made

    def _put(self, event: Any, made: _Built, line: int) -> None:
        if not self._open:
            self.done = made
            return
        inside = self._open[-1]
        inside.size += made.size
        if inside.size > MAX_NODES:
            raise _error(event, f"its aliases would make it larger than {MAX_NODES} values")
        if inside.table is None:
            inside.row.append(made.value)
            inside.items.append(made.place)
        elif inside.key is None:
            inside.key, inside.key_line = _key(event, made.value), line
        else:
            self._pair(inside, inside.table, made)
            inside.key = None

    def _pair(self, inside: _Open, table: dict[str, Any], made: _Built) -> None:
        key, place = inside.key or "", made.place
        if key == MERGE:
            several = made.value if isinstance(made.value, list) else [made.value]
            places = place.items if isinstance(made.value, list) else (place,)
            inside.merged += [
                (value, where) for value, where in zip(several, places, strict=True) if isinstance(value, dict)
            ]
            return
        if key in table and len(self.flaws) < MAX_FLAWS:
            first = inside.keys[key].line
            text = f'key "{key}" is written twice (first in line {first}): kubectl takes the last one, without a word'
            self.flaws.append(Flaw(inside.key_line, text, "keep one of the two", self._path(key)))
        table[key] = made.value
        inside.keys[key] = Place(inside.key_line, place.keys, place.items, place.text)

    def _path(self, key: str) -> str:
        steps = (f".{one.key}" if one.table is not None else f"[{len(one.row)}]" for one in self._open[:-1])
        return ("".join(steps) + f".{key}").lstrip(".")


def _error(event: Any, problem: str) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _key(event: Any, value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise _error(event, "a key is a text, and no list or mapping")
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value or "null")


def _scalar(event: Any) -> Any:
    """A scalar as kubectl reads it."""
    text: str = event.value
    tag = event.tag
    if tag in (None, "!"):
        return _plain(text) if event.implicit[0] else text
    kind = str(tag).removeprefix(_TAG)
    if kind == "null":
        return None
    return _plain(text) if kind in ("bool", "int", "float") else text


def _plain(text: str) -> Any:
    """What is not in quotes, by the rules of kubectl's reader (sigs.k8s.io/yaml), which differ from PyYAML's: `y` and `n`
    are booleans, `1e3`, `08` and `0o17` are numbers, and dates are texts."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _BEGIN:
        return text
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        sign, number = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
        octal = number[:1] == "0" and number.isdigit() and len(number) > 1
        found = int(f"{sign}{number}", 8 if octal else 0)
        return found if abs(found) <= _LARGEST else float(found)
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        return text if isinf(value) else value
    return text
