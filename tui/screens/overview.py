"""Overview: pools, Services with who announces them, the last events."""

from __future__ import annotations

from textual.app import ComposeResult

from pylb.tui.pages.look import Look
from pylb.tui.pages.overview import EVENT_LINES, FRAME, POOL_LINES, SERVICES
from pylb.tui.screens.page import PageScreen
from pylb.tui.widgets.events import EventsPanel
from pylb.tui.widgets.pane import Pane
from pylb.tui.widgets.pools import PoolsPanel


class OverviewScreen(PageScreen):
    """Pools, Services, events."""

    page = "overview"

    def body(self) -> ComposeResult:
        yield PoolsPanel(classes="panel pools")
        yield Pane(SERVICES, classes="services")
        yield EventsPanel(classes="panel events")

    def draw(self, look: Look) -> None:
        tones = self.app_frame.tones
        self.query_one(PoolsPanel).show_state(look.state, look.width - FRAME, POOL_LINES[look.tall], look.glyphs, tones)
        self.query_one(Pane).show(look.services, look, tones, text=self.filter)
        inner = look.width - (FRAME if look.tall else 2)
        self.query_one(EventsPanel).show_state(look.state, inner, EVENT_LINES[look.tall], look.glyphs, tones)
