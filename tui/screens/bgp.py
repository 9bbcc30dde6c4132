"""BGP: peers above, what is announced to them below, and what neither can tell."""

from __future__ import annotations

from textual.app import ComposeResult

from pylb.tui.pages import bgp
from pylb.tui.pages.bgp import PEERS, ROUTES
from pylb.tui.pages.look import Look
from pylb.tui.screens.page import PageScreen
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.pane import Pane


class BgpScreen(PageScreen):
    """Peers, and Services that are announced to them."""

    page = "bgp"

    def body(self) -> ComposeResult:
        yield Pane(PEERS, classes="peers")
        yield Pane(ROUTES, classes="routes")
        yield Board(classes="panel said")

    def draw(self, look: Look) -> None:
        tones = self.app_frame.tones
        self.query_one(".peers", Pane).show(bgp.peers(look), look, tones, text=self.filter)
        self.query_one(".routes", Pane).show(bgp.routes(look), look, tones, text=self.filter)
        self.query_one(".said", Board).show(bgp.remark(look), tones)
