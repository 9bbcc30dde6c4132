"""A widget that shows painted lines, and paints only what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text
from textual.events import Click
from textual.widgets import Static

from pylb.tui.theme import ACTION, Tones, paint
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
        shown, before = (tuple(lines), tones), self._shown
        if shown == before:
            return
        self._shown = shown
        text = Text("\n", no_wrap=True, overflow="ellipsis").join(paint(line, tones) for line in lines)
        self.update(text, layout=before is None or len(before[0]) != len(shown[0]))  # laying out costs 5 ms

    async def on_click(self, event: Click) -> None:
        """Do what the span that was clicked says."""
        action = event.style.meta.get(ACTION)
        if action:
            event.stop()
            await self.run_action(action)
