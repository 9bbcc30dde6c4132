"""How often costly work is done that each change asks for: at once, and again after a rest that is longer than the work.

So a burst of changes, each of which asks for a look at everything, leaves most of the time to others on the event loop.
What the work is is not known here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SHORT_S = 0.02  # s of work after which nobody needs a rest: what a home network's configuration takes on a Raspberry Pi
REST = 4  # times as long as the work: it has a fifth of the time at most
MAX_REST_S = 5.0  # s until a change is looked at


class Pace:
    """Calls `work` as often as that is asked for, but for rests; what was asked for in a rest is done once after it."""

    def __init__(self, work: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._work, self._clock = work, clock
        self._resting = self._asked = False

    def ask(self) -> None:
        """The work is due; within the event loop. What it raises is the caller's where it is done at once."""
        if self._resting:
            self._asked = True
            return
        begin = self._clock()
        self._work()
        took = self._clock() - begin
        if took > SHORT_S:
            self._resting = True
            asyncio.get_running_loop().call_later(min(REST * took, MAX_REST_S), self._rested)

    def _rested(self) -> None:
        self._resting = False
        if self._asked:
            self._asked = False
            self.ask()
