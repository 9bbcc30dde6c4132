"""Where others plug in: a source of facts, and extras with a panel and keys of their own. No Textual in sight.

`pylb demo` gives the app a source and an extra; it draws nothing itself, it says lines and names keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pylb.tui.facts import Fact
from pylb.tui.words import Glyphs, Line

if TYPE_CHECKING:
    from pylb.tui.pages.orders import Order, Right

Put = Callable[[Fact], None]


class Source(Protocol):
    """Where facts come from."""

    @property
    def name(self) -> str:
        """What is looked at, for the title: a context, a file."""

    async def run(self, put: Put) -> None:
        """Hand over facts until cancelled. Errors of the cluster become facts; they are never raised."""

    def hurry(self) -> None:
        """Try the next connection now instead of waiting."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The row that the cursor is on; empty texts where there is none."""

    namespace: str = ""
    service: str = ""
    address: str = ""
    node: str = ""  # who announces it


@dataclass(frozen=True, slots=True)
class Key:
    """A key that an extra brings. `run` may take its time; what it returns, and what it raises, is shown."""

    key: str  # as Textual names it: "x", "1", "space"
    label: str
    run: Callable[[Selection], Awaitable[str | None]]


class Extra(Protocol):
    """A panel at the bottom of the screen."""

    @property
    def title(self) -> str:
        """Its heading."""

    @property
    def mode(self) -> str:
        """What the status line says instead of LIVE, such as REPLAY; "" where what is shown is live."""

    @property
    def keys(self) -> Sequence[Key]:
        """Its keys; none may be one of the app's own."""

    @property
    def height(self) -> int:
        """How many lines it wants."""

    def lines(self, now: float, width: int, glyphs: Glyphs) -> Sequence[Line]:
        """What it shows, at most `height` lines of `width` cells. Asked four times a second."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order: whether it was done, and what was said about it."""

    done: bool
    said: str


class Hands(Protocol):
    """What changes a cluster for a user. Neither raises for what the cluster does."""

    async def forbidden(self, right: Right) -> str:
        """Why the user may not; "" where he may."""

    async def carry_out(self, order: Order) -> Outcome:
        """Do it."""
