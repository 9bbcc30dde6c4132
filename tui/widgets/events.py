"""The panel of the last events."""

from __future__ import annotations

from pylb.tui import news
from pylb.tui.state import State
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.words import Glyphs, Span


class EventsPanel(Board):
    """The last events, newest first."""

    def show_state(self, state: State, width: int, limit: int, glyphs: Glyphs, tones: Tones) -> None:
        """Show at most `limit` events in lines of `width` cells."""
        self.border_title = "EVENTS"
        items = news.latest(state, glyphs.arrow, limit)
        lines = [news.line(item, width, glyphs) for item in items]
        self.show(lines or [(Span("nothing happened yet", "dim"),)], tones)
