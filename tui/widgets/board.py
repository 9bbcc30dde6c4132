"""A widget that shows painted lines, and paints only what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text
from textual.widgets import Static

from pylb.tui.theme import Tones, paint
from pylb.tui.words import Line


class Board(Static):
    """Lines of spans. Names in them are never read as markup."""

    DEFAULT_CSS = """
    Board { height: auto; width: 1fr; }
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("", markup=False, **options)
        self._shown: tuple[Sequence[Line], Tones] | None = None

    def show(self, lines: Sequence[Line], tones: Tones) -> None:
        """Show these lines instead of the ones before."""
        shown = (tuple(lines), tones)
        if shown == self._shown:
            return
        self._shown = shown
        self.update(Text("\n", no_wrap=True, overflow="ellipsis").join(paint(line, tones) for line in lines))
