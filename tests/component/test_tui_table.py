"""The live table: it writes what differs, and the reader keeps the place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.app import App, ComposeResult

from pylb.tui.pages.listing import Column
from pylb.tui.widgets.live_table import LiveTable, Rows
from pylb.tui.words import Span

COLUMNS = (Column("st", "ST", 5), Column("name", "NAME", 12))
TONES = {"bad": Style(bold=True)}


def rows(names: Sequence[str], state: str = "OK") -> Rows:
    return {name: (Span(state), Span(name, "bad")) for name in names}


class Host(App[None]):
    """A table alone."""

    def compose(self) -> ComposeResult:
        yield LiveTable()

    @property
    def table(self) -> LiveTable:
        return self.query_one(LiveTable)

    def shown(self) -> list[str]:
        return [str(self.table.get_row_at(index)[1]) for index in range(self.table.row_count)]


NAMES = [f"row{number:02}" for number in range(60)]


async def test_nothing_changed_writes_nothing() -> None:
    app = Host()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.sync(COLUMNS, rows(NAMES), TONES)
        await pilot.pause()
        written = app.table.writes
        app.table.sync(COLUMNS, rows(NAMES), TONES)
        assert app.table.writes == written
        changed = {**rows(NAMES), "row05": (Span("PEND"), Span("row05", "bad"))}
        app.table.sync(COLUMNS, changed, TONES)
        assert app.table.writes == written + 1


@pytest.mark.parametrize(
    "after",
    [
        [name for name in NAMES if name not in ("row00", "row07", "row59")],
        ["new0", "new1", *NAMES],
        list(reversed(NAMES)),
        ["row30", *[name for name in NAMES if name != "row30"]],
    ],
    ids=["removed", "added", "turned round", "to the top"],
)
async def test_cursor_and_scroll_stay_on_their_row(after: list[str]) -> None:
    app = Host()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.sync(COLUMNS, rows(NAMES), TONES)
        await pilot.pause()
        app.table.move_cursor(row=30, animate=False)
        await pilot.pause()
        offset = app.table.cursor_row - int(app.table.scroll_y)
        app.table.sync(COLUMNS, rows(after), TONES)
        await pilot.pause()
        await pilot.pause()
        assert app.shown() == after
        assert app.table.selected == "row30"
        index = after.index("row30")
        assert app.table.cursor_row == index
        reachable = max(0, min(index - offset, len(after) - (app.table.size.height - 1)))
        assert int(app.table.scroll_y) == reachable


async def test_a_row_that_goes_leaves_the_cursor_where_it_was() -> None:
    app = Host()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.sync(COLUMNS, rows(NAMES[:5]), TONES)
        app.table.move_cursor(row=2)
        app.table.sync(COLUMNS, rows(["row00", "row01", "row03", "row04"]), TONES)
        assert app.table.selected == "row03"
        app.table.sync(COLUMNS, {}, TONES)
        await pilot.pause()
        assert app.table.selected is None
        app.table.sync(COLUMNS, rows(["row09"]), TONES)
        assert app.table.selected == "row09"


async def test_new_columns_keep_the_cursor() -> None:
    app = Host()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.sync(COLUMNS, rows(NAMES), TONES)
        app.table.move_cursor(row=20)
        await pilot.pause()
        app.table.sync((Column("st", "ST", 5), Column("name", "NAME", 20)), rows(NAMES), TONES)
        await pilot.pause()
        assert app.table.selected == "row20"


async def test_markup_in_names_is_text() -> None:
    """`[/bad]` as a plain text ends the app with a MarkupError, `[web]` vanishes."""
    app = Host()
    names = ["[red]", "[/bad]", "[web]", "[fd00::1]:80", "\x1b[31m"]
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.sync(COLUMNS, rows(names), TONES)
        await pilot.pause()
        assert app.shown() == [*names[:-1], "?[31m"]  # and no terminal takes a name for a command


steps = st.lists(st.lists(st.sampled_from(NAMES[:8]), unique=True, max_size=8), min_size=1, max_size=6)


@settings(max_examples=25)  # each starts an app
@given(steps)
def test_any_sequence_of_lists_is_shown_as_given(lists: list[list[str]]) -> None:
    async def play() -> None:
        app = Host()
        async with app.run_test(size=(40, 12)):
            for number, names in enumerate(lists):
                app.table.sync(COLUMNS, rows(names, f"S{number}"), TONES)
                assert app.shown() == names
                assert [str(app.table.get_row_at(index)[0]) for index in range(len(names))] == [f"S{number}"] * len(
                    names
                )

    asyncio.run(play())
