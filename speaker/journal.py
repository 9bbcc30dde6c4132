"""What one node counts of moves and stand-ins, and what of them goes down in history. Pure; times are arguments.

`now` is in seconds that never step back, `at` is Unix seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from pylb.core import history
from pylb.core.history import Entry
from pylb.core.model import Address, NodeName
from pylb.core.ownership.effects import StoodDown, StoodIn, Took
from pylb.core.spread import Spread

# s: a lost owner is found out within 0.4 s, a lost speaker after 30 s; the share below a bound is what people ask for
BOUNDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 2.0, 5.0, 10.0, 40.0)


class Journal:
    """The moves to one node, and what it did for others."""

    def __init__(self, node: NodeName, record: Callable[[Entry], None]) -> None:
        """`record` is told what goes down in history."""
        self._node, self._record = node, record
        self._standing: dict[Address, float] = {}
        self.counts: Counter[str] = Counter()  # by cause; claims that an owner made again are no moves
        self.stand_ins = 0
        self.detection, self.takeover = Spread(BOUNDS), Spread(BOUNDS)  # s since the last sign of owners that were lost

    @property
    def standing(self) -> int:
        """How many addresses this node answers for in another's place."""
        return len(self._standing)

    def take(self, took: Took, announced: float, at: float) -> None:
        """This node announces an address, so many seconds after it decided to."""
        if took.previous is not None and took.previous != self._node:
            self.counts[took.cause.value] += 1
            detected, after = history.spans(took, announced)
            if detected is not None and after is not None:
                self.detection.add(detected)
                self.takeover.add(after)
        move = history.of_take(self._node, took, announced, at)
        if move is not None:
            self._record(move)

    def stand_in(self, effect: StoodIn, now: float) -> None:
        """This node answers in another's place."""
        self.stand_ins += 1
        self._standing[effect.address] = now

    def stand_down(self, effect: StoodDown, services: Iterable[str], now: float, at: float) -> None:
        """It does so no more."""
        lasted = now - self._standing.pop(effect.address, now)
        if lasted > history.NOTEWORTHY:
            address = str(effect.address)
            self._record(history.of_stand_in(self._node, effect.owner, address, services, lasted, at))
