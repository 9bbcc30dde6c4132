"""Log: everything that was told, newest first; the row under the cursor in full below."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from pylb.tui.logbook import LEVELS
from pylb.tui.pages import log
from pylb.tui.pages.log import LOG, LogRow
from pylb.tui.pages.look import Look
from pylb.tui.screens.page import PageScreen
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.pane import Pane

FRAME = 4  # cells that the frame and padding of the text's panel take


class LogScreen(PageScreen):
    """The log. While it follows, the cursor stays on the newest line; moving it stops that."""

    page = "log"
    CSS = """
    LogScreen .whole { height: 5; }
    LogScreen.-mid .whole { height: 7; }
    LogScreen.-high .whole { height: 10; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "level", "Level", id="log.level", tooltip="show only what is graver"),
        Binding("f", "follow", "Follow", id="log.follow", tooltip="stay on the newest line"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._least = LEVELS[0]
        self._follows = True

    def body(self) -> ComposeResult:
        yield Pane(LOG, classes="lines")
        yield Board(classes="panel whole")

    @property
    def lines(self) -> Pane[LogRow]:
        """The table."""
        return self.query_one(".lines", Pane)

    def draw(self, look: Look) -> None:
        pane = self.lines
        pane.listing = replace(LOG, title=log.title(self._least, follow=self._follows))
        pane.show(log.rows(look, self._least), look, self.app_frame.tones, text=self.filter)
        if self._follows:
            pane.table.move_cursor(0)
        self._show_whole(look)

    def _show_whole(self, look: Look) -> None:
        board = self.query_one(".whole", Board)
        board.border_title, board.border_subtitle = Content("IN FULL"), Content(log.tail(look))
        board.show(log.whole(self.lines.row, look, look.width - FRAME), self.app_frame.tones)

    @on(Pane.Moved)
    def _moved(self) -> None:
        if self.look is None:
            return
        if self._follows and self.lines.table.cursor_row > 0:
            self._follows = False
            self.app_frame.redraw()
        else:
            self._show_whole(self.look)

    def action_follow(self) -> None:
        """Stay on the newest line, or no more."""
        self._follows = not self._follows
        self.app_frame.redraw()

    def action_level(self) -> None:
        """Show only lines of the next level and worse; after the last, all again."""
        self._least = LEVELS[(LEVELS.index(self._least) + 1) % len(LEVELS)]
        self.app_frame.redraw()
