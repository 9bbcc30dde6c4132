"""The application: which screen is on show, and what the keys do that are the same everywhere.

What is known and when it is drawn is `pulse`'s matter, what it means the pages', where it comes from the source's.
The first picture is drawn before the source is asked for anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from pylb.tui import acting, theme, words
from pylb.tui.facts import Fact
from pylb.tui.falling import Falling
from pylb.tui.memory import Memory
from pylb.tui.options import Options
from pylb.tui.pages import catalogue
from pylb.tui.pages.catalogue import DETAIL, FIRST
from pylb.tui.pages.listing import Query
from pylb.tui.pages.look import Look
from pylb.tui.pulse import Pulse
from pylb.tui.screens.help import Help
from pylb.tui.screens.page import PageScreen
from pylb.tui.screens.palette import Palette
from pylb.tui.seams import Extra, Hands, Key, Selection, Source
from pylb.tui.state import State
from pylb.tui.theme import Tones
from pylb.tui.widgets.toasts import say

TICK_S = 1.0  # between two drawings of the clock
EXTRA_S = 0.25  # between two drawings of an extra


class PylbApp(Falling):
    """Shows what a source says. `extras` are panels at the bottom, with keys of their own."""

    CSS_PATH = "app.tcss"
    TITLE = "pylb"
    ENABLE_COMMAND_PALETTE = False  # `screens.palette` is ours
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(page.digit, f"page({page.key!r})", page.name, show=False, id=f"page.{page.key}")
            for page in catalogue.PAGES
        ),
        Binding("minus", "previous", "Previous", show=False, id="app.back", tooltip="the screen before this one"),
        Binding("space", "pause", "Pause", id="app.pause", tooltip="hold the view still; nothing is lost meanwhile"),
        Binding("r", "retry", "Retry", show=False, id="app.retry", tooltip="try the API server now"),
        Binding("n", "commands('ns ')", "Namespace", show=False, id="app.namespace", tooltip="show one namespace"),
        Binding("T", "commands('theme ')", "Theme", show=False, id="app.theme", tooltip="choose the colours"),
        Binding(
            "m", "mouse", "Mouse", show=False, id="app.mouse", tooltip="mouse on or off; off, the terminal selects"
        ),
        Binding("colon,ctrl+p", "commands('')", "Cmd", id="app.commands", tooltip="all commands, by name"),
        Binding("question_mark,f1", "help", "Help", id="app.help", tooltip="keys, and what the words mean"),
        Binding("P", "act('pin')", "Pin", show=False, id="act.pin", tooltip="have a Service keep an address (--write)"),
        Binding("u", "act('unpin')", "Unpin", show=False, id="act.unpin", tooltip="end that (--write)"),
        Binding("M", "act('move')", "Move", show=False, id="act.move", tooltip="the address to another node (--write)"),
        Binding("D", "act('drain')", "Drain", show=False, id="act.drain", tooltip="a node, or end that (--write)"),
        Binding("R", "act('rebalance')", "Rebalance", show=False, id="act.rebalance", tooltip="even out (--write)"),
        Binding("q", "leave", "Quit", id="app.quit", tooltip="quit; from Detail, go back"),
        Binding("ctrl+c,ctrl+q", "quit", "Quit", show=False, priority=True, id="app.interrupt", tooltip="quit at once"),
    ]

    def __init__(
        self,
        source: Source,
        extras: Sequence[Extra] = (),
        *,
        ascii_only: bool = False,
        now: Callable[[], float] = time.time,
        options: Options | None = None,
        memory: Memory | None = None,
        hands: Hands | None = None,
    ) -> None:
        self.colourless = "NO_COLOR" in os.environ  # Textual takes it out of the environment
        super().__init__(ansi_color=self.colourless or None)  # so that its filter drops colours instead of greying them
        self.now = now
        self.extras = tuple(extras)
        self.glyphs = words.ASCII if ascii_only else words.UNICODE
        self.tones: Tones = {}
        self.memory = memory if memory is not None else Memory()
        self._options = options if options is not None else Options()
        self.pulse = Pulse(now, self._draw, self._draw_clock, self.set_timer, lively=bool(self.extras))
        self.hands = hands
        self._mouse = self._options.mouse
        self._source = source
        self._pages: dict[str, PageScreen] = {}
        self._page = catalogue.BY_KEY.get(self.memory.kept.page, FIRST)
        self._before = FIRST
        self._look: Look | None = None  # what was drawn last
        self.set_class(ascii_only, "-ascii")
        self.set_class(self.colourless, "-colourless")
        self.set_keymap(dict(self._options.keys))
        self._bind_extras()

    @property
    def source_name(self) -> str:
        """What is looked at."""
        return self._source.name

    @property
    def write(self) -> bool:
        """Whether keys may change the cluster."""
        return self._options.write

    @property
    def state(self) -> State:
        """What is known, whether or not it is shown yet."""
        return self.pulse.state

    def on_mount(self) -> None:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        for own in theme.OWN:
            self.register_theme(own)
        self.theme = self._first_theme()
        self._dress()
        self.theme_changed_signal.subscribe(self, lambda _: self._theme_changed())
        self.push_screen(self.screen_of(self._page.key))
        self.set_interval(EXTRA_S if self.extras else TICK_S, self.pulse.tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self.memory.note:
            say(self, self.memory.note, severity="warning")
        self.later(self.pulse.follow, self._source)

    def _first_theme(self) -> str:
        if self.colourless:
            return theme.COLOURLESS
        asked = (self._options.theme, os.environ.get("TEXTUAL_THEME", ""), self.memory.kept.theme)
        return next((name for name in asked if name in self.available_themes), theme.PYLB_DARK.name)

    def _dress(self) -> None:
        self.tones = theme.tones(self.theme_variables, self.current_theme.dark, self.colourless)

    def _theme_changed(self) -> None:
        self._dress()
        if not self.colourless:
            self.memory.keep(theme=self.theme)
        self.redraw()

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def later(self, work: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Have something done beside the drawing; it is not even begun where the app ends first."""
        begun: Any = partial(work, *arguments)  # Textual's types know no coroutine function with arguments
        self.run_worker(begun, exit_on_error=False)

    def put(self, fact: Fact) -> None:
        """Hand in a fact from elsewhere, such as an extra."""
        self.pulse.put(fact)

    # Drawing

    @property
    def shown(self) -> PageScreen | None:
        """The screen on show, if it has its widgets: not yet at the start, and no more while the app ends."""
        page = self._pages.get(self._page.key)
        return page if page is not None and self.is_running and page.is_mounted else None

    def redraw(self) -> None:
        """Draw the screen on show, now."""
        self.pulse.draw()

    def _draw(self) -> None:
        page = self.shown
        if page is not None:
            look = Look(*self.pulse.view, *self.size, self.glyphs, self._look)
            if self._look is None or not self._look.serves(look):
                self._look = look
            page.show(self._look)

    def _draw_clock(self) -> None:
        if self.shown is not None:
            self.shown.show_clock()

    # Screens

    def screen_of(self, key: str) -> PageScreen:
        """The one instance of a screen, made when it is first asked for."""
        if key not in self._pages:
            module, _, name = catalogue.BY_KEY[key].drawn_by.partition(":")
            screen: PageScreen = getattr(import_module(f"pylb.tui.screens.{module}"), name)()
            self._pages[key] = screen
            self.install_screen(screen, key)
        return self._pages[key]

    def action_page(self, key: str) -> None:
        """Show another screen."""
        if key != self._page.key:
            self._before, self._page = self._page, catalogue.BY_KEY[key]
            self.switch_screen(self.screen_of(key))
            if self._page is not DETAIL:
                self.memory.keep(page=key)

    def action_previous(self) -> None:
        """Show the screen before this one."""
        self.action_page(self._before.key)

    def action_detail(self, namespace: str, service: str, address: str = "") -> None:
        """Show what is known of a Service."""
        self.open_detail(Selection(namespace, service, address))

    def open_detail(self, selection: Selection) -> None:
        """Show what is known of a Service; `selection` says which, and which of its addresses."""
        self.screen_of(DETAIL.key).about = selection
        self.action_page(DETAIL.key)
        self.redraw()

    def action_narrow(self, text: str) -> None:
        """Filter the screen on show, or the first one where that has no table."""
        page = self.shown
        if page is None or page.pane is None:
            self.action_page(FIRST.key)
            page = self.screen_of(FIRST.key)
        page.set_filter(text)

    def order_of(self, listing: str) -> Query:
        """How a table was sorted the last time."""
        order, reverse = self.memory.kept.orders.get(listing, ("", False))
        return Query("", order, reverse)

    # Keys

    def action_pause(self) -> None:
        """Hold the view still, or let it go on."""
        self.pulse.pause()

    def action_retry(self) -> None:
        """Do not wait for the next try."""
        self._source.hurry()

    def action_leave(self) -> None:
        """Quit; from Detail, go back."""
        if self._page is DETAIL:
            self.action_previous()
        else:
            self.exit()

    def action_help(self) -> None:
        """Show the keys and what the words mean."""
        if self.shown is not None and self.screen is self.shown:
            self.push_screen(Help(self.shown, self.extras, self.tones))

    def action_commands(self, text: str) -> None:
        """Choose a command by its name."""
        if self.shown is not None and self.screen is self.shown:
            self.push_screen(Palette(self.shown, text), self._run_command)

    def _run_command(self, action: str | None) -> None:
        if action:
            self.later(self.run_action, action)

    def action_act(self, name: str) -> None:
        """Change the cluster, where that was asked for at the start."""
        self.later(acting.act, self, name)

    def action_theme(self, name: str) -> None:
        """Use other colours."""
        self.theme = name

    def action_mouse(self) -> None:
        """Take the mouse, or leave it to the terminal, which selects text with it."""
        self._mouse = not self._mouse
        switch = "_enable_mouse_support" if self._mouse else "_disable_mouse_support"
        getattr(self._driver, switch, lambda: None)()  # Textual has no other way, and no test driver has this one
        say(self, "the mouse works here" if self._mouse else "the mouse is the terminal's: it selects text")

    def _bind_extras(self) -> None:
        for index, extra in enumerate(self.extras):
            for number, key in enumerate(extra.keys):
                if not catalogue.for_extras(key.key):
                    raise ValueError(f"the key {key.key!r} of {extra.title!r} is taken")
                self.bind(key.key, f"extra({index}, {number})", description=key.label, show=False)

    def action_extra(self, index: int, number: int) -> None:
        """Do what an extra's key says."""
        if self.shown is not None and self.screen is self.shown:
            self.later(self._run_extra, self.extras[index].keys[number])

    async def _run_extra(self, key: Key) -> None:
        try:
            said = await key.run(self.shown.selection if self.shown is not None else Selection())
        except Exception as error:  # noqa: BLE001 - whatever an extra does, the screen stays
            say(self, f"{key.label}: {error or type(error).__name__}", severity="error")
        else:
            if said:
                say(self, said)
