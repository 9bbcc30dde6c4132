"""What leaves the screen: copies for the clipboard of the terminal, and files. Each is told, with what it was.

The clipboard is the terminal's (OSC 52): it may refuse without a word, so the text is shown as well.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App

from pylb.core.explanation.findings import Fix
from pylb.runtime.files import write
from pylb.tui import exports, files
from pylb.tui.exports import Record
from pylb.tui.screens.confirm import Ask
from pylb.tui.widgets.toasts import say

MAX_COPIED = 74_994  # bytes: what terminals take of OSC 52 at most, 100,000 of Base64
MAX_PATH = 1_000  # characters
NOTHING = "nothing is shown that could be written"


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


async def ask_and_export(app: App[Any], name: str, records: Sequence[Record], ending: str, now: float) -> None:
    """Write rows to a file that the user names; one of its own name is proposed, where one may write."""
    if not records:
        say(app, NOTHING)
        return
    title, hint = f"Write {len(records)} rows to which file?", "enter writes, esc cancels; .csv or .json"
    typed = await app.push_screen_wait(Ask(title, str(proposed(name, now, ending)), hint, MAX_PATH))
    if typed.strip():
        export(app, records, Path(typed.strip()), ending)


def proposed(name: str, now: float, ending: str) -> Path:
    """A file in the working directory, or in the first other folder where one may write."""
    folders = (*_ours(), files.state_home(os.environ))
    folder = next((one for one in folders if os.access(one, os.W_OK)), folders[-1])
    return folder / exports.file_name(name, now, ending)


def _ours() -> Iterator[Path]:
    """The working directory and the user's home, as far as there are any: the first may have been deleted."""
    for find in (Path.cwd, Path.home):
        with contextlib.suppress(OSError, RuntimeError):
            yield find()


def export(app: App[Any], records: Sequence[Record], path: Path, ending: str) -> None:
    """Write rows to a file that is not there yet; how is said by its name's ending, else by `ending`."""
    try:
        written = path.expanduser()
        if written.exists():
            raise FileExistsError(errno.EEXIST, "it is there already, name another")
        typed = written.suffix.lower().lstrip(".")
        write(written, exports.written(records, typed if typed in exports.ENDINGS else ending))
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        say(app, f"not written: {path}: {why}", severity="error")
    else:
        say(app, f"wrote {len(records)} rows to {written}")
