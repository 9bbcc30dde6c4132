"""The first screen: pools, Services with who announces them, the last events. A view on `State`, nothing more."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input

from pylb.tui import columns, rows, summary
from pylb.tui.rows import ServiceRow
from pylb.tui.seams import Extra, Selection
from pylb.tui.state import State
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.events import EventsPanel
from pylb.tui.widgets.extra import ExtraPanel
from pylb.tui.widgets.live_table import LiveTable
from pylb.tui.widgets.pools import PoolsPanel
from pylb.tui.widgets.toasts import say
from pylb.tui.words import Glyphs, Line, Span, fit

LOW_BELOW, HIGH_FROM = 28, 38  # lines of the terminal
POOL_LINES, EVENT_LINES = (2, 4, 8), (1, 3, 6)  # by how high the terminal is
HEIGHTS = ("-low", "-mid", "-high")
FRAME = 4  # cells that a panel's frame and padding take of its width
TABLE_FRAME = 3  # the same of the table's panel, and one cell for the scrollbar
MAX_FILTER = 80  # characters


class Overview(Screen[None]):
    """Pools, Services, events."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority it is done before the next key is looked at: letters typed at once after it are the filter's.
        Binding("slash", "filter", "Filter", key_display="/", priority=True, id="overview.filter"),
        Binding("c", "copy", "Copy address", id="overview.copy"),
        Binding("escape", "clear_filter", "Clear filter", show=False, id="overview.clear_filter"),
    ]

    class Stale(Message):
        """What is drawn is no longer what was asked for: draw again."""

    def __init__(self, name: str, extras: tuple[Extra, ...] = ()) -> None:
        super().__init__()
        self._source_name = name
        self._extras = extras
        self._rows: dict[str, ServiceRow] = {}
        self._filter = ""
        self._dress: tuple[Glyphs, Tones] | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(classes="title"):
            yield Board(classes="name")
            yield Board(classes="fresh")
        yield Board(classes="standing")
        yield PoolsPanel(classes="panel pools")
        with Vertical(classes="panel services"):
            yield LiveTable(classes="table")
            yield Input(placeholder="name, ns: pool: node: ip: st:pend, ! for not", max_length=MAX_FILTER, compact=True)
            yield Board(classes="detail")
        yield EventsPanel(classes="panel events")
        for extra in self._extras:
            yield ExtraPanel(extra)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(Input).display = False
        self.query_one(LiveTable).focus()

    @property
    def selection(self) -> Selection:
        """The row that the cursor is on."""
        row = self._rows.get(self.query_one(LiveTable).selected or "")
        if row is None:
            return Selection()
        return Selection(row.namespace, row.name, row.address, row.nodes[0] if row.nodes else "")

    def show(self, state: State, now: float, glyphs: Glyphs, tones: Tones) -> None:
        """Draw the state as it is now."""
        self._dress = (glyphs, tones)
        everything = rows.services(state, now)
        kept = rows.matching(everything, self._filter)
        self._rows = {row.key: row for row in kept}
        width, height = self.app.size
        tall = (height >= LOW_BELOW) + (height >= HIGH_FROM)
        self.query_one(".standing", Board).show([self._standing(state, everything, now, width, glyphs)], tones)
        self.set_class(state.link.online is False, "-offline")
        for level, name in enumerate(HEIGHTS):
            self.set_class(level == tall, name)
        self.query_one(PoolsPanel).show_state(state, width - FRAME, POOL_LINES[tall], glyphs, tones)
        inner = width - (FRAME if tall else 2)
        self.query_one(EventsPanel).show_state(state, inner, EVENT_LINES[tall], glyphs, tones)
        self._show_table(everything, width, glyphs, tones)
        self._show_detail()

    def show_clock(self, state: State, now: float, paused: int | None, glyphs: Glyphs, tones: Tones) -> None:
        """Draw what time alone changes: how fresh the view is, and the extras."""
        fresh = summary.freshness(state, now, glyphs, paused)
        self.query_one(".fresh", Board).show([fresh], tones)
        self.query_one(".name", Board).show([self._title(glyphs)], tones)
        if state.link.online is False:
            width = self.app.size.width
            self.query_one(".standing", Board).show([self._standing(state, (), now, width, glyphs)], tones)
        for panel in self.query(ExtraPanel):
            panel.refresh_extra(now, glyphs, tones)

    def _title(self, glyphs: Glyphs) -> Line:
        room = max(self.app.size.width - 36, 8)
        return (Span("pylb", "brand"), Span(f"  {fit(self._source_name, room, glyphs)}", "dim"))

    def _standing(self, state: State, all_rows: tuple[ServiceRow, ...], now: float, width: int, glyphs: Glyphs) -> Line:
        banner = summary.offline(state, now)
        if banner:
            return (Span(fit("".join(span.text for span in banner), width - 2, glyphs)),)
        return summary.standing(state, all_rows, now, width)

    def _show_table(self, everything: tuple[ServiceRow, ...], width: int, glyphs: Glyphs, tones: Tones) -> None:
        longest = max((len(row.pool) for row in everything), default=0)
        plan = columns.layout(width, width - TABLE_FRAME, longest)
        shown = {key: columns.cells(row, plan, glyphs) for key, row in self._rows.items()}
        self.query_one(LiveTable).sync(plan, shown, tones)
        title = f"SERVICES {len(shown)}" if not self._filter else f"SERVICES {len(shown)} of {len(everything)}"
        panel = self.query_one(".services", Vertical)
        panel.border_title = title
        panel.border_subtitle = Content(f"filter: {self._filter}" if self._filter else "")

    def _show_detail(self) -> None:
        """One sentence on the selected row."""
        if self._dress is None:
            return
        glyphs, tones = self._dress
        row = self._rows.get(self.query_one(LiveTable).selected or "")
        line: Line = ()
        if row is not None:
            subject = f"{row.namespace}/{row.name} {row.address}".strip()
            tone = columns.TONES[row.word]
            room = self.app.size.width - TABLE_FRAME - len(subject) - 4
            line = (Span(f" {subject}  ", tone), Span(fit(row.why, room, glyphs), "dim"))
        elif not self._rows:
            line = (
                Span(" no Service passes the filter" if self._filter else " no Service of type LoadBalancer", "dim"),
            )
        self.query_one(".detail", Board).show([line], tones)

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()

    def action_filter(self) -> None:
        """Type a filter."""
        field = self.query_one(Input)
        field.display = True
        field.value = self._filter
        self.set_focus(field)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A slash that is typed into the filter is a letter of it."""
        return action != "filter" or self.focused is not self.query_one(Input)

    def action_clear_filter(self) -> None:
        """Show all rows again."""
        self.query_one(Input).value = ""
        self._leave_filter()

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        self._filter = event.value.strip()
        self.post_message(self.Stale())

    @on(Input.Submitted)
    def _leave_filter(self) -> None:
        self.query_one(Input).display = False
        self.query_one(LiveTable).focus()

    def action_copy(self) -> None:
        """Copy the selected row's address."""
        address = self.selection.address
        if address:
            self.app.copy_to_clipboard(address)
        text = f"copied {address}" if address else "this Service has no address yet"
        say(self.app, text)
