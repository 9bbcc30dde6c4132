"""A table that follows a changing list of rows without losing the reader's place.

`sync` keeps the cursor on its row, and that row on its line of the screen. Cells are asked for and painted only of lines
that are on show, however many rows there are, and lines that stay as they are, are not written again. A name is never
read as markup. Widths are fixed by whoever gives the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.events import Click, Leave, MouseMove
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from pylb.tui.pages.listing import GAP, Column
from pylb.tui.theme import Tones
from pylb.tui.words import Span, clean

Cells = tuple[Span, ...]
Rows = Mapping[str, Cells]  # by key, in order; what is not on show is not asked for
HEAD = 1  # line of headings above the rows
PAINTED = 400  # lines that are kept: some screens full of them
MAX_MADE = 1_000  # rows whose cells are kept until the next `sync`


class LiveTable(ScrollView, can_focus=True):
    """Rows of painted cells, one row a key, one of them under the cursor."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"live--header", "live--cursor", "live--hover"}
    DEFAULT_CSS = """
    LiveTable {
        height: auto;
        max-height: 100%;
        color: $foreground;
        & > .live--cursor {
            background: $block-cursor-blurred-background;
            color: $block-cursor-blurred-foreground;
            text-style: $block-cursor-blurred-text-style;
        }
        &:focus > .live--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        & > .live--hover { background: $block-hover-background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor(1)", "Down", show=False, id="table.down"),
        Binding("k,up", "cursor(-1)", "Up", show=False, id="table.up"),
        Binding("g,home,ctrl+home", "top", "Top", show=False, id="table.top"),
        Binding("G,end,ctrl+end", "bottom", "Bottom", show=False, id="table.bottom"),
        Binding("ctrl+d,pagedown", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("ctrl+u,pageup", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("enter", "choose", "Detail", id="list.open", tooltip="Detail of the row"),
    ]

    class Moved(Message):
        """The cursor is on another row."""

    class Chosen(Message):
        """The row under the cursor was chosen: enter, or a click on it."""

    class HeadingClicked(Message):
        """A heading was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._columns: tuple[Column, ...] = ()
        self._headings: tuple[str, ...] = ()
        self._rows: Rows = {}
        self._keys: list[str] = []
        self._made: dict[str, Cells] = {}
        self._tones: Tones = {}
        self._lines: list[Cells] = []  # what is on show
        self._painted: LRUCache[tuple[Cells, Style, int], Strip] = LRUCache(PAINTED)
        self._row, self._hover = 0, -1
        self.writes = 0  # lines that a `sync` wrote again, for tests and the curious

    @property
    def keys(self) -> tuple[str, ...]:
        """The rows, in their order."""
        return tuple(self._keys)

    @property
    def selected(self) -> str | None:
        """The key of the row that the cursor is on."""
        return self._keys[self._row] if self._row < len(self._keys) else None

    @property
    def cursor_row(self) -> int:
        """Which row that is, counted from 0."""
        return self._row

    # What is shown

    def sync(self, columns: tuple[Column, ...], rows: Rows, tones: Tones, headings: tuple[str, ...] = ()) -> None:
        """Show these rows in these columns, under `headings` where they differ from the columns' own titles."""
        key, row, offset = self.selected, self._row, self._row - self.scroll_offset.y
        headings = headings or tuple(column.title[: column.width] for column in columns)
        anew = columns != self._columns or tones is not self._tones
        if anew:
            self._painted.clear()
        if headings != self._headings:
            self.refresh_lines(self.scroll_offset.y)
        self._columns, self._tones, self._headings = columns, tones, headings
        self._rows, self._keys, self._made = rows, list(rows), {}
        self.virtual_size = Size(sum(column.width + GAP for column in columns), len(self._keys) + HEAD)
        self._restore(key, row, offset)
        self._refresh_changed(anew)

    def _restore(self, key: str | None, row: int, offset: int) -> None:
        """Put the cursor back on its row; where that is gone, on the row that took its place."""
        stays = key is not None and key in self._rows
        self._row = self._keys.index(key) if key is not None and stays else max(min(row, len(self._keys) - 1), 0)
        if stays and self._row - offset != self.scroll_offset.y:
            self.scroll_to(y=max(self._row - offset, 0), animate=False, force=True)
        if (self.selected, self._row) != (key, row):
            self.post_message(self.Moved())

    def _refresh_changed(self, anew: bool) -> None:
        """Write the lines again that show something else than before."""
        before, self._lines = self._lines, [self._cells(row) for row in self._visible]
        changed = [
            line
            for line in range(max(len(before), len(self._lines)))
            if before[line : line + 1] != self._lines[line : line + 1]
        ]
        self.writes += len(changed)
        if anew:
            self.refresh()
        for line in changed:
            self.refresh_lines(self.scroll_offset.y + HEAD + line)

    @property
    def _visible(self) -> range:
        first = self.scroll_offset.y
        return range(first, min(first + max(self.size.height - HEAD, 0), len(self._keys)))

    def _cells(self, row: int) -> Cells:
        key = self._keys[row]
        cells = self._made.get(key)
        if cells is None:
            if len(self._made) >= MAX_MADE:
                self._made.clear()
            cells = self._made[key] = self._rows[key]
        return cells

    # Painting

    def render_line(self, y: int) -> Strip:
        """A line of the screen: the headings, a row, or nothing."""
        base, width = self.rich_style, self.size.width
        row = y - HEAD + self.scroll_offset.y
        if y < HEAD:
            head = base + self.get_component_rich_style("live--header")
            return self._paint(self._heading_cells(), head, width)
        if row >= len(self._keys):
            return Strip.blank(width, base)
        if row == self._row:
            return self._paint(self._cells(row), base + self.get_component_rich_style("live--cursor"), width)
        hover = base + self.get_component_rich_style("live--hover") if row == self._hover else base
        return self._paint(self._cells(row), hover, width)

    def _heading_cells(self) -> Cells:
        """The headings; the first has a blank before it, as the cells below it have."""
        return tuple(Span(text if place else f" {text}") for place, text in enumerate(self._headings))

    def _paint(self, cells: Cells, style: Style, width: int) -> Strip:
        """Cells with their tones upon a style, whose background stays."""
        key = cells, style, width
        strip = self._painted.get(key)
        if strip is None:
            pieces = zip(self._columns, cells, strict=True)
            segments = [segment for column, cell in pieces for segment in self._segments(cell, column, style)]
            strip = self._painted[key] = Strip(segments).adjust_cell_length(width, style).simplify()
        return strip

    def _segments(self, cell: Span, column: Column, style: Style) -> Iterator[Segment]:
        """The cell's text in its tone, and blanks without one up to the next column."""
        text, room = clean(cell.text), column.width + GAP
        tone, left = self._tones.get(cell.tone), room - cell_len(text)
        toned = style if tone is None else style + tone + Style.from_color(bgcolor=style.bgcolor)
        yield Segment(text if left >= 0 else set_cell_size(text, room), toned)
        if left > 0:
            yield Segment(" " * left, style)

    # The cursor

    def move_cursor(self, row: int) -> None:
        """Put the cursor on a row, and scroll so that it can be seen."""
        row = max(min(row, len(self._keys) - 1), 0)
        if row != self._row:
            for changed in (self._row, row):
                self.refresh_lines(changed + HEAD)
            self._row = row
            self.post_message(self.Moved())
        first, page = self.scroll_offset.y, self._page
        if not first <= row < first + page:
            self.scroll_to(y=row if row < first else row - page + 1, animate=False, force=True)

    @property
    def _page(self) -> int:
        return max(self.size.height - HEAD, 1)

    def action_cursor(self, by: int) -> None:
        """Go down, or up."""
        self.move_cursor(self._row + by)

    def action_page(self, by: int) -> None:
        """Go down a page, or up."""
        self.move_cursor(self._row + by * self._page)

    def action_top(self) -> None:
        """Go to the first row."""
        self.move_cursor(0)

    def action_bottom(self) -> None:
        """Go to the last row."""
        self.move_cursor(len(self._keys) - 1)

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        if self._keys:
            self.post_message(self.Chosen())

    # The mouse

    def on_click(self, event: Click) -> None:
        """Sort by a heading; put the cursor on a row, or choose the one that it is on."""
        row = event.y - HEAD + self.scroll_offset.y
        if event.y < HEAD:
            ends = accumulate(column.width + GAP for column in self._columns)
            hit = next((column for column, end in zip(self._columns, ends, strict=True) if event.x < end), None)
            if hit is not None:
                self.post_message(self.HeadingClicked(hit.key))
        elif row == self._row:
            self.action_choose()
        elif row < len(self._keys):
            self.move_cursor(row)
        event.stop()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Show which row a click would be about."""
        self._show_hover(event.y - HEAD + self.scroll_offset.y if event.y >= HEAD else -1)

    def on_leave(self, event: Leave) -> None:
        """Nothing is under the mouse any more."""
        self._show_hover(-1)

    def _show_hover(self, row: int) -> None:
        if row != self._hover:
            before, self._hover = self._hover, row
            for changed in (before, row):
                if changed >= 0:
                    self.refresh_lines(changed + HEAD)
