"""Simulated time: what is due happens in order, and nothing else takes any time."""

from __future__ import annotations

import heapq
from collections.abc import Callable

MAX_EVENTS = 50_000_000  # of one run


class Clock:
    """Seconds that pass when `run` says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Do something at a time; at once if that is past. What is due at the same time is done in the order of asking."""
        self._number += 1
        if self._number > MAX_EVENTS:
            raise RuntimeError(f"more than {MAX_EVENTS} events")
        heapq.heappush(self._queue, (max(when, self.now), self._number, act))

    def after(self, delay: float, act: Callable[[], None]) -> None:
        """Do something after so many seconds."""
        self.at(self.now + delay, act)

    def run(self, until: float) -> None:
        """Let time pass until then."""
        queue, pop = self._queue, heapq.heappop
        while queue and queue[0][0] <= until:
            self.now, _, act = pop(queue)
            act()
        self.now = until
