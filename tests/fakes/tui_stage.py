"""A terminal for the UI: an app that runs on a fake source, with patience and without a real terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from textual.pilot import Pilot

from fakes import tui_source as fake
from pylb.tui.app import PylbApp
from pylb.tui.facts import Fact
from pylb.tui.memory import Memory
from pylb.tui.options import Options
from pylb.tui.seams import Hands, Key, Selection
from pylb.tui.words import Glyphs, Line, Span

NOW = fake.NOW + 0.5
LOOK_S = 0.02  # between two looks of a test
PATIENCE_S = 10.0


@dataclass
class Demo:
    """An extra as the demo brings one."""

    title: str = "PROBE [/x]"
    mode: str = ""
    height: int = 2
    pressed: list[Selection] = field(default_factory=list)
    wide: int = 0

    @property
    def keys(self) -> Sequence[Key]:
        return (Key("x", "cut its cable", self.cut), Key("b", "break", self.broken))

    async def cut(self, selection: Selection) -> str:
        self.pressed.append(selection)
        return f"cut {selection.node}"

    async def broken(self, selection: Selection) -> None:
        raise OSError("no [/such] thing")

    def lines(self, now: float, width: int, glyphs: Glyphs) -> Sequence[Line]:
        self.wide = width
        return [(Span("outage 412 ms", "warn"),), (Span("[/bad] second"),), (Span("one too many"),)]


@dataclass
class Stage:
    """An app that runs, and its source."""

    app: PylbApp
    source: fake.FakeSource
    pilot: Pilot[None]

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait until something is so, for PATIENCE_S at most."""
        for _ in range(int(PATIENCE_S / LOOK_S)):
            await self.pilot.pause()
            if ready():
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"never so:\n{self.text()}")

    async def settled(self) -> None:
        """Wait until the screen does not change any more."""
        before = ""
        for _ in range(int(PATIENCE_S / LOOK_S)):
            await self.pilot.pause()
            if self.text() == before:
                return
            before = self.text()
            await asyncio.sleep(2 * LOOK_S)
        raise AssertionError(f"it never comes to rest:\n{before}")

    async def shows(self, *texts: str) -> None:
        """Wait until all texts are on the screen."""
        await self.until(lambda: all(text in self.text() for text in texts))


@asynccontextmanager
async def stage(
    size: tuple[int, int] = (100, 30),
    facts: Sequence[Fact] | None = None,
    extras: Sequence[Demo] = (),
    ascii_only: bool = False,
    now: Callable[[], float] = lambda: NOW,
    options: Options | None = None,
    memory: Memory | None = None,
    hands: Hands | None = None,
) -> AsyncIterator[Stage]:
    source = fake.FakeSource(fake.homelab() if facts is None else facts)
    shown = PylbApp(source, extras, ascii_only=ascii_only, now=now, options=options, memory=memory, hands=hands)
    async with shown.run_test(size=size, notifications=True) as pilot:
        found = Stage(shown, source, pilot)
        await found.until(lambda: bool(shown.state.services) or facts is not None)
        await pilot.pause()
        yield found
