"""The command line: type a part of a command's name, choose one, and it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from pylb.tui.pages import palette
from pylb.tui.pages.look import Look
from pylb.tui.pages.palette import Command
from pylb.tui.screens.page import PageScreen
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.keys import help_entries

if TYPE_CHECKING:
    from pylb.tui.app import PylbApp

MAX_TEXT = 300  # characters: a Service's name may have 253 beside its namespace
WIDTH, MAX_LINES = 76, 16
FRAME = 6  # lines and cells that frame, padding and the typed line take


class Palette(ModalScreen[str]):
    """Gives the action of what was chosen; None where nothing was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False, id="palette.close"),
        Binding("up", "move(-1)", "Up", show=False, id="palette.up"),
        Binding("down", "move(1)", "Down", show=False, id="palette.down"),
        Binding("tab", "complete", "Complete", show=False, priority=True, id="palette.complete"),
    ]

    def __init__(self, page: PageScreen, text: str = "") -> None:
        super().__init__()
        app: PylbApp = page.app_frame
        self._text, self._cursor = text, 0
        self._look = page.look or Look(app.state, app.now(), *app.size, app.glyphs)
        self._tones = app.tones
        self._themes = sorted(app.available_themes, key=lambda name: (not name.startswith("pylb"), name))
        self._keys = [Command(one.label, f"{one.tells} ({one.keys})", one.action) for one in help_entries(page)]
        self._found: tuple[Command, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="panel palette") as box:
            box.border_title = "COMMANDS"
            box.border_subtitle = "enter does it, tab completes, esc closes"
            yield Input(
                self._text, placeholder="svc, ns, pool, node, theme, or any command", max_length=MAX_TEXT, compact=True
            )
            yield Board(classes="offers")

    def on_mount(self) -> None:
        field = self.query_one(Input)
        field.cursor_position = len(self._text)
        field.focus()
        self._search()

    @on(Input.Changed)
    def _search(self) -> None:
        self._found = palette.offers(self.query_one(Input).value, self._look, self._keys, self._themes)
        self._cursor = 0
        self._show()

    def _show(self) -> None:
        width, height = min(WIDTH, self._look.width) - FRAME, min(MAX_LINES, self._look.height - FRAME)
        shown = palette.lines(self._found, self._cursor, width, height, self._look.glyphs)
        self.query_one(".offers", Board).show(shown, self._tones)

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        if self._found:
            self._cursor = (self._cursor + by) % len(self._found)
            self._show()

    def action_complete(self) -> None:
        """Type on what is under the cursor."""
        if self._found:
            chosen = self._found[self._cursor]
            verb, blank, _ = self.query_one(Input).value.partition(" ")
            self._fill(chosen.fill or (f"{verb} {chosen.name}" if blank and verb in palette.VERBS else chosen.name))

    def _fill(self, text: str) -> None:
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)

    @on(Input.Submitted)
    def _choose(self) -> None:
        if not self._found:
            return
        chosen = self._found[self._cursor]
        if chosen.fill:
            self._fill(chosen.fill)
        else:
            self.dismiss(chosen.action)

    def action_close(self) -> None:
        """Do nothing."""
        self.dismiss(None)
