"""What the loss of a node would do, over the screen of nodes. It is what stood when it was opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from pylb.tui import outgoing, words
from pylb.tui.pages import loss
from pylb.tui.pages.look import Look
from pylb.tui.pages.loss import LOSS, Loss
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from pylb.tui.app import PylbApp

WIDTH = 110
AROUND = 3  # lines of the frame, and the blank one below the table
TABLE = 4  # lines of the table's own frame, heading and remark
PADDING = 4  # cells that frame and padding take


class LossScreen(ModalScreen[None]):
    """The addresses of a node, and where they would go."""

    CSS = """
    LossScreen { align: center middle; background: $background 60%; }
    LossScreen .box { width: 110; max-width: 100%; height: auto; max-height: 100%; padding: 0 1; background: $panel; }
    LossScreen Pane { background: $panel; min-height: 4; }
    LossScreen LiveTable { background: $panel; }
    LossScreen LiveTable > .live--header { background: $panel; }
    LossScreen .below { padding: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,S,q", "dismiss", "Close", show=False, id="loss.close"),
        Binding("e", "export", "Export", show=False, id="loss.export"),
    ]

    def __init__(self, found: Loss, look: Look, tones: Tones) -> None:
        super().__init__()
        self._loss, self._look, self._tones = found, look, tones

    def compose(self) -> ComposeResult:
        with Vertical(classes="panel box") as box:
            box.border_title = Content(f"IF {self._loss.node} WERE LOST, as of {words.clock(self._look.now)}")
            box.border_subtitle = "nothing is done; esc closes"
            yield Pane(LOSS)
            yield Board(classes="below")

    def on_mount(self) -> None:
        width = min(WIDTH, self._look.width) - PADDING
        shown = loss.lines(self._loss, self._look, width)
        self.query_one(".below", Board).show(shown, self._tones)
        pane = self.query_one(Pane)
        pane.styles.height = min(max(len(self._loss.rows), 1) + TABLE, self._look.height - len(shown) - AROUND)
        pane.show(self._loss.rows, self._look, self._tones, width=width)
        pane.table.focus()

    def action_export(self) -> None:
        """Write the table to a file."""
        name, records = f"loss-of-{self._loss.node}", self.query_one(Pane).records
        app = cast("PylbApp", self.app)
        app.later(outgoing.ask_and_export, app, name, records, "csv", self._look.now)
