"""The log: newest first, by level, each line with a key of its own, and what a line is about can be opened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import tui_source as fake
from pylb.core import events
from pylb.tui import words
from pylb.tui.facts import Fact, Note
from pylb.tui.pages import log
from pylb.tui.pages.listing import Query, pick
from pylb.tui.pages.look import Look
from pylb.tui.state import State
from pylb.tui.store import fold_all

NOW = fake.NOW


def look(*facts: Fact, size: tuple[int, int] = (100, 30)) -> Look:
    return Look(fold_all(State(), facts or fake.homelab()), NOW, *size, words.UNICODE)


def test_the_newest_comes_first() -> None:
    times = [row.line.at for row in log.rows(look())]
    assert len(times) > 10
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("least", "levels"), [("info", {"info", "warn", "error"}), ("warn", {"warn", "error"}), ("error", {"error"})]
)
def test_a_level_keeps_what_is_graver(least: str, levels: set[str]) -> None:
    assert {row.line.level for row in log.rows(look(), least)} == levels


def test_equal_lines_have_keys_of_their_own_that_newer_lines_do_not_change() -> None:
    item = events.Withdrawn(NOW - 5, "192.0.2.1", "n1", "released")
    state = replace(State(), log=(item, item))
    before = [row.key for row in log.rows(Look(state, NOW, 100, 30, words.UNICODE))]
    newer = replace(state, log=(item, item, replace(item, at=NOW)))
    after = [row.key for row in log.rows(Look(newer, NOW, 100, 30, words.UNICODE))]
    assert len(set(after)) == 3
    assert after[1:] == before


def test_an_address_opens_its_service_and_a_node_opens_none() -> None:
    found = {row.line.object: log.LOG.selection(row) for row in log.rows(look())}
    assert (found["192.168.50.8"].service, found["192.168.50.8"].address) == ("zigbee2mqtt", "192.168.50.8")
    assert (found["web/blog"].namespace, found["web/blog"].service) == ("web", "blog")
    assert not found["rpi4"].service


@pytest.mark.parametrize(
    ("typed", "about"),
    [("src:speaker/rpi3 reason:moved", {"192.168.50.8"}), ("st:error", {"192.168.1.243"}), ("ns:web", {"web/blog"})],
)
def test_the_filter_looks_in_each_column(typed: str, about: set[str]) -> None:
    kept = pick(log.LOG, log.rows(look()), Query(typed))
    assert {row.line.object for row in kept} == about


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_every_cell_fits_its_column(width: int) -> None:
    seen = look(size=(width, 30))
    found = log.rows(seen)
    columns = log.LOG.columns(seen, width - 3, found)
    assert sum(column.width + 1 for column in columns) <= width - 3
    for row in found:
        assert all(
            len(cell.text) <= column.width
            for cell, column in zip(log.LOG.cells(row, columns, seen.glyphs), columns, strict=True)
        )


def test_a_long_text_is_shown_whole_as_far_as_there_is_room() -> None:
    note = Note(NOW, "web/blog", True, "AllocationFailed", "[/x] " + "word " * 60, "controller")
    seen = Look(replace(State(), log=(note,)), NOW, 80, 24, words.UNICODE)
    lines = [words.plain(line) for line in log.whole(log.rows(seen)[0], seen, 70)]
    assert len(lines) == 3
    assert "[/x]" in lines[1]
    assert lines[-1].endswith("…")
    assert max(map(len, lines)) <= 70


def test_what_was_lost_is_told() -> None:
    state = replace(State(), counters={"dropped": 3, "unknown": 1})
    told = log.tail(Look(state, NOW, 80, 24, words.UNICODE))
    assert "3 came too fast" in told
    assert "1 of a kind" in told
    assert log.tail(look()) == ""
