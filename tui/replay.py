"""A source that plays a recording: its facts at their times, faster or slower, from any place.

Whoever shows it asks it for the time: what is old and what is fresh is told by the recording's clock, not by today's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pylb.tui.facts import Remark, Rewound, SpeakerHeard
from pylb.tui.recording import Recording, UnreadableRecording
from pylb.tui.seams import Put

BREATH = 200  # lines after which other tasks get their turn
MIN_RATE, MAX_RATE = 0.1, 1000.0


class ReplaySource:
    """Plays a recording; `clock` gives seconds that never step back."""

    def __init__(self, recording: Recording, clock: Callable[[], float] = time.monotonic) -> None:
        self._recording, self._clock = recording, clock
        self._rate, self._paused = 1.0, False
        self._position, self._since = 0.0, clock()  # where it was, and when that was
        self._moved = asyncio.Event()
        self._rewound = False
        self._next = 0  # the line to be played next
        self._said: dict[str, SpeakerHeard] = {}

    @property
    def name(self) -> str:
        """The file, and who was recorded."""
        return f"{self._recording.path} ({self._recording.header.source})"

    @property
    def duration(self) -> float:
        """Seconds that the recording lasts."""
        return self._recording.duration

    @property
    def position(self) -> float:
        """Seconds from its beginning."""
        played = 0.0 if self._paused else (self._clock() - self._since) * self._rate
        return min(max(self._position + played, 0.0), self.duration)

    def now(self) -> float:
        """The time in the recording (Unix seconds)."""
        return self._recording.began + self.position

    @property
    def rate(self) -> float:
        """How many times faster than it was it is played."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._mark(self.position)
        self._rate = min(max(rate, MIN_RATE), MAX_RATE)

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._paused

    @paused.setter
    def paused(self, paused: bool) -> None:
        self._mark(self.position)
        self._paused = paused

    def seek(self, seconds: float) -> None:
        """Go on from so many seconds after the beginning; outside of it that is its beginning or end."""
        before = self.position
        self._mark(min(max(seconds, 0.0), self.duration))
        self._rewound = self._rewound or self._position < before

    def hurry(self) -> None:
        """There is nothing to be tried again."""

    def _mark(self, position: float) -> None:
        self._position, self._since = position, self._clock()
        self._moved.set()

    async def run(self, put: Put) -> None:
        """Play until cancelled; at the end it stands still."""
        while True:
            self._moved.clear()
            if self._rewound:
                self._rewound, self._next = False, 0
                self._said.clear()
                put(Rewound(self.now()))
            await self._play(put)
            if self._next >= len(self._recording.times) and self._recording.note:
                put(Remark(self.now(), self._recording.note))
            await self._wait()

    async def _play(self, put: Put) -> None:
        """Hand over what is due, as long as nobody goes back meanwhile."""
        due = self._recording.until(self.now())
        while self._next < due and not self._rewound:
            last = min(self._next + BREATH, due)
            try:
                for fact in self._recording.facts(self._next, last, self._said):
                    put(fact)
            except UnreadableRecording as error:
                put(Remark(self.now(), str(error)))
                self._next = len(self._recording.times)  # nothing can be told of what follows
                return
            self._next = last
            await asyncio.sleep(0)

    async def _wait(self) -> None:
        """Until the next line is due, or somebody moves."""
        times = self._recording.times
        pause = None
        if not self._paused and self._next < len(times):
            pause = max(times[self._next] - self.now(), 0.0) / self._rate
        try:
            await asyncio.wait_for(self._moved.wait(), pause)
        except asyncio.TimeoutError:
            return
