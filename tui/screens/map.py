"""Map: the addresses of each pool above, all about the one under the cursor below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from pylb.tui import filters
from pylb.tui.exports import Record
from pylb.tui.pages import legend, map
from pylb.tui.pages.grid import Grid, Place
from pylb.tui.pages.look import Look
from pylb.tui.pages.map import LEGEND
from pylb.tui.screens.page import PageScreen
from pylb.tui.seams import Selection
from pylb.tui.widgets.board import Board
from pylb.tui.words import Line

FRAME = 5  # cells that frame, padding and scrollbar of a panel take
PAGE = 8  # rows
SIGNS = "PP asked for  AA given out  .. free  ? nobody has it  ! two do"  # the rest is in the help


class MapScreen(PageScreen):
    """Pools as grids of addresses."""

    page = "map"
    CSS = """
    MapScreen .grid { height: 1fr; scrollbar-size-vertical: 1; }
    MapScreen .about { height: 8; }
    MapScreen.-low .about { height: 5; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1, 0)", "Up", show=False, id="map.up"),
        Binding("down,j", "go(1, 0)", "Down", show=False, id="map.down"),
        Binding("left,h", "go(0, -1)", "Left", show=False, id="map.left"),
        Binding("right,l", "go(0, 1)", "Right", show=False, id="map.right"),
        Binding("pageup,ctrl+u", f"go(-{PAGE}, 0)", "Page up", show=False, id="map.page_up"),
        Binding("pagedown,ctrl+d", f"go({PAGE}, 0)", "Page down", show=False, id="map.page_down"),
        Binding("enter", "open", "Detail", id="map.open", tooltip="all about the Service that has it"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._grid = Grid(())
        self._cursor = ""

    def body(self) -> ComposeResult:
        scroll = VerticalScroll(classes="panel grid main")
        scroll.border_title = "MAP"
        with scroll:
            yield Board(classes="cells")
        board = Board(classes="panel about")
        board.border_title = "SELECTED"
        yield board

    def on_mount(self) -> None:
        self.watch(self.query_one(".grid", VerticalScroll), "scroll_y", self._scrolled, init=False)

    @property
    def legend(self) -> Sequence[Line]:
        return [legend.entry(sign, text, tone) for sign, text, tone in LEGEND]

    @property
    def place(self) -> Place | None:
        """The address under the cursor."""
        at = self._grid.find(self._cursor)
        return self._grid.runs[at[0]].places[at[1]] if at is not None else None

    @property
    def selection(self) -> Selection:
        place = self.place
        if place is None:
            return Selection()
        if not place.rows:
            return Selection(address=place.address, node=place.node)
        row = place.rows[0]
        return Selection(row.namespace, row.name, place.address, row.nodes[0] if row.nodes else "")

    @property
    def record(self) -> Record | None:
        place = self.place
        return map.record(place) if place is not None else None

    @property
    def exported(self) -> tuple[str, Sequence[Record]]:
        return "map", [map.record(place) for place in map.used(self._grid)]

    def draw(self, look: Look) -> None:
        self._grid = map.grid(look)
        wanted = filters.parse(self.filter)
        place = self.place
        if not wanted.empty and (place is None or not map.passes(place, wanted)):
            place = next((one for one in map.used(self._grid) if map.passes(one, wanted)), place)
        place = place or self._grid.first()
        self._cursor = place.address if place is not None else ""
        self._show(look)

    def _show(self, look: Look) -> None:
        tones, width = self.app_frame.tones, look.width - FRAME
        self._show_cells(look)
        self.query_one(".about", Board).show(map.about(self.place, look, width), tones)
        scroll = self.query_one(".grid", VerticalScroll)
        scroll.border_subtitle = Content(f"filter: {self.filter}" if self.filter else SIGNS * (len(SIGNS) < width))
        at = self._grid.find(self._cursor)
        if at is not None:
            top, height = int(scroll.scroll_y), scroll.scrollable_content_region.height or look.height // 2
            if not top <= at[0] < top + height:
                scroll.scroll_to(y=max(at[0] - height // 2, 0), animate=False)

    def _show_cells(self, look: Look) -> None:
        """The grid, as far as it can be seen."""
        top = int(self.query_one(".grid", VerticalScroll).scroll_y)
        shown, wanted = range(top - PAGE, top + look.height + PAGE), filters.parse(self.filter)
        found = map.lines(self._grid, self._cursor, look.width - FRAME, look.glyphs, wanted, shown)
        self.query_one(".cells", Board).show(found, self.app_frame.tones)

    def _scrolled(self) -> None:
        if self.look is not None:
            self._show_cells(self.look)

    def action_go(self, down: int, right: int) -> None:
        """Move the cursor."""
        place = self._grid.moved(self._cursor, down, right)
        if place is not None:
            self.action_choose(place.address)

    def action_choose(self, address: str) -> None:
        """Put the cursor on an address."""
        self._cursor = address
        if self.look is not None:
            self._show(self.look)
