"""The help: the keys of this screen first, then those of all, and what the words on the screen mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from pylb.tui.pages import catalogue, legend
from pylb.tui.screens.page import PageScreen
from pylb.tui.seams import Extra
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.keys import help_entries, key_name
from pylb.tui.words import Line, Span

CLOSING = "escape,question_mark,f1,q,enter"


class Help(ModalScreen[None]):
    """Closes with any of its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(CLOSING, "dismiss", "Close", show=False, id="help.close")]

    def __init__(self, page: PageScreen, extras: Sequence[Extra], tones: Tones) -> None:
        super().__init__()
        self._title = catalogue.BY_KEY[page.page].name
        self._lines = _lines(page, self._title, extras)
        self._tones = tones

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="panel help") as box:
            box.border_title = f"HELP: {self._title}"
            box.border_subtitle = "esc closes"
            yield Board()

    def on_mount(self) -> None:
        self.query_one(Board).show(self._lines, self._tones)


def _lines(page: PageScreen, title: str, extras: Sequence[Extra]) -> list[Line]:
    entries = help_entries(page)
    parts: list[tuple[str, Sequence[Line]]] = [
        (f"KEYS OF {title.upper()}", legend.keys(entries, "own")),
        ("ITS SIGNS", page.legend),
        *((extra.title, [legend.entry(key_name(key.key), key.label) for key in extra.keys]) for extra in extras),
        ("STATES", legend.states()),
        ("TABLES", (*legend.together(entries, "table", "move"), *legend.keys(entries, "list"))),
        ("EVERYWHERE", (*legend.together(entries, "page", "the screens"), *legend.keys(entries, "app"))),
        ("FILTER", [legend.entry(key, text) for key, text in legend.FILTER]),
    ]
    found: list[Line] = []
    for heading, lines in parts:
        if lines:
            found += [*([()] if found else []), (Span(heading, "dim"),), *lines]
    return found
