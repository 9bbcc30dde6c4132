"""The application: it folds facts into the state four times a second, and has the screen draw it.

It decides when to draw and what a key does. What is known is `store`'s, what it means `rows`', where it comes from
the source's matter. The first picture is drawn before the source is asked for anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import CommandPalette

from pylb.tui import theme, words
from pylb.tui.facts import Fact, Offline
from pylb.tui.inbox import Inbox
from pylb.tui.screens.help import Help
from pylb.tui.screens.overview import Overview
from pylb.tui.seams import Extra, Key, Source
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.theme import Tones
from pylb.tui.widgets.toasts import say

LOOK_S = 0.25  # between two looks at what came in; what is on the screen is at most this old
DRAW_S = 1.0  # between two drawings while nothing comes in: ages and verdicts move on
RESTART_S = 5.0  # after a source that broke, which is a defect of ours


class PylbApp(App[None]):
    """Shows what a source says. `extras` are panels at the bottom, with keys of their own."""

    CSS_PATH = "app.tcss"
    TITLE = "pylb"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "Pause", id="app.pause"),
        Binding("r", "retry", "Retry", show=False, id="app.retry"),
        Binding("question_mark,f1", "help", "Help", key_display="?", id="app.help"),
        Binding("q", "quit", "Quit", id="app.quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True, id="app.interrupt"),
        Binding("colon", "command_palette", "Commands", show=False, id="app.commands"),
    ]

    def __init__(
        self,
        source: Source,
        extras: Sequence[Extra] = (),
        *,
        ascii_only: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._colourless = "NO_COLOR" in os.environ  # Textual takes it out of the environment
        super().__init__(
            ansi_color=self._colourless or None
        )  # so that its filter drops colours instead of greying them
        self.state = State()
        self._source = source
        self._extras = tuple(extras)
        self._now = now
        self._inbox = Inbox()
        self._held: tuple[State, float] | None = None  # what a paused screen shows, and when it was paused
        self._missed = 0
        self._drawn_at = 0.0
        self._glyphs = words.ASCII if ascii_only else words.UNICODE
        self._tones: Tones = {}
        self._overview = Overview(source.name, self._extras)
        self.set_class(ascii_only, "-ascii")
        self.set_class(self._colourless, "-colourless")
        self._bind_extras()

    def on_mount(self) -> None:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        self.register_theme(theme.PYLB_DARK)
        self.theme = theme.COLOURLESS if self._colourless else os.environ.get("TEXTUAL_THEME") or theme.PYLB_DARK.name
        self.theme_changed_signal.subscribe(self, lambda _: self._repaint())
        self.push_screen(self._overview)
        self._repaint()
        self.set_interval(LOOK_S, self._look)
        self.call_after_refresh(lambda: self.run_worker(self._follow(), exit_on_error=False))

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def on_overview_stale(self) -> None:
        self._draw()

    async def _follow(self) -> None:
        """Run the source; should it break, say so and start it again."""
        while True:
            try:
                await self._source.run(self._inbox.put)
            except Exception as error:  # noqa: BLE001 - a defect of a source must not take the screen with it
                now = self._now()
                self.log.error(repr(error))
                self._inbox.put(Offline(now, f"the source broke: {type(error).__name__}: {error}", now + RESTART_S))
            else:
                return
            await asyncio.sleep(RESTART_S)

    def put(self, fact: Fact) -> None:
        """Hand in a fact from elsewhere, such as an extra."""
        self._inbox.put(fact)

    @property
    def _drawable(self) -> bool:
        """Whether the screen has its widgets: not yet at the start, and no more while the app ends."""
        return self.is_running and self._overview.is_mounted

    def _look(self) -> None:
        facts = self._inbox.drain()
        if facts:
            self.state = fold_all(self.state, facts)
            self._missed += len(facts)
        if not self._drawable:
            return
        if facts or self._now() - self._drawn_at >= DRAW_S:
            self._draw()
        else:
            self._draw_clock()

    def _draw(self) -> None:
        if self._drawable:
            self._drawn_at = self._now()
            state, now = self._held or (self.state, self._drawn_at)
            self._overview.show(state, now, self._glyphs, self._tones)
            self._draw_clock()

    def _draw_clock(self) -> None:
        paused = self._missed if self._held is not None else None
        state = self._held[0] if self._held is not None else self.state
        self._overview.show_clock(state, self._now(), paused, self._glyphs, self._tones)

    def _repaint(self) -> None:
        self._tones = theme.tones(self.theme_variables, self.current_theme.dark, self._colourless)
        self._draw()

    def action_pause(self) -> None:
        """Hold the view still, or let it go on."""
        self._held = (self.state, self._now()) if self._held is None else None
        self._missed = 0
        self._draw()

    def action_retry(self) -> None:
        """Do not wait for the next try."""
        self._source.hurry()

    def action_help(self) -> None:
        """Show the keys and what the words mean."""
        if not isinstance(self.screen, (Help, CommandPalette)):
            self.push_screen(Help(self._extras, self._tones))

    def _bind_extras(self) -> None:
        taken = {key for binding in (*self.BINDINGS, *Overview.BINDINGS) for key in _keys(binding)}
        for index, extra in enumerate(self._extras):
            for number, key in enumerate(extra.keys):
                if key.key in taken:
                    raise ValueError(f"the key {key.key!r} of {extra.title!r} is taken")
                taken.add(key.key)
                self.bind(key.key, f"extra({index}, {number})", description=key.label, show=False)

    def action_extra(self, index: int, number: int) -> None:
        """Do what an extra's key says."""
        if self.screen is self._overview:
            key = self._extras[index].keys[number]
            self.run_worker(self._run_extra(key), exit_on_error=False)

    async def _run_extra(self, key: Key) -> None:
        try:
            said = await key.run(self._overview.selection)
        except Exception as error:  # noqa: BLE001 - whatever an extra does, the screen stays
            say(self, f"{key.label}: {error or type(error).__name__}", severity="error")
        else:
            if said:
                say(self, said)


def _keys(binding: BindingType) -> list[str]:
    text = binding.key if isinstance(binding, Binding) else binding[0]
    return [key.strip() for key in text.split(",")]


def run(source: Source, extras: Sequence[Extra] = (), *, ascii_only: bool = False) -> None:
    """Show a source on this terminal until the user quits."""
    PylbApp(source, extras, ascii_only=ascii_only).run()
