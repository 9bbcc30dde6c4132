"""The screen as a user asked for it: flags first, then the file of settings, then what was remembered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from textual.theme import BUILTIN_THEMES

from pylb.tui import files, preferences, theme, thrift
from pylb.tui.app import PylbApp
from pylb.tui.memory import FILE, Memory
from pylb.tui.options import Options
from pylb.tui.preferences import PreferencesError
from pylb.tui.seams import Extra, Hands, Source


def prepare(theme_name: str | None, mouse: bool | None, *, ascii_only: bool, write: bool = False) -> Options:
    """What flags and file say together. Raises PreferencesError, whose text is for the user."""
    path = files.config_home(os.environ) / preferences.FILE
    said = preferences.load(path)
    for name, where in ((theme_name, "--theme"), (said.theme, f"{path} line {said.lines.get('theme')}: theme")):
        check_theme(name or "", where)
    return Options(
        theme=theme_name or said.theme,
        mouse=mouse if mouse is not None else said.mouse is not False,
        ascii_only=ascii_only or said.ascii_only is True,
        write=write,
        keys=preferences.checked_keys(path, said) if said.keys else {},
    )


def check_theme(name: str, where: str) -> None:
    """Raises PreferencesError for a name that is no theme; "" asks for none. `where` says where it stands."""
    if name and name not in themes():
        raise PreferencesError(f"{where}: {name!r} is no theme; there are {', '.join(themes())}")


def themes() -> tuple[str, ...]:
    """The names of all themes, ours first."""
    return (*(own.name for own in theme.OWN), *sorted(BUILTIN_THEMES))


def run(
    source: Source,
    options: Options,
    extras: Sequence[Extra] = (),
    *,
    hands: Hands | None = None,
    now: Callable[[], float] = time.time,
) -> bool:
    """Show a source on this terminal until the user quits, and remember how it was left; `now` gives Unix seconds.

    Whether the user ended it: where it broke, the log tells how.
    """
    thrift.begin()
    memory = Memory(files.state_home(os.environ) / FILE)
    app = PylbApp(source, extras, ascii_only=options.ascii_only, now=now, options=options, memory=memory, hands=hands)
    app.pulse.rest = thrift.settle
    app.run(mouse=options.mouse)
    return not app.return_code
