"""What one drawing is made from: the state at a time, and the room there is. Pure.

What several panels need of the state is worked out when it is first asked for, and once for a drawing.
"""

from __future__ import annotations

from functools import cached_property

from pylb.tui import cases, holders, renewal, summary
from pylb.tui.cases import Scenery
from pylb.tui.holders import Evidence
from pylb.tui.renewal import Roll
from pylb.tui.rows import ServiceRow
from pylb.tui.state import State
from pylb.tui.words import Glyphs, Line

MIN_WIDTH, MIN_HEIGHT = 60, 16  # cells and lines: below, one line says so
MID_FROM, HIGH_FROM = 28, 38  # lines of the terminal
SERVES_S = 1.0  # a drawing for a key that is pressed so soon after another may tell the same time
WIDE_FROM = 140  # cells: from here there is room for a second panel beside the table


class Look:
    """One drawing. `now` stands still while the view is paused; `width` and `height` are the terminal's."""

    def __init__(
        self, state: State, now: float, width: int, height: int, glyphs: Glyphs, earlier: Look | None = None
    ) -> None:
        self.state, self.now, self.width, self.height, self.glyphs = state, now, width, height, glyphs
        self._scenery = earlier.last_scenery if earlier is not None else None
        self._roll = earlier.last_roll if earlier is not None else None

    def serves(self, other: Look) -> bool:
        """Whether this one shows the same as another that is to be drawn, so that what was worked out holds."""
        place = self.state is other.state and self.glyphs is other.glyphs
        size = (self.width, self.height) == (other.width, other.height)
        return place and size and 0 <= other.now - self.now < SERVES_S

    @property
    def last_scenery(self) -> Scenery | None:
        """The newest scenery that somebody asked for, here or before."""
        return self._scenery

    @property
    def last_roll(self) -> Roll | None:
        """The newest rows that somebody asked for, here or before."""
        return self._roll

    @cached_property
    def scenery(self) -> Scenery:
        """What `cases` explains a Service by; what did not change since it was asked for last is kept."""
        self._scenery = cases.scenery(self.state, self.now, self._scenery)
        return self._scenery

    @property
    def tall(self) -> int:
        """How high the terminal is: 0 low (24 lines), 1, 2 high."""
        return (self.height >= MID_FROM) + (self.height >= HIGH_FROM)

    @property
    def tiny(self) -> bool:
        """Whether there is too little room for anything."""
        return self.width < MIN_WIDTH or self.height < MIN_HEIGHT

    @property
    def offline(self) -> bool:
        """Whether the API server cannot be reached: what is shown is the last that was true."""
        return self.state.link.online is False

    @cached_property
    def seen(self) -> float:
        """The time that verdicts are about; see `holders.seen_at`."""
        return holders.seen_at(self.state, self.now)

    @cached_property
    def evidence(self) -> Evidence:
        """Who announces what, indexed."""
        return self._rolled.view.evidence

    @cached_property
    def services(self) -> tuple[ServiceRow, ...]:
        """The rows of all Services, problems first."""
        return self._rolled.rows

    def rows_of(self, service: str) -> tuple[ServiceRow, ...]:
        """The rows of one Service."""
        return self._rolled.by_service.get(service, ())

    def is_fresh(self, row: ServiceRow) -> bool:
        """Whether a row of `services` became another a moment ago."""
        return self._rolled.is_fresh(row)

    @cached_property
    def _rolled(self) -> Roll:
        self._roll = renewal.roll(self.state, self.now, self._roll)
        return self._roll

    @cached_property
    def standing(self) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
        """How the cluster stands, thing by thing: in words, and in codes."""
        told = summary.parts(self.state, self.services, self.now)
        return tuple(told), tuple(summary.parts(self.state, self.services, self.now, short=True))
