"""Short words to the user that go away by themselves: one at a time, where they cover nothing that is read."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.notifications import SeverityLevel

from pylb.tui.words import clean

SHORT_S = 3.0
LONG_S = 6.0  # for what went wrong


def say(app: App[Any], text: str, *, severity: SeverityLevel = "information") -> None:
    """Show a text instead of the one before. Where it stands is in `app.tcss`."""
    app.clear_notifications()
    app.screen.query("ToastHolder").remove()  # Textual leaves them behind, each a line high
    app.notify(clean(text), severity=severity, timeout=SHORT_S if severity == "information" else LONG_S, markup=False)
