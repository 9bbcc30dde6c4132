"""Detail: one Service: what it is, who announces it, five questions and their checks, a look at the wire, its moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll

from pylb.tui import outgoing
from pylb.tui.exports import Record
from pylb.tui.pages import detail, requests
from pylb.tui.pages.look import Look
from pylb.tui.screens.page import PageScreen
from pylb.tui.seams import Selection
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.toasts import say

FRAME = 5  # cells that frame, padding and scrollbar of a panel take


class DetailScreen(PageScreen):
    """All about one Service."""

    page = "detail"
    CSS = """
    DetailScreen .top Board { width: 1fr; height: 100%; }
    DetailScreen .checks { height: 1fr; min-height: 6; scrollbar-size-vertical: 1; }
    DetailScreen .moves { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "probe", "Probe", id="detail.probe", tooltip="see from here who answers for the address"),
        Binding("f", "copy_fix", "Copy fix", id="detail.fix", tooltip="copy the command that helps; again: the next"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="detail.down"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="detail.up"),
        Binding("pagedown,ctrl+d", "scroll(10)", "Page down", show=False, id="detail.page_down"),
        Binding("pageup,ctrl+u", "scroll(-10)", "Page up", show=False, id="detail.page_up"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._fixes = outgoing.Fixes()
        self._probing = False

    def body(self) -> ComposeResult:
        with Horizontal(classes="top"):
            yield titled(Board(classes="panel about"), "SERVICE")
            yield titled(Board(classes="panel announced"), "ANNOUNCED BY")
        with VerticalScroll(classes="panel checks main") as scroll:
            scroll.border_title = "CHECKS"
            yield Board(classes="answers")
        yield titled(Board(classes="panel moves"), "HISTORY")

    @property
    def key(self) -> str:
        """Of which Service it is."""
        return f"{self.about.namespace}/{self.about.service}"

    @property
    def subject(self) -> str:
        return self.key

    @property
    def selection(self) -> Selection:
        return self.about

    @property
    def record(self) -> Record | None:
        return detail.record(self.look, self.key) if self.look is not None else None

    @property
    def exported(self) -> tuple[str, Sequence[Record]]:
        record = self.record
        return f"service-{self.about.service}", () if record is None else (record,)

    def draw(self, look: Look) -> None:
        tones, wide = self.app_frame.tones, look.width - FRAME
        about, announced = detail.top(look, self.key, wide)
        self.query_one(".top", Horizontal).styles.height = max(len(about), len(announced)) + 2
        self.query_one(".announced", Board).display = bool(announced)
        self.query_one(".about", Board).show(about, tones)
        self.query_one(".announced", Board).show(announced, tones)
        found = detail.checks(look, self.key)
        help_lines = requests.commands(requests.fixes(found), wide, look.glyphs)
        whole = detail.answers(found, wide, look.glyphs)
        lines = (
            (*whole, *help_lines) if look.tall else (*detail.summed(found, wide, look.glyphs), *help_lines, (), *whole)
        )
        self.query_one(".answers", Board).show(lines, tones)
        self.query_one(".checks", VerticalScroll).border_subtitle = "looking at the wire" if self._probing else ""
        self.query_one(".moves", Board).show(detail.history(look, self.key, wide), tones)

    def action_scroll(self, by: int) -> None:
        """Scroll the checks."""
        self.query_one(".checks", VerticalScroll).scroll_relative(y=by, animate=False)

    def action_copy_fix(self) -> None:
        """Copy the command of a fix; pressed again, that of the next."""
        found = requests.fixes(detail.checks(self.look, self.key)) if self.look is not None else ()
        self._fixes.copy_next(self.app, self.key, found)

    def action_probe(self) -> None:
        """Ask from this host who answers for the Service's addresses."""
        service = detail.service_of(self.look, self.key) if self.look is not None else None
        if service is None or not service.ingress:
            say(self.app, "there is no address to ask for")
        elif not self._probing:
            self._probing = True
            self.app_frame.redraw()
            self.app_frame.later(self._probe, service.ingress)

    async def _probe(self, addresses: Sequence[str]) -> None:
        from pylb.tui import probe  # pyroute2: 80 ms that only who asks for it should pay

        app = self.app_frame
        service = detail.service_of(self.look, self.key) if self.look is not None else None
        try:
            for address in addresses:
                ports = service.ports if service is not None else ()
                app.put(await probe.look(address, ports, app.state.nodes, app.now))
        except Exception as error:  # noqa: BLE001 - whatever a look at the network does, the screen stays
            say(self.app, f"no look at the wire: {error or type(error).__name__}", severity="error")
        finally:
            self._probing = False
            app.redraw()


def titled(board: Board, text: str) -> Board:
    """A panel with a heading."""
    board.border_title = text
    return board
