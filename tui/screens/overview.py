"""Overview: pools, Services with who announces them, the last events; on a wide terminal the chosen Service beside them."""

from __future__ import annotations

from time import perf_counter
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content

from pylb.tui.pages.look import WIDE_FROM, Look
from pylb.tui.pages.overview import EVENT_LINES, FRAME, POOL_LINES, SERVICES, width_beside
from pylb.tui.rows import ServiceRow
from pylb.tui.screens.page import PageScreen
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.events import EventsPanel
from pylb.tui.widgets.pane import Pane
from pylb.tui.widgets.pools import PoolsPanel
from pylb.tui.widgets.toasts import say

DEAR_S = 0.01  # what the panel beside may take while a key waits
GENTLE = 3  # else it gets one part in so many and one of the time
SOON_S, LATE_S = 0.02, 0.5  # and comes so late


class OverviewScreen(PageScreen):
    """Pools, Services, events."""

    page = "overview"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "beside", "Beside", show=False, id="overview.beside", tooltip="the chosen Service beside, or not"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._wanted = True  # the panel beside the table
        self._costs = {False: 0.0, True: 0.0}  # seconds that its lines took the last time, where Services had changed
        self._told: object = None  # the Services that it was told of
        self._due = False

    def body(self) -> ComposeResult:
        yield PoolsPanel(classes="panel pools")
        with Horizontal(classes="middle"):
            yield Pane(SERVICES, classes="services")
            yield Board(classes="panel beside")
        yield EventsPanel(classes="panel events")

    @property
    def services(self) -> Pane[ServiceRow]:
        """The table."""
        return self.query_one(".services", Pane)

    def draw(self, look: Look) -> None:
        tones = self.app_frame.tones
        self.query_one(PoolsPanel).show_state(look.state, look.width - FRAME, POOL_LINES[look.tall], look.glyphs, tones)
        panel = width_beside(look, wanted=self._wanted)
        self.services.show(look.services, look, tones, width=look.width - panel, text=self.filter)
        self._make_room(panel)
        inner = look.width - (FRAME if look.tall else 2)
        self.query_one(EventsPanel).show_state(look.state, inner, EVENT_LINES[look.tall], look.glyphs, tones)

    def _make_room(self, panel: int) -> None:
        board = self.query_one(".beside", Board)
        board.display = panel > 0
        if panel:
            board.styles.width = panel
            self._follow()

    @on(Pane.Moved)
    def _follow(self) -> None:
        """Tell of the row under the cursor: at once, or where that is dear, when keys and table had their turn."""
        cost = self._costs[self._is_anew]
        if cost < DEAR_S:
            self._show_beside()
        elif not self._due:
            self._due = True
            self.set_timer(min(max(cost * GENTLE, SOON_S), LATE_S), self._show_beside)

    @property
    def _is_anew(self) -> bool:
        return self.look is not None and self.look.state.services is not self._told

    def _show_beside(self) -> None:
        from pylb.tui.pages import side  # what only a wide terminal shows does not hold up the first picture

        self._due = False
        panel = width_beside(self.look, wanted=self._wanted) if self.look is not None else 0
        if self.look is None or not panel or not self.is_current:
            return
        began, anew, row = perf_counter(), self._is_anew, self.services.row
        self._told = self.look.state.services
        key = f"{row.namespace}/{row.name}" if row is not None else ""
        board = self.query_one(".beside", Board)
        board.border_title = Content(key or "SERVICE")
        board.show(side.lines(self.look, key, panel), self.app_frame.tones)
        self._costs[anew] = perf_counter() - began

    def action_beside(self) -> None:
        """Show the chosen Service beside the table, or give the table all the room."""
        self._wanted = not self._wanted
        if self.look is not None and not width_beside(self.look, wanted=True):
            say(self.app, f"there is room for that from {WIDE_FROM} columns on")
        self.app_frame.redraw()
