"""Fields of a resource, read with a message that names the field; each function raises ParseError."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from pylb.core.errors import ParseError

JSON = Mapping[str, Any]


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2  # YAML can write what has no end, and what has 9^20 parts
_SHORT.maxlist = _SHORT.maxdict = 3
_SHORT.maxstring = _SHORT.maxother = 60  # characters
_WORDS = {None: "null", True: "true", False: "false"}


def shown(raw: object) -> str:
    """Anything at all, as a message may quote it; `y` was written where it says true."""
    return _WORDS[raw] if raw is None or isinstance(raw, bool) else _SHORT.repr(raw)


def mapping(raw: object, what: str) -> JSON:
    """A mapping; an absent one is empty."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise ParseError(f"{what} is a mapping, not {shown(raw)}")
    return raw


def sequence(raw: object) -> Sequence[Any]:
    """A list; an absent one is empty."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise ParseError(f"a list is expected, not {shown(raw)}")
    return raw


def strings(raw: object, what: str) -> tuple[str, ...]:
    """A list of texts; an absent one is empty."""
    items = sequence(raw)
    if not all(isinstance(item, str) for item in items):
        raise ParseError(f"{what} is a list of texts, not {shown(raw)}")
    return tuple(items)


def unique(items: tuple[str, ...], what: str) -> tuple[str, ...]:
    """The same texts, each of which may stand there once."""
    twice = next((item for item in items if items.count(item) > 1), None)
    if twice is not None:
        raise ParseError(f'duplicate definition in {what} field: "{twice}"')
    return items


def boolean(raw: object, what: str, default: bool) -> bool:
    """True or false; `default` where it is absent."""
    if raw is None:
        return default
    if not isinstance(raw, bool):
        raise ParseError(f"{what} is true or false, not {shown(raw)}")
    return raw


def integer(raw: object, what: str) -> int:
    """A whole number; 0 where it is absent."""
    if raw is None:
        return 0
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise ParseError(f"{what} is a number, not {shown(raw)}")
    return raw
