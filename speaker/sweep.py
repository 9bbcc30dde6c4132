"""When objects that nobody answers for are removed: pure. Not at once: what they tell of may only not be known here yet."""

from __future__ import annotations

from collections.abc import Iterable

PATIENCE = 60.0  # s that an object has to be a stray


class Sweep:
    """The memory of one node. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def due(self, strays: Iterable[str], now: float) -> tuple[tuple[str, ...], float | None]:
        """The names of what is to be removed now, and seconds until more may be."""
        self._since = {name: self._since.get(name, now) for name in strays}
        waits = [since + PATIENCE - now for since in self._since.values() if now < since + PATIENCE]
        return tuple(name for name, since in self._since.items() if now >= since + PATIENCE), min(waits, default=None)
