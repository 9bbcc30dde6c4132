"""What a collection counts, and the sums of what several do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a collection has lived through since its start."""

    requests: int = 0
    lists: int = 0  # complete ones
    watches: int = 0  # accepted ones
    events: int = 0
    bookmarks: int = 0
    changes: int = 0  # objects that came, changed or went, by lists too
    failures: int = 0
    undecodable: int = 0
    last_error: str = ""


class Counting(Protocol):
    """What has statistics: a collection."""

    def statistics(self) -> Statistics:
        """What it has lived through."""
        ...


class Totals:
    """Sums over collections that come and go; they never go down."""

    def __init__(self) -> None:
        self.changes = 0
        self.undecodable = 0
        self._seen: WeakKeyDictionary[Counting, Statistics] = WeakKeyDictionary()

    def take(self, collections: Iterable[Counting]) -> None:
        """Add what they counted since they were seen last; what one counts after that, and before its end, is lost."""
        for one in collections:
            now, before = one.statistics(), self._seen.get(one, Statistics())
            self._seen[one] = now
            self.changes += now.changes - before.changes
            self.undecodable += now.undecodable - before.undecodable
