"""Requests: Services that wait or ask for something above; the chain of checks of the one under the cursor below."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from pylb.tui import outgoing
from pylb.tui.pages import chain, requests
from pylb.tui.pages.look import Look
from pylb.tui.pages.requests import REQUESTS, RequestRow
from pylb.tui.screens.page import PageScreen
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.pane import Pane

FRAME = 5  # cells that frame, padding and scrollbar of the chain's panel take


class RequestsScreen(PageScreen):
    """Requests, and why each stands as it does."""

    page = "requests"
    CSS = """
    RequestsScreen .why { height: 1fr; min-height: 9; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "copy_fix", "Copy fix", id="requests.fix", tooltip="copy the command that helps; again: the next"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._fixes = outgoing.Fixes()

    def body(self) -> ComposeResult:
        yield Pane(REQUESTS, classes="wishes")
        with VerticalScroll(classes="panel why", can_focus=False):
            yield Board(classes="chain")

    @property
    def wishes(self) -> Pane[RequestRow]:
        """The table."""
        return self.query_one(".wishes", Pane)

    def draw(self, look: Look) -> None:
        self.wishes.show(requests.rows(look), look, self.app_frame.tones, text=self.filter)
        self._show_chain(look)

    def _show_chain(self, look: Look) -> None:
        row = self.wishes.row
        found = requests.chain(look, row)
        width = look.width - FRAME
        lines = (
            *(chain.lines if look.tall else chain.brief)(found, width, look.glyphs),
            *requests.commands(requests.fixes(found), width, look.glyphs),
        )
        self.query_one(".why", VerticalScroll).border_title = Content(requests.title(row))
        self.query_one(".chain", Board).show(lines, self.app_frame.tones)

    @on(Pane.Moved)
    def _moved(self) -> None:
        if self.look is not None:
            self._show_chain(self.look)

    def action_copy_fix(self) -> None:
        """Copy the command of a fix; pressed again, that of the next."""
        row = self.wishes.row
        found = requests.fixes(requests.chain(self.look, row)) if self.look is not None else ()
        self._fixes.copy_next(self.app, row.key if row is not None else "", found)
