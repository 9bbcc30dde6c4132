"""Tables of any kind: picked, ordered, headed and spread over the width."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pylb.tui.addresses import number
from pylb.tui.pages import listing
from pylb.tui.pages.listing import FLEX, Column, Listing, Order, Query
from pylb.tui.words import ASCII, Span


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    ip: str


COLUMNS = (Column("name", "NAME", 6), Column("ip", "ADDRESS", FLEX))
THINGS: Listing[Row] = Listing(
    name="things",
    title="THINGS",
    empty="nothing",
    key=lambda row: row.name,
    fields=lambda row: {"svc": row.name, "ip": row.ip},
    orders=(
        Order("as given", lambda row: 0),
        Order("name", lambda row: row.name, ("name",)),
        Order("address", lambda row: number(row.ip), ("ip",)),
    ),
    columns=lambda look, room, rows: listing.spread(COLUMNS, room),
    cells=lambda row, columns, glyphs: (Span(row.name), Span(row.ip)),
    record=lambda row: {"name": row.name},
)
ROWS = (Row("c", "10.0.0.9"), Row("a", "10.0.0.10"), Row("b", "fd00::1"), Row("d", ""))


def names(query: Query) -> str:
    return "".join(row.name for row in listing.pick(THINGS, ROWS, query))


def test_rows_are_given_in_the_first_order_and_sorted_in_the_others() -> None:
    assert names(Query()) == "cabd"
    assert names(Query(order="name")) == "abcd"
    assert names(Query(order="address")) == "cabd"  # as numbers: 9 before 10, IPv4 before IPv6, none last
    assert names(Query(order="name", reverse=True)) == "dcba"
    assert names(Query(reverse=True)) == "dbac"
    assert names(Query(order="no longer there")) == "cabd"
    assert names(Query("svc:a ip:10", "name")) == "a"


def test_the_next_order_comes_round() -> None:
    query, seen = Query(), []
    for _ in range(4):
        query = replace(query, order=listing.following(THINGS, query).name)
        seen.append(query.order)
    assert seen == ["name", "address", "as given", "name"]


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_round() -> None:
    assert listing.clicked(THINGS, Query(), "name") == ("name", False)
    assert listing.clicked(THINGS, Query(order="name"), "name") == ("name", True)
    assert listing.clicked(THINGS, Query(order="name", reverse=True), "name") == ("name", False)
    assert listing.clicked(THINGS, Query(order="name"), "other") == ("name", False)


def test_the_heading_marks_what_was_asked_for() -> None:
    columns = listing.spread(COLUMNS, 20)
    assert listing.headed(THINGS, Query(), columns, ASCII) == ("NAME", "ADDRESS")
    assert listing.headed(THINGS, Query(order="address"), columns, ASCII) == ("NAME", "ADDRESS^")
    assert listing.headed(THINGS, Query(order="name", reverse=True), columns, ASCII) == ("NAMEv", "ADDRESS")


def test_one_column_takes_what_is_left() -> None:
    assert [column.width for column in listing.spread(COLUMNS, 20)] == [6, 12]
    assert [column.width for column in listing.spread(COLUMNS, 3)] == [6, listing.MIN_FLEX]


def test_addresses_sort_as_numbers() -> None:
    texts = ["", "10.0.0.10", "no address", "fd00::1", "10.0.0.9"]
    assert sorted(texts, key=number) == ["10.0.0.9", "10.0.0.10", "fd00::1", "", "no address"]
