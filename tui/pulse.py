"""The state as it is now, and when it is drawn: soon after facts come in, together with those that came along.

A fact is drawn SOON_S after the first of those that came with it, later only while drawing itself is slow; what changes
nothing that is shown is not drawn at all. While nothing happens ages and verdicts still move on, at a slower pace.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter

from pylb.tui.facts import Fact, Offline
from pylb.tui.inbox import Inbox
from pylb.tui.pages.changes import differ
from pylb.tui.seams import Source
from pylb.tui.state import State
from pylb.tui.store import fold_all

SOON_S = 0.05  # from the first fact to the drawing
LATE_S = 0.25  # the longest that a fact waits
GENTLE = 3  # drawing gets one part in so many and one of the time
PACE = ((15.0, 1.0), (120.0, 5.0))  # so long after a change: between two drawings while nothing comes in
IDLE_DRAW_S = 30.0  # after that: ages are told in minutes then
CLOCK_PACE = ((15.0, 1.0), (120.0, 2.0))  # the same for the clock alone, which is most of what there is to do then
IDLE_CLOCK_S = 10.0
LATE_WORD_S = 5.0  # the API server says every 2 s that it is there; after so long each second counts
REST_S = 3.0  # without a change: what there was to read is read
EARLY_S = 0.5  # a tick that comes by so much too soon is meant
RESTART_S = 5.0  # after a source that broke, which is a defect of ours

_log = logging.getLogger(__name__)


class Pulse:
    """Takes facts, folds them, and says when to `draw` everything and when the clock alone. `later` sets a timer."""

    def __init__(
        self,
        now: Callable[[], float],
        draw: Callable[[], None],
        draw_clock: Callable[[], None],
        later: Callable[[float, Callable[[], None]], object],
        *,
        lively: bool = False,
    ) -> None:
        """`lively`: what is drawn with the clock changes all the time."""
        self.state = State()
        self._now, self._draw, self._draw_clock, self._later = now, draw, draw_clock, later
        self._inbox = Inbox()
        self._held: tuple[State, float] | None = None  # what a paused view shows, and when it was paused
        self._missed = 0
        self._due = False  # a look at the inbox is on its way
        self._cost = 0.0  # seconds that the last drawing took
        self._drawn_at = self._stirred_at = self._clock_at = 0.0
        self._lively = lively
        self.rest: Callable[[], None] | None = None  # called once, when what there was to read is read

    @property
    def view(self) -> tuple[State, float]:
        """The state to be drawn, and the time that it is drawn for."""
        return self._held or (self.state, self._now())

    @property
    def paused(self) -> int | None:
        """How many changes are held back; None while the view goes on."""
        return self._missed if self._held is not None else None

    def pause(self) -> None:
        """Hold the view still, or let it go on."""
        self._held = (self.state, self._now()) if self._held is None else None
        self._missed = 0
        self.draw()

    def put(self, fact: Fact) -> None:
        """Take a fact."""
        self._inbox.put(fact)
        if not self._due:
            self._due = True
            self._later(min(max(SOON_S, self._cost * GENTLE), LATE_S), self.look)

    def look(self) -> None:
        """Fold what came in, and draw if it changed what is shown."""
        self._due = False
        facts, before = self._inbox.drain(), self.state
        self.state = fold_all(before, facts)
        if not differ(before, self.state):
            return
        self._stirred_at = self._now()
        self._missed += len(facts)
        if self._held is None:
            self.draw()
        else:
            self._draw_clock()

    def draw(self) -> None:
        """Draw everything now."""
        began = perf_counter()
        self._drawn_at = self._now()
        self._draw()
        self._cost = perf_counter() - began

    def tick(self) -> None:
        """Time went on."""
        now = self._now()
        calm = now - self._stirred_at
        if self.rest is not None and self._stirred_at and calm >= REST_S:
            self.rest()
            self.rest = None
        if self._held is None and now - self._drawn_at >= _pace(PACE, calm, IDLE_DRAW_S):
            self._clock_at = now
            self.draw()
        elif self._hastens or not 0 <= now - self._clock_at < _pace(CLOCK_PACE, calm, IDLE_CLOCK_S) - EARLY_S:
            self._clock_at = now
            self._draw_clock()

    @property
    def _hastens(self) -> bool:
        """Whether each second counts: those to the next try, for one, or since the last word."""
        link = self.state.link
        late = link.heard_at is not None and self._now() - link.heard_at > LATE_WORD_S
        return self._lively or self._held is not None or late or link.online is False

    async def follow(self, source: Source) -> None:
        """Run the source; should it break, say so and start it again."""
        while True:
            try:
                await source.run(self.put)
            except Exception as error:  # noqa: BLE001 - a defect of a source must not take the screen with it
                now = self._now()
                _log.error("the source broke: %r", error)
                self.put(Offline(now, f"the source broke: {type(error).__name__}: {error}", now + RESTART_S))
            else:
                return
            await asyncio.sleep(RESTART_S)


def _pace(paces: tuple[tuple[float, float], ...], calm: float, last: float) -> float:
    return next((pause for limit, pause in paces if calm < limit), last)
