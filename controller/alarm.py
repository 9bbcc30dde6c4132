"""One timer, however often it is set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls something once, at the time that was set last."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at: float | None) -> None:
        """Ring at a time of the event loop's clock, not when it was set to before; None: not at all."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None if at is None else asyncio.get_running_loop().call_at(at, self._ring)
