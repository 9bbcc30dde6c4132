"""What leaves the screen: copies for the clipboard of the terminal, and files. Each is told, with what it was.

The clipboard is the terminal's (OSC 52): it may refuse without a word, so the text is shown as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App

from pylb.core.findings import Fix
from pylb.tui import exports, files
from pylb.tui.exports import Record
from pylb.tui.widgets.toasts import say

MAX_COPIED = 74_994  # bytes: what terminals take of OSC 52 at most, 100,000 of Base64


def copy(app: App[Any], text: str) -> None:
    """Copy a text, and show it."""
    if len(text.encode()) > MAX_COPIED:
        say(app, f"too long to copy ({len(text)} characters): e writes a file", severity="error")
        return
    app.copy_to_clipboard(text)
    say(app, f"copied {' '.join(text.split())}")


@dataclass(slots=True)
class Fixes:
    """Copies the commands that help a Service, one at a time: asked again, the next."""

    _of: str = ""  # which Service
    _copied: int = 0

    def copy_next(self, app: App[Any], service: str, found: Iterable[Fix]) -> None:
        """Copy the next command of what helps a Service; after the last the first."""
        typed = [fix.command for fix in found if fix.command]
        if not typed:
            say(app, "no command is known to help here")
            return
        place = self._copied if self._of == service else 0
        self._of, self._copied = service, place + 1
        copy(app, typed[place % len(typed)])


def copy_record(app: App[Any], record: Record | None, form: str) -> None:
    """Copy a row as json or yaml."""
    if record is None:
        say(app, "nothing is selected")
    else:
        copy(app, exports.json_text(dict(record)) if form == "json" else exports.yaml_text(dict(record)))


def export(app: App[Any], name: str, records: Sequence[Record], ending: str, now: float, path: str = "") -> None:
    """Write rows to a file: to `path`, else to one of its own name in the working directory, or where one may write."""
    if not records:
        say(app, "nothing is shown that could be written")
        return
    text = exports.written(records, ending)
    try:
        if path:
            written = Path(path).expanduser()
            files.write(written, text)
        else:
            folders = (Path.cwd(), Path.home(), files.state_home(os.environ))
            written = files.write_first(folders, exports.file_name(name, now, ending), text)
    except (OSError, RuntimeError) as error:
        say(app, f"not written: {error}", severity="error")
    else:
        say(app, f"wrote {len(records)} rows to {written}")
