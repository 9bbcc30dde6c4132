"""Whether two states look different. Pure.

Speakers and the API server say every two seconds that nothing changed; only the age of what was heard differs then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TypeVar

from pylb.tui.state import Controller, Link, Speaker, State

_COMPARED = frozenset({"speakers", "controllers", "link", "counters", "contests_at"})
_SAME = tuple(field.name for field in fields(State) if field.name not in _COMPARED)
Teller = TypeVar("Teller", Speaker, Controller)


def differ(before: State, after: State) -> bool:
    """Whether something else was heard, and not only heard again."""
    if before is after:
        return False
    if any(_changed(getattr(before, name), getattr(after, name)) for name in _SAME):
        return True
    spoke = _spoke(before.speakers, after.speakers) or _spoke(before.controllers, after.controllers)
    return spoke or _plain(before.link) != _plain(after.link)


def _changed(before: object, after: object) -> bool:
    return before is not after and before != after


def _plain(link: Link) -> Link:
    return replace(link, heard_at=None if link.heard_at is None else 0.0)


def _spoke(before: Mapping[str, Teller], after: Mapping[str, Teller]) -> bool:
    if before is after:
        return False
    return before.keys() != after.keys() or any(_timeless(one) != _timeless(after[key]) for key, one in before.items())


def _timeless(one: Teller) -> Teller:
    return replace(one, heard_at=0.0, silent_at=0.0)
