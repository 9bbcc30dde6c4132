"""Failover: moves newest first with why and how long, strips of who had what when, and what a day comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import tui_source as fake
from pylb.core.history import Entry
from pylb.tui import words
from pylb.tui.facts import Fact, MovesSeen
from pylb.tui.pages import failover, timeline
from pylb.tui.pages.listing import Query, pick
from pylb.tui.pages.look import Look
from pylb.tui.pages.timeline import SPANS, Window
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.words import Line

NOW = fake.NOW
ADDRESS, KEY = "192.168.1.240", "ingress/nginx"  # rpi1 has it


def moved(ago: float, before: str, node: str, cause: str = "node_gone", took: float | None = 400.0) -> Entry:
    return Entry(NOW - ago, ADDRESS, (KEY,), before, node, cause, 3, None if took is None else took - 20, took)


def helped(ago: float, lasted_s: float) -> Entry:
    return Entry(NOW - ago, ADDRESS, (KEY,), "rpi1", "rpi3", "stood_in", lasted_ms=lasted_s * 1000)


def look(*entries: Entry, facts: tuple[Fact, ...] = (), size: tuple[int, int] = (100, 30)) -> Look:
    state = fold_all(State(), (*fake.homelab(), *facts))
    return Look(replace(state, moves=tuple(sorted(entries, key=lambda one: one.at))), NOW, *size, words.UNICODE)


def test_the_newest_move_comes_first_and_equal_ones_have_their_own_keys() -> None:
    twice = moved(50, "rpi2", "rpi3")
    found = failover.rows(look(moved(90, "rpi1", "rpi2"), twice, twice, moved(10, "rpi3", "rpi1")))
    assert [row.node for row in found] == ["rpi1", "rpi3", "rpi3", "rpi2"]
    assert len({row.key for row in found}) == 4


@pytest.mark.parametrize(
    ("entry", "cause", "took", "says"),
    [
        (moved(9, "rpi2", "rpi1"), "its node is gone", "400 ms", "gave its last sign 380 ms before rpi1 decided"),
        (moved(9, "rpi2", "rpi1", "drained", None), "drained", "-", "rpi1 took it from rpi2: drained"),
        (moved(9, "", "rpi1", "observed", None), "not told", "-", "from an unknown node"),
        (moved(9, "rpi1", "rpi1", "resumed", None), "resumed", "-", "took it up again"),
        (helped(9, 12.34), "stood in", "12.3 s", "rpi3 answered for rpi1"),
        (moved(9, "a", "b", "some_new_cause"), "some new cause", "400 ms", "before b decided"),
    ],
)
def test_a_row_says_why_and_how_long(entry: Entry, cause: str, took: str, says: str) -> None:
    [row] = failover.rows(look(entry))
    assert (row.cause, failover.took(row)) == (cause, took)
    assert failover.MOVES.remark is not None
    assert says in words.plain(failover.MOVES.remark(row, 300, words.UNICODE))


def test_a_day_in_two_lines() -> None:
    seen = look(
        moved(90, "rpi1", "rpi2", took=1200.0), moved(10, "rpi2", "rpi1"), helped(5, 3), moved(90_000, "a", "b")
    )
    first, second = (words.plain(line) for line in failover.summary(seen, failover.rows(seen), 100))
    assert first == "24 h: 2 moves   slowest 1200 ms   median 800 ms   1 time another node answered and nothing moved"
    assert second == f"flapping: none   {ADDRESS} x2"
    assert words.plain(failover.summary(look(), (), 100)[0]) == "24 h: 0 moves"


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_every_cell_and_line_fits(width: int) -> None:
    seen = look(moved(9, "rpi2", "rpi1"), helped(60, 30), size=(width, 30))
    found = failover.rows(seen)
    columns = failover.MOVES.columns(seen, width - 3, found)
    assert sum(column.width + 1 for column in columns) <= width - 3
    for row in found:
        cells = failover.MOVES.cells(row, columns, seen.glyphs)
        assert all(len(cell.text) <= column.width for cell, column in zip(cells, columns, strict=True))
    drawn = timeline.lines(seen, timeline.strips(seen, found), Window(), width - 4)
    assert {len(words.plain(line)) for line in drawn} == {width - 4}


def strip(seen: Look, window: Window, room: int = 60) -> str:
    """What stands in the strip of the address."""
    found = timeline.strips(seen, failover.rows(seen))
    drawn: tuple[Line, ...] = timeline.lines(seen, found, window, timeline.NAME_WIDTH + 1 + room, many=99)
    [line] = [words.plain(one) for one in drawn if words.plain(one).startswith(ADDRESS)]
    return line[timeline.NAME_WIDTH + 1 :]


def test_a_strip_is_told_backwards_from_who_has_it_now() -> None:
    drawn = strip(look(moved(30, "rpi2", "rpi1"), moved(45, "rpi3", "rpi2", "drained", None)), Window(60.0))
    assert drawn[:15].strip("━") == " rpi3 "
    assert drawn[15] == "→"
    assert " rpi2 " in drawn[16:30]
    assert drawn[30] == "✕"
    assert drawn[31:].strip("━") == " rpi1 "


def test_a_stand_in_is_marked_for_as_long_as_it_lasted() -> None:
    drawn = strip(look(helped(20, 10)), Window(60.0))
    assert drawn.index("·"), drawn.rindex("·") == (30, 40)
    assert " rpi1 " in drawn


def test_before_its_service_was_made_nobody_has_an_address() -> None:
    seen = look(facts=(fake.change("ingress", "nginx", ADDRESS, created=NOW - 30),))
    assert strip(seen, Window(60.0))[:30].strip() == ""
    assert strip(seen, Window(60.0))[30:].strip("━") == " rpi1 "


def test_what_nobody_has_any_more_is_drawn_as_far_as_it_is_known() -> None:
    gone = Entry(NOW - 30, "192.0.2.9", ("web/gone",), "n1", "n2", "node_gone", 1, 1.0, 2.0)
    seen = look(gone)
    assert "192.0.2.9" in {one.address for one in timeline.strips(seen, failover.rows(seen))}


def test_a_move_of_which_only_the_service_is_known_stands_at_its_address() -> None:
    seen = look(Entry(NOW - 30, "", (KEY,), "rpi2", "rpi1", "observed"))
    assert strip(seen, Window(60.0))[30] == "→"


def test_the_window_zooms_and_pans_within_bounds() -> None:
    window = Window()
    assert window.zoomed(1).span < window.span < window.zoomed(-1).span
    assert window.zoomed(99).span == SPANS[0]
    assert window.zoomed(-99).span == SPANS[-1]
    assert window.panned(1).back == window.span / 4
    assert window.panned(-1).back == 0.0
    earlier = strip(look(moved(30, "rpi2", "rpi1")), Window(60.0).panned(2))
    assert " rpi2 " in earlier
    assert "rpi1" not in earlier


def test_the_filter_finds_nodes_and_causes() -> None:
    found = failover.rows(look(moved(90, "rpi1", "rpi2"), moved(10, "rpi2", "rpi3", "drained", None)))
    assert [row.node for row in pick(failover.MOVES, found, Query("cause:drained"))] == ["rpi3"]
    assert [row.node for row in pick(failover.MOVES, found, Query("from:rpi1"))] == ["rpi2"]
    assert len(pick(failover.MOVES, found, Query("node:rpi2"))) == 2


def test_the_history_of_the_cluster_is_where_moves_come_from() -> None:
    state = fold_all(State(), (*fake.homelab(), MovesSeen((moved(10, "rpi2", "rpi1"),))))
    found = failover.rows(Look(state, NOW, 100, 30, words.ASCII))
    assert (ADDRESS, "rpi1") in {(row.address, row.node) for row in found}
