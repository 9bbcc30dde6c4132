"""How a quantity that was measured many times is spread: how many were at most each of some bounds, and their sum."""

from __future__ import annotations

from bisect import bisect_left


class Spread:
    """Counts by bounds; it keeps no single value."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """`bounds` ascend; what is above the last is counted, too."""
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    @property
    def count(self) -> int:
        """How many were measured."""
        return sum(self._counts)

    @property
    def at_most(self) -> tuple[tuple[float, int], ...]:
        """For each bound, how many were not above it."""
        total, found = 0, []
        for bound, count in zip(self.bounds, self._counts, strict=False):
            total += count
            found.append((bound, total))
        return tuple(found)

    def add(self, value: float) -> None:
        """One was measured."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
