"""The panel of an extra: what `seams.Extra` says, in a frame like all others."""

from __future__ import annotations

from textual.content import Content

from pylb.tui.seams import Extra
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.words import Glyphs


class ExtraPanel(Board):
    """Shows one extra."""

    def __init__(self, extra: Extra) -> None:
        super().__init__(classes="panel")
        self._extra = extra
        self.border_title = Content(extra.title)

    def refresh_extra(self, now: float, glyphs: Glyphs, tones: Tones) -> None:
        """Ask the extra, and show what it says."""
        height = self._extra.height
        self.styles.height = height + self.gutter.height
        width = self.content_size.width
        if width:
            self.show(tuple(self._extra.lines(now, width, glyphs))[:height], tones)
