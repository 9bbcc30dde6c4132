"""The panel of pools."""

from __future__ import annotations

from typing import Any

from pylb.tui import gauges, summary, takings
from pylb.tui.state import State
from pylb.tui.takings import Takings
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.words import Glyphs, Line, Span, fit


class PoolsPanel(Board):
    """How full the pools are; what is wrong with the configuration, and what is odd."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._takings: Takings | None = None

    def show_state(self, state: State, width: int, limit: int, glyphs: Glyphs, tones: Tones) -> None:
        """Show the pools in at most `limit` lines of `width` cells."""
        self._takings = takings.count(state, self._takings)
        found = gauges.pools(state, self._takings)
        wrong, odd = summary.problems(state)[: max(limit - 1, 1)], state.warnings
        lines: list[Line] = [(Span(fit(f"refused: {' '.join(text.split())}", width, glyphs), "bad"),) for text in wrong]
        if odd and len(lines) < limit - 1:
            more = f"{len(odd)} warnings, first: " if len(odd) > 1 else "warning: "
            lines.append((Span(fit(f"{more}{' '.join(odd[0].split())}", width, glyphs), "warn"),))
        lines += gauges.lines(found, width, max(limit - len(lines), 1), glyphs)
        if not lines:
            text = "no pool is defined: kubectl apply an IPAddressPool" if state.config else "not read yet"
            lines = [(Span(text, "dim"),)]
        self.border_title = f"POOLS {len(found)}" if found else "POOLS"
        self.show(lines, tones)
