"""A state in the making: what is folded into it goes to copies of its tables, each made once at most. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from operator import attrgetter
from typing import Any

from pylb.tui.state import State

MAX_OBJECTS = 20_000  # of one kind; MetalLB's largest known users have a few thousand Services


class Draft:
    """A state in the making: a table is copied when it is first written to."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._written: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        return self._written.get(name, getattr(self._state, name))

    def __setitem__(self, name: str, value: Any) -> None:
        self._written[name] = value

    def table(self, name: str) -> dict[Any, Any]:
        """A table to write to."""
        if name not in self._written:
            self._written[name] = dict(getattr(self._state, name))
        found: dict[Any, Any] = self._written[name]
        return found

    def put(self, name: str, key: object, value: object, limit: int = MAX_OBJECTS) -> None:
        """Add or replace an entry; beyond the limit the oldest goes, and is counted."""
        table = self.table(name)
        table[key] = value
        if len(table) > limit:
            del table[next(iter(table))]
            self.count("dropped")

    def begin_anew(self) -> None:
        """Forget everything."""
        self._state, self._written = State(), {"counters": {}}

    def drop(self, name: str, key: object) -> None:
        """Take an entry out, if it is there."""
        if key in self[name]:
            del self.table(name)[key]

    def happened(self, name: str, item: Any, limit: int) -> bool:
        """Add to what is ordered by `at`, unless it stands there; beyond the limit the oldest goes. Whether it was new."""
        if name not in self._written:
            self._written[name] = list(getattr(self._state, name))
        ordered: list[Any] = self._written[name]
        first, last = (find(ordered, item.at, key=attrgetter("at")) for find in (bisect_left, bisect_right))
        if item in ordered[first:last]:
            return False
        ordered.insert(last, item)
        if len(ordered) > limit:
            del ordered[0]
        return True

    def wrote(self, *names: str) -> bool:
        """Whether one of these was written to."""
        return not self._written.keys().isdisjoint(names)

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of the counters."""
        counters = self.table("counters")
        counters[name] = counters.get(name, 0) + by

    def done(self) -> State:
        """The state; the one that it began as, where nothing was written."""
        frozen: dict[str, Any] = {
            name: tuple(made) if isinstance(made, list) else made for name, made in self._written.items()
        }
        return replace(self._state, **frozen) if frozen else self._state
