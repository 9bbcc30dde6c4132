"""A table that follows a changing list of rows without losing the reader's place.

`sync` writes only what differs, keeps the cursor on its row (and that row on its line of the screen), and never hands
DataTable a plain text, which it would read as markup. Widths are fixed by whoever gives the columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from pylb.tui.pages.listing import GAP, Column
from pylb.tui.theme import Tones, paint
from pylb.tui.words import Span

Rows = Mapping[str, tuple[Span, ...]]  # by key, in order
REFILL_SHARE = 2  # above one half of the rows gone, filling anew is cheaper: each removal rebuilds the row index


class Cell(Text):
    """A painted cell; `place` of a row's first cell is where the row belongs."""

    place = 0


class LiveTable(DataTable[Text]):
    """A DataTable of painted cells, one row a key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="table.down"),
        Binding("k", "cursor_up", "Up", show=False, id="table.up"),
        Binding("g", "scroll_top", "Top", show=False, id="table.top"),
        Binding("G", "scroll_bottom", "Bottom", show=False, id="table.bottom"),
        Binding("ctrl+d", "page_down", "Page down", show=False, id="table.page_down"),
        Binding("ctrl+u", "page_up", "Page up", show=False, id="table.page_up"),
        Binding("enter", "select_cursor", "Detail", id="list.open", tooltip="Detail of the row"),
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(
            cursor_type="row", cell_padding=0, zebra_stripes=False, cursor_foreground_priority="renderable", **options
        )
        self._columns_now: tuple[Column, ...] = ()
        self._rows_now: dict[str, tuple[Span, ...]] = {}
        self._first: dict[str, Cell] = {}
        self._headings: tuple[str, ...] = ()
        self._tones: Tones = {}
        self.writes = 0  # cells and rows written, for tests and the curious

    @property
    def selected(self) -> str | None:
        """The key of the row that the cursor is on."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def sync(self, columns: tuple[Column, ...], rows: Rows, tones: Tones, headings: tuple[str, ...] = ()) -> None:
        """Show these rows in these columns, under `headings` where they differ from the columns' own titles."""
        dressed = columns == self._columns_now and tones is self._tones
        wanted = headings or tuple(column.title[: column.width] for column in columns)
        if dressed and list(rows.items()) == list(self._rows_now.items()):
            self._head(wanted)
            return
        key, index, offset = self.selected, self.cursor_row, self.cursor_row - int(self.scroll_y)
        with self.app.batch_update():
            if not dressed or self._mostly_gone(rows):
                self._refill(columns, tones)
            self._head(wanted)
            self._write(rows)
            self._restore(key, index, offset)

    def _mostly_gone(self, rows: Rows) -> bool:
        gone = sum(key not in rows for key in self._rows_now)
        return gone * REFILL_SHARE > len(self._rows_now)

    def _refill(self, columns: tuple[Column, ...], tones: Tones) -> None:
        self.clear(columns=True)
        self._columns_now, self._tones = columns, tones
        self._rows_now, self._first, self._headings = {}, {}, ()
        for column in columns:
            self.add_column(Text(""), width=column.width + GAP, key=column.key)

    def _head(self, headings: tuple[str, ...]) -> None:
        """Write the headings; the first has a blank before it, as the cells below it have."""
        if headings == self._headings:
            return
        self._headings = headings
        for place, (column, heading) in enumerate(zip(self.ordered_columns, headings, strict=True)):
            column.label = Text(heading if place else f" {heading}", no_wrap=True, end="")
        self._clear_caches()  # DataTable has no way to rename a column
        self.refresh()

    def _write(self, rows: Rows) -> None:
        for key in [key for key in self._rows_now if key not in rows]:
            self.remove_row(key)
            del self._rows_now[key], self._first[key]
        for place, (key, cells) in enumerate(rows.items()):
            known = self._rows_now.get(key)
            if known is None:
                self._add(key, cells)
            elif known != cells:
                self._update(key, known, cells)
            self._first[key].place = place
        if list(self._rows_now) != list(rows):
            self.sort(self._columns_now[0].key, key=lambda cell: cell.place)
            self._rows_now = dict(rows)

    def _add(self, key: str, cells: tuple[Span, ...]) -> None:
        painted = [self._paint(cell) for cell in cells]
        self.add_row(*painted, key=key)
        self._rows_now[key], self._first[key] = cells, painted[0]
        self.writes += 1

    def _update(self, key: str, known: tuple[Span, ...], cells: tuple[Span, ...]) -> None:
        for column, old, new in zip(self._columns_now, known, cells, strict=True):
            if old != new:
                painted = self._paint(new)
                self.update_cell(key, column.key, painted)
                self.writes += 1
                if column is self._columns_now[0]:
                    self._first[key] = painted
        self._rows_now[key] = cells

    def _paint(self, cell: Span) -> Cell:
        text = Cell(end="", no_wrap=True)
        text.append_text(paint((cell,), self._tones))
        return text

    def _restore(self, key: str | None, index: int, offset: int) -> None:
        """Put the cursor back on its row; where that is gone, on the row that took its place."""
        if not self._rows_now:
            return
        row = self.get_row_index(key) if key in self._rows_now else min(index, len(self._rows_now) - 1)
        if row != self.cursor_row:
            self.move_cursor(row=row, animate=False, scroll=False)
        if key in self._rows_now and int(self.scroll_y) != row - offset:
            self.call_after_refresh(self.scroll_to, y=max(row - offset, 0), animate=False)
