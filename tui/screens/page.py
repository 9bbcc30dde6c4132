"""The frame of every screen: title, status and keys around its body, and what all tables have in common.

A subclass says what its body is and draws it; it is only asked to while it is the one on show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input

from pylb.tui import filters, outgoing
from pylb.tui.exports import Record
from pylb.tui.pages import catalogue, frame
from pylb.tui.pages.frame import Standing
from pylb.tui.pages.look import Look
from pylb.tui.seams import Selection
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.extra import ExtraPanel
from pylb.tui.widgets.keys import KeyBar
from pylb.tui.widgets.pane import Pane
from pylb.tui.widgets.toasts import say
from pylb.tui.words import Line

if TYPE_CHECKING:
    from pylb.tui.app import PylbApp

HEIGHTS = ("-low", "-mid", "-high")
MAX_FILTER = 80  # characters
HINT = "name, ns: pool: node: ip: st:pend, re: for a pattern, ! for not"
EDGES = 2  # cells that the padding of title, status and keys takes


class PageScreen(Screen[None]):
    """One screen in the frame."""

    page: ClassVar[str] = ""  # its key in `catalogue`
    AUTO_FOCUS = "LiveTable, .main"  # a widget of another kind that takes keys has the class "main"
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority it is done before the next key is looked at: letters typed at once after it are the filter's.
        Binding("slash", "filter", "Filter", priority=True, id="list.filter", tooltip="type a filter"),
        Binding("o", "sort", "Sort", id="list.sort", tooltip="sort by the next column"),
        Binding("O", "reverse", "Reverse", show=False, id="list.reverse", tooltip="reverse the order"),
        Binding("c", "copy_address", "Copy address", id="list.copy", tooltip="copy the row's address"),
        Binding("C", "copy('json')", "Copy JSON", show=False, id="list.copy_json", tooltip="copy the row as JSON"),
        Binding("y", "copy('yaml')", "Copy YAML", show=False, id="list.copy_yaml", tooltip="copy the row as YAML"),
        Binding("e", "export('csv')", "Export", show=False, id="list.export", tooltip="write what is shown as CSV"),
        Binding("E", "export('json')", "As JSON", show=False, id="list.export_json", tooltip="write it as JSON"),
        Binding("escape", "escape", "Back", show=False, id="list.escape", tooltip="clear the filter, or go back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""
        self.about = Selection()  # what Detail is of
        self.look: Look | None = None  # what was drawn last

    # What a screen says of itself

    def body(self) -> ComposeResult:
        """The widgets between status and keys."""
        yield from ()

    def draw(self, look: Look) -> None:
        """Show a state in the body. `self.app_frame.tones` are the colours."""

    @property
    def legend(self) -> Sequence[Line]:
        """What the help tells of this screen's own signs."""
        return ()

    @property
    def subject(self) -> str:
        """What the screen is about, where it is about one thing."""
        return ""

    @property
    def selection(self) -> Selection:
        """What the cursor is on."""
        pane = self.pane
        return pane.selection if pane is not None else Selection()

    @property
    def record(self) -> Record | None:
        """What the cursor is on, to be copied."""
        pane = self.pane
        return pane.record if pane is not None else None

    @property
    def exported(self) -> tuple[str, Sequence[Record]]:
        """What is shown, and a name for it."""
        pane = self.pane
        return (pane.listing.name, pane.records) if pane is not None else (self.page, ())

    # The frame

    @property
    def app_frame(self) -> PylbApp:
        """The app, as what it is."""
        return cast("PylbApp", self.app)

    @property
    def panes(self) -> Iterable[Pane[Any]]:
        """All tables, in their order."""
        return self.query(Pane).results()

    @property
    def pane(self) -> Pane[Any] | None:
        """The table that keys are about: the one with the focus, else the first."""
        found = list(self.panes)
        return next((pane for pane in found if pane.has_focus_within), found[0] if found else None)

    def compose(self) -> ComposeResult:
        yield Board(classes="title")
        yield Board(classes="status")
        with Vertical(classes="body"):
            yield from self.body()
        field = Input(placeholder=HINT, max_length=MAX_FILTER, compact=True, classes="filter")
        field.display = False
        yield field
        for extra in self.app_frame.extras:
            yield ExtraPanel(extra)
        yield KeyBar()
        yield Board(classes="small")

    def on_mount(self) -> None:
        for pane in self.panes:
            pane.query_asked = self.app_frame.order_of(pane.listing.name)

    def show(self, look: Look) -> None:
        """Draw everything as it is now."""
        self.look = look
        self.set_class(look.tiny, "-tiny")
        if look.tiny:
            self.query_one(".small", Board).show([frame.too_small(look.width, look.height)], self.app_frame.tones)
            return
        self.set_class(look.offline, "-offline")
        for level, name in enumerate(HEIGHTS):
            self.set_class(level == look.tall, name)
        page = catalogue.BY_KEY[self.page]
        title = frame.title(self.app_frame.source_name, page, self.subject, look.width - EDGES, look.glyphs)
        self.query_one(".title", Board).show([title], self.app_frame.tones)
        self.draw(look)
        self.query_one(KeyBar).show_keys(look.width - EDGES, self.app_frame.tones)
        self.show_clock()

    def show_clock(self) -> None:
        """Draw what time alone changes: how fresh the view is, and the extras."""
        if self.look is None or self.look.tiny:
            return
        app = self.app_frame
        now, paused = app.now(), app.pulse.paused
        read = filters.parse(self.filter)
        mode = next((extra.mode for extra in app.extras if extra.mode), "")
        standing = Standing(now, paused, self.filter, bool(read.broken), read.dear, app.write, mode)
        line = frame.status(self.look, standing, self.look.width - EDGES)
        self.query_one(".status", Board).show([line], app.tones)
        for panel in self.query(ExtraPanel):
            panel.refresh_extra(now, self.look.glyphs, app.tones)

    def on_screen_resume(self) -> None:
        self.app_frame.redraw()

    @on(Pane.Asked)
    def _order_asked(self, event: Pane.Asked) -> None:
        asked = event.pane.query_asked
        self.app_frame.memory.keep_order(event.pane.listing.name, asked.order, reverse=asked.reverse)
        self.app_frame.redraw()

    @on(Pane.Opened)
    def _row_opened(self) -> None:
        self.action_open()

    # What keys do

    def action_open(self) -> None:
        """Show Detail of the row under the cursor."""
        selection = self.selection
        if selection.service:
            self.app_frame.open_detail(selection)
        elif self.record is not None:
            say(self.app, "this row is about no Service")

    def action_escape(self) -> None:
        """Show all rows again; without a filter, go back to where one came from."""
        field = self.query_one(Input)
        if field.display or self.filter:
            self.set_filter("")
            self._leave_filter()
        elif self.page == catalogue.DETAIL.key:
            self.app_frame.action_previous()

    def action_filter(self) -> None:
        """Type a filter."""
        field = self.query_one(Input)
        field.display = True
        field.value = self.filter
        self.set_focus(field)
        self.app_frame.redraw()

    def set_filter(self, text: str) -> None:
        """Keep what passes this filter."""
        self.filter = text.strip()
        with self.prevent(Input.Changed):
            self.query_one(Input).value = self.filter
        self.app_frame.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A slash that is typed into the filter is a letter of it."""
        if not self.is_mounted:
            return True
        return action != "filter" or self.focused is not self.query_one(Input)

    @on(Input.Changed)
    def _filter_typed(self, event: Input.Changed) -> None:
        self.filter = event.value.strip()
        self.app_frame.redraw()

    @on(Input.Submitted)
    def _leave_filter(self) -> None:
        self.query_one(Input).display = False
        pane = self.pane
        if pane is not None:
            self.set_focus(pane.table)
        else:
            self.set_focus(None)
        self.app_frame.redraw()

    def action_sort(self) -> None:
        """Sort by the next column."""
        if self.pane is not None:
            self.pane.sort_next()

    def action_reverse(self) -> None:
        """Turn the order round."""
        if self.pane is not None:
            self.pane.sort_reversed()

    def action_copy_address(self) -> None:
        """Copy the address under the cursor."""
        address = self.selection.address
        if address:
            outgoing.copy(self.app, address)
        else:
            say(self.app, "this Service has no address yet" if self.selection.service else "no address here")

    def action_copy(self, form: str) -> None:
        """Copy the row under the cursor as JSON or YAML."""
        outgoing.copy_record(self.app, self.record, form)

    def action_export(self, ending: str) -> None:
        """Write what is shown to a file that the user names."""
        name, records = self.exported
        self.app_frame.later(outgoing.ask_and_export, self.app, name, records, ending, self.app_frame.now())
