"""What is known of ranges from searches before, so that no search begins at the first address again.

It knows numbers and no addresses' users: whoever searches tells how far, and which addresses may be of use again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from dataclasses import dataclass, field

from pylb.core.model import Address
from pylb.core.ranges import Range

MAX_SPANS = 1000  # ranges of a family of which something is known
MAX_KINDS = 1000  # kinds of use for each of them


@dataclass(slots=True)
class Row:
    """One range: below `frontier` all is used, or buggy, but for some of `left`; below a kind's height all is of no use
    for that kind."""

    first: int
    last: int
    frontier: int
    left: list[int] = field(default_factory=list)  # ascending
    heights: dict[Hashable, int] = field(default_factory=dict)

    def height(self, *kinds: Hashable) -> int:
        """Where a search for something that is of all these kinds begins."""
        return max(self.first, *(self.heights.get(kind, 0) for kind in kinds))

    def rise(self, kind: Hashable, height: int) -> None:
        """What is below `height` was found to be of no use for a kind."""
        if len(self.heights) >= MAX_KINDS and kind not in self.heights:
            self.heights.clear()
        self.heights[kind] = height

    def lower(self, number: int) -> None:
        """It may be of use again."""
        for kind in [kind for kind, height in self.heights.items() if height > number]:
            self.heights[kind] = number
        if number < self.frontier:
            index = bisect_left(self.left, number)
            if self.left[index : index + 1] != [number]:
                self.left.insert(index, number)


class Heights:
    """A row for each range, seen with or without its buggy addresses."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[tuple[int, int, bool], Row]] = {4: {}, 6: {}}  # by family

    def row(self, span: Range, buggy: bool) -> Row:
        """What is known of a range; good until another one is asked for."""
        rows, first, last = self._rows[span.version], int(span.first), int(span.last)
        row = rows.get((first, last, buggy))
        if row is None:
            if len(rows) >= MAX_SPANS:
                rows.clear()
            row = rows[first, last, buggy] = Row(first, last, first)
        return row

    def lower(self, address: Address) -> None:
        """The address may be of use again."""
        number = int(address)
        for (first, last, _), row in self._rows[address.version].items():
            if first <= number <= last:
                row.lower(number)

    def forget(self, kind: Hashable) -> None:
        """What was known of a kind is so no more."""
        for rows in self._rows.values():
            for row in rows.values():
                row.heights.pop(kind, None)
