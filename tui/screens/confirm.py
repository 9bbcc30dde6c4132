"""The question before something is done: what it means, the command that does the same, and Cancel under the cursor."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from pylb.tui.pages.orders import Order
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.words import Line, Span

MAX_TEXT = 253  # characters of a node's name


class Confirm(ModalScreen[bool]):
    """Gives True where the user wants it; Cancel is what enter does at first."""

    CSS = """
    Confirm { align: center middle; background: $background 60%; }
    Confirm .box { width: 90; max-width: 100%; height: auto; max-height: 100%; padding: 1 2; background: $panel; }
    Confirm .keys { height: 1; margin: 1 0 0 0; }
    Confirm Button { margin: 0 2 0 0; }
    Confirm Button:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "no", "Cancel", show=False, id="confirm.no"),
        Binding("y", "yes", "Do it", show=False, id="confirm.yes"),
        Binding("left,right,tab,h,l", "other", "Other", show=False, priority=True, id="confirm.other"),
    ]
    AUTO_FOCUS = ".no"

    def __init__(self, order: Order, tones: Tones) -> None:
        super().__init__()
        self._order, self._tones = order, tones

    def compose(self) -> ComposeResult:
        with Vertical(classes="panel box") as box:
            box.border_title = Content(self._order.title)
            box.border_subtitle = "y does it, esc cancels"
            yield Board(classes="tells")
            with Horizontal(classes="keys"):
                yield Button("Cancel", classes="no", compact=True)
                yield Button("Do it", classes="yes", compact=True)

    def on_mount(self) -> None:
        lines: list[Line] = [(Span(text),) for text in self._order.tells]
        lines += [(), (Span("the same, typed:", "dim"),)]
        lines += [(Span(f"  {text}", "info"),) for text in self._order.command.splitlines()]
        self.query_one(".tells", Board).show(lines, self._tones)

    def action_other(self) -> None:
        """Go to the other button."""
        self.set_focus(self.query_one(".yes" if self.query_one(".no").has_focus else ".no"))

    def action_no(self) -> None:
        """Do nothing."""
        self.dismiss(False)

    def action_yes(self) -> None:
        """Have it done."""
        self.dismiss(True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.has_class("yes"))


class Ask(ModalScreen[str]):
    """One line to be typed; gives it, or nothing."""

    CSS = """
    Ask { align: center middle; background: $background 60%; }
    Ask .box { width: 70; max-width: 100%; height: auto; padding: 0 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Cancel", show=False, id="ask.close")]

    def __init__(self, title: str, text: str, hint: str, limit: int = MAX_TEXT) -> None:
        super().__init__()
        self._title, self._text, self._hint, self._limit = title, text, hint, limit

    def compose(self) -> ComposeResult:
        with Vertical(classes="panel box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content(self._hint)
            yield Input(self._text, max_length=self._limit, compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def action_close(self) -> None:
        """Ask for nothing."""
        self.dismiss("")
