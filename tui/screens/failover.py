"""Failover: strips of time above, the moves below, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from pylb.tui.pages import failover, legend, timeline
from pylb.tui.pages.failover import MOVES, MoveRow
from pylb.tui.pages.look import Look
from pylb.tui.pages.timeline import LEGEND, LINES, Strip, Window
from pylb.tui.screens.page import PageScreen
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.pane import Pane
from pylb.tui.words import Line

FRAME = 4  # cells that frame and padding of a panel take
AROUND, EDGES = 3, 2  # lines of the terminal for title, status and keys; for the frame of an extra
TIGHT_BELOW, TIGHT_LINES = 20, 2  # lines: with so few the moves get more of them, and so many addresses a strip


class FailoverScreen(PageScreen):
    """Who had which address when."""

    page = "failover"
    CSS = """
    FailoverScreen .strips { height: auto; }
    FailoverScreen .sum { height: auto; }
    FailoverScreen.-tight .sum { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "pan(1)", "Earlier", id="failover.earlier", tooltip="the timeline a quarter further back"),
        Binding("l", "pan(-1)", "Later", show=False, id="failover.later", tooltip="the timeline a quarter further on"),
        Binding("plus", "zoom(1)", "Closer", id="failover.closer", tooltip="less time in the timeline"),
        Binding("w", "zoom(-1)", "Wider", id="failover.wider", tooltip="more time in the timeline"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._window = Window()
        self._strips: Sequence[Strip] = ()

    def body(self) -> ComposeResult:
        yield Board(classes="panel strips")
        yield Pane(MOVES, classes="moves")
        yield Board(classes="panel sum")

    @property
    def moves(self) -> Pane[MoveRow]:
        """The table of moves."""
        return self.query_one(".moves", Pane)

    @property
    def legend(self) -> Sequence[Line]:
        return [legend.entry(sign, text, tone) for sign, text, tone in LEGEND]

    def _is_tight(self, look: Look) -> bool:
        """Whether extras leave the moves little room."""
        taken = sum(extra.height + EDGES for extra in self.app_frame.extras)
        return look.height - AROUND - taken < TIGHT_BELOW

    def draw(self, look: Look) -> None:
        self.set_class(self._is_tight(look), "-tight")
        found = failover.rows(look)
        self._strips = timeline.strips(look, found)
        self.moves.show(found, look, self.app_frame.tones, text=self.filter)
        self.query_one(".sum", Board).show(failover.summary(look, found, look.width - FRAME), self.app_frame.tones)
        self._show_strips(look)

    def _show_strips(self, look: Look) -> None:
        row, room = self.moves.row, TIGHT_LINES if self._is_tight(look) else LINES[look.tall]
        places = [place for place, strip in enumerate(self._strips) if row is not None and row in strip.moves]
        first = max(places[0] - room + 1, 0) if places else 0
        board = self.query_one(".strips", Board)
        board.border_title = Content(timeline.title(look, self._window))
        hidden = len(self._strips) - room
        board.border_subtitle = Content(f"{hidden} more" if hidden > 0 else "")
        lines = timeline.lines(look, self._strips, self._window, look.width - FRAME, first, room)
        board.show(lines, self.app_frame.tones)

    @on(Pane.Moved)
    def _moved(self) -> None:
        if self.look is not None:
            self._show_strips(self.look)

    def action_pan(self, by: int) -> None:
        """Look further back, or on."""
        self._window = self._window.panned(by)
        self.app_frame.redraw()

    def action_zoom(self, by: int) -> None:
        """Show less time, or more."""
        self._window = self._window.zoomed(by)
        self.app_frame.redraw()
