"""A state in the making: what is folded into it goes to copies of its tables, each made once at most. Pure."""

from __future__ import annotations

from dataclasses import replace
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

    def drop(self, name: str, key: object) -> None:
        """Take an entry out, if it is there."""
        if key in self[name]:
            del self.table(name)[key]

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of the counters."""
        counters = self.table("counters")
        counters[name] = counters.get(name, 0) + by

    def done(self) -> State:
        """The state; the one that it began as, where nothing was written."""
        return replace(self._state, **self._written) if self._written else self._state
