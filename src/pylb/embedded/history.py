"""The last changes of all objects, in order: what watches read and what makes a version too old.

Each change has the next number, so a version is an index into the ring. It knows no clock and no watcher.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pylb.embedded.errors import JSON

RING = 4096  # changes kept; a watch that falls behind further is told 410
FIRST_VERSION = 1000  # so that small invented versions are old ones

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """One change: `old` is the object before it (None for ADDED), `new` the one after (for DELETED: the last state)."""

    version: int
    type: str
    resource: tuple[str, str]  # group, plural
    new: JSON
    old: JSON | None


class History:
    """A ring of changes with contiguous versions."""

    def __init__(self) -> None:
        self.version = FIRST_VERSION
        self._first = FIRST_VERSION + 1  # the oldest version that is still in the ring
        self._ring: list[Change | None] = [None] * RING

    def next_version(self) -> int:
        """The version that the next change must carry."""
        return self.version + 1

    def append(self, change: Change) -> None:
        """Keep a change; its version is `next_version()`."""
        self.version = change.version
        self._ring[change.version % RING] = change
        self._first = max(self._first, self.version - RING + 1)

    def knows(self, version: int) -> bool:
        """Whether all changes after this version are still at hand."""
        return version >= self._first - 1

    def oldest(self) -> int:
        """The oldest version from which a watch can start."""
        return self._first - 1

    def since(self, version: int) -> Iterator[Change]:
        """The changes after a version that is known; nothing for versions to come."""
        for number in range(version + 1, self.version + 1):
            change = self._ring[number % RING]
            if change is not None:
                yield change

    def compact(self) -> None:
        """Forget all changes, as etcd's compaction does."""
        self._first = self.version + 1
