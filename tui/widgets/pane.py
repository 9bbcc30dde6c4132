"""A panel with a table: any `Listing`, filtered and sorted as asked, with a remark on the row under the cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from pylb.tui import filters
from pylb.tui.exports import Record
from pylb.tui.pages import listing as pure
from pylb.tui.pages.listing import Cells, Column, Listing, Query
from pylb.tui.pages.look import Look
from pylb.tui.seams import Selection
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.live_table import LiveTable
from pylb.tui.words import Span, fit

R = TypeVar("R")
FRAME = 3  # cells that the frame and the scrollbar take of the panel's width


class _Drawn(Mapping[str, Cells], Generic[R]):
    """The cells of rows, by the rows' keys, each made when it is asked for: the table asks for what is on show."""

    def __init__(self, listing: Listing[R], rows: Mapping[str, R], columns: tuple[Column, ...], look: Look) -> None:
        self._listing, self._rows, self._columns, self._look = listing, rows, columns, look

    def __getitem__(self, key: str) -> Cells:
        row = self._listing.told(self._rows[key], self._look)
        return self._listing.cells(row, self._columns, self._look.glyphs)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Pane(Vertical, Generic[R]):
    """Shows rows of one listing. Its table is what takes the focus."""

    class Asked(Message):
        """The user asked for another order: what is shown is to be drawn anew."""

        def __init__(self, pane: Pane[Any]) -> None:
            super().__init__()
            self.pane = pane

    class Opened(Message):
        """The row under the cursor was chosen: enter, or a click on it."""

        def __init__(self, pane: Pane[Any]) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, listing: Listing[R], **options: Any) -> None:
        super().__init__(**options)
        self.add_class("panel", "pane")
        self.listing = listing
        self.query_asked = Query()
        self._rows: dict[str, R] = {}
        self._drawn: tuple[Look, Tones, int] | None = None

    def compose(self) -> ComposeResult:
        yield LiveTable(classes="table")
        if self.listing.remarks:
            yield Board(classes="remark")

    @property
    def table(self) -> LiveTable:
        """The table itself."""
        return self.query_one(LiveTable)

    @property
    def row(self) -> R | None:
        """The row under the cursor."""
        return self._rows.get(self.table.selected or "")

    @property
    def rows(self) -> tuple[R, ...]:
        """All rows that are shown, in their order."""
        return tuple(self._rows.values())

    @property
    def selection(self) -> Selection:
        """What the row under the cursor is about."""
        row = self.row
        return Selection() if row is None else self.listing.selection(row)

    @property
    def record(self) -> Record | None:
        """The row under the cursor, to be copied."""
        row = self.row
        return None if row is None else self.listing.record(row)

    @property
    def records(self) -> tuple[Record, ...]:
        """All rows that are shown, to be exported."""
        return tuple(self.listing.record(row) for row in self._rows.values())

    def show(self, rows: Sequence[R], look: Look, tones: Tones, *, width: int = 0, text: str | None = None) -> None:
        """Show what the filter keeps of the rows. `width` is the panel's, frame and all: the terminal's if not given."""
        if text is not None and text != self.query_asked.text:
            self.query_asked = Query(text, self.query_asked.order, self.query_asked.reverse)
        width = width or look.width
        self._drawn = (look, tones, width)
        kept = pure.pick(self.listing, rows, self.query_asked)
        self._rows = {self.listing.key(row): row for row in kept}
        columns = self.listing.columns(look, width - FRAME, rows)
        headings = pure.headed(self.listing, self.query_asked, columns, look.glyphs)
        self.table.sync(columns, _Drawn(self.listing, self._rows, columns, look), tones, headings)
        self._show_heading(len(rows))
        self._show_remark()

    def _show_heading(self, total: int) -> None:
        shown = len(self._rows)
        text = self.query_asked.text.strip()
        title = f"{self.listing.title} {shown} of {total}" if text else f"{self.listing.title} {shown}"
        order = pure.chosen(self.listing, self.query_asked)
        read = filters.parse(text)
        left_out = "left out, may be too slow" if read.dear else "left out, no pattern"
        told = [f"{left_out}: {read.broken}" if read.broken else f"filter: {text}"] if text else []
        if order is not self.listing.orders[0] or self.query_asked.reverse:
            told.append(f"by {order.name}{', reversed' if self.query_asked.reverse else ''}")
        self.border_title, self.border_subtitle = Content(title), Content("   ".join(told))

    def _show_remark(self) -> None:
        if self._drawn is None or not self.listing.remarks:
            return
        look, tones, width = self._drawn
        row = self.row
        line: tuple[Span, ...] = ()
        if row is not None:
            line = self.listing.remark(row, width - FRAME, look.glyphs)
        elif not self._rows:
            filtered = self.query_asked.text.strip()
            line = (Span(fit(" nothing passes the filter" if filtered else f" {self.listing.empty}", width), "dim"),)
        self.query_one(".remark", Board).show([line], tones)

    def ask(self, order: str, *, reverse: bool) -> None:
        """Sort otherwise from now on."""
        self.query_asked = Query(self.query_asked.text, order, reverse)
        self.post_message(self.Asked(self))

    def sort_next(self) -> None:
        """Sort by the next of the orders."""
        self.ask(pure.following(self.listing, self.query_asked).name, reverse=False)

    def sort_reversed(self) -> None:
        """Turn the order round."""
        self.ask(self.query_asked.order, reverse=not self.query_asked.reverse)

    @on(LiveTable.HeadingClicked)
    def _heading_clicked(self, event: LiveTable.HeadingClicked) -> None:
        event.stop()
        order, reverse = pure.clicked(self.listing, self.query_asked, event.column)
        self.ask(order, reverse=reverse)

    @on(LiveTable.Moved)
    def _moved(self, event: LiveTable.Moved) -> None:
        event.stop()
        self._show_remark()
        self.post_message(self.Moved(self))

    @on(LiveTable.Chosen)
    def _chosen(self, event: LiveTable.Chosen) -> None:
        event.stop()
        self.post_message(self.Opened(self))

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, pane: Pane[Any]) -> None:
            super().__init__()
            self.pane = pane
