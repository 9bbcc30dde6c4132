"""A table, whatever its rows are: its columns, orders and filter, and what a row is when it is copied. Pure.

A page describes each of its tables by a `Listing`; `widgets.pane.Pane` shows it, and brings filter, sort, copy and
export along. Rows are frozen values made anew for each drawing; a row's key says which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pylb.tui import filters
from pylb.tui.exports import Record
from pylb.tui.seams import Selection
from pylb.tui.words import Glyphs, Line, Span, fit

if TYPE_CHECKING:
    from pylb.tui.pages.look import Look

GAP = 1  # cells between columns
FLEX = 0  # as a width: what is left
MIN_FLEX = 6

R = TypeVar("R")
Cells = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key, its heading and its width in cells, the gap after it not counted."""

    key: str
    title: str
    width: int


@dataclass(frozen=True, slots=True)
class Order(Generic[R]):
    """One way to sort. A click on the heading of one of `columns` chooses it."""

    name: str
    key: Callable[[R], Any]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What a user asked of a table: the filter's text, the name of an order ("" for the first), and reversed."""

    text: str = ""
    order: str = ""
    reverse: bool = False


def _nothing(row: Any, room: int, glyphs: Glyphs) -> Line:
    return ()


def _nobody(row: Any) -> Selection:
    return Selection()


def _kept(row: R, look: Look) -> R:
    return row


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """A table of rows R. They are given in the first of `orders`."""

    name: str  # in file names and settings
    title: str  # of its panel
    empty: str  # what stands there instead of rows
    key: Callable[[R], str]
    fields: Callable[[R], Mapping[str, str]]  # what the filter looks at, by the word before the colon
    orders: tuple[Order[R], ...]
    columns: Callable[[Look, int, Sequence[R]], tuple[Column, ...]]  # for so many cells of room
    cells: Callable[[R, tuple[Column, ...], Glyphs], Cells]
    record: Callable[[R], Record]
    selection: Callable[[R], Selection] = _nobody
    remark: Callable[[R, int, Glyphs], Line] = _nothing  # on the row under the cursor, in one line of so many cells
    remarks: bool = False  # whether there is such a line
    told: Callable[[R, Look], R] = _kept  # a row as it is told now, asked of those alone that are on show


def pick(listing: Listing[R], rows: Sequence[R], query: Query) -> tuple[R, ...]:
    """The rows that the filter keeps, in the order that was asked for."""
    wanted = filters.parse(query.text)
    kept = list(rows) if wanted.empty else [row for row in rows if wanted.keeps(listing.fields(row))]
    order = chosen(listing, query)
    if order is not listing.orders[0]:
        kept.sort(key=order.key)
    return tuple(reversed(kept)) if query.reverse else tuple(kept)


def chosen(listing: Listing[R], query: Query) -> Order[R]:
    """The order that a query names; the first where it names none that there is."""
    return next((order for order in listing.orders if order.name == query.order), listing.orders[0])


def following(listing: Listing[R], query: Query) -> Order[R]:
    """The order after the one that a query names."""
    place = listing.orders.index(chosen(listing, query))
    return listing.orders[(place + 1) % len(listing.orders)]


def clicked(listing: Listing[R], query: Query, column: str) -> tuple[str, bool]:
    """The order that a click on a heading asks for, and whether reversed: a second click turns it round."""
    order = next((order for order in listing.orders if column in order.columns), None)
    if order is None:
        return query.order, query.reverse
    return order.name, order is chosen(listing, query) and not query.reverse


def headed(listing: Listing[R], query: Query, columns: tuple[Column, ...], glyphs: Glyphs) -> tuple[str, ...]:
    """The headings, with a mark at the column that the rows are sorted by, if somebody asked for that."""
    order = chosen(listing, query)
    if order is listing.orders[0] and not query.reverse:
        return tuple(column.title[: column.width] for column in columns)
    mark = glyphs.falling if query.reverse else glyphs.rising
    marked = next((column.key for column in columns if column.key in order.columns), "")
    return tuple(
        fit(column.title, column.width - len(mark), glyphs) + mark
        if column.key == marked
        else column.title[: column.width]
        for column in columns
    )


def spread(columns: Sequence[Column], room: int) -> tuple[Column, ...]:
    """The columns in `room` cells: the one of width FLEX takes what the others leave."""
    left = room - sum(column.width + GAP for column in columns)
    return tuple(
        Column(column.key, column.title, max(left, MIN_FLEX)) if column.width == FLEX else column for column in columns
    )
