"""The live table: it writes what differs, and the reader keeps the place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.app import App, ComposeResult

from pylb.tui.pages.listing import GAP, Column
from pylb.tui.widgets.live_table import LiveTable, Rows
from pylb.tui.words import Span

COLUMNS = (Column("st", "ST", 5), Column("name", "NAME", 12))
TONES = {"bad": Style(bold=True)}


def rows(names: Sequence[str], state: str = "OK") -> Rows:
    return {name: (Span(state), Span(name, "bad")) for name in names}


class Host(App[None]):
    """A table alone."""

    CSS = "LiveTable { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield LiveTable()

    @property
    def table(self) -> LiveTable:
        return self.query_one(LiveTable)

    def shown(self) -> list[str]:
        """The names on the lines below the headings, as a terminal gets them."""
        lines = [self.table.render_line(line).text for line in range(1, self.table.size.height)]
        return [line[COLUMNS[0].width + GAP :].strip() for line in lines if line.strip()]


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
        app.table.move_cursor(30)
        await pilot.pause()
        offset = app.table.cursor_row - int(app.table.scroll_y)
        app.table.sync(COLUMNS, rows(after), TONES)
        await pilot.pause()
        await pilot.pause()
        assert app.table.keys == tuple(after)
        top = int(app.table.scroll_y)
        assert app.shown() == after[top : top + app.table.size.height - 1]
        assert app.table.selected == "row30"
        index = after.index("row30")
        assert app.table.cursor_row == index
        reachable = max(0, min(index - offset, len(after) - (app.table.size.height - 1)))
        assert int(app.table.scroll_y) == reachable


async def test_a_row_that_goes_leaves_the_cursor_where_it_was() -> None:
    app = Host()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.sync(COLUMNS, rows(NAMES[:5]), TONES)
        app.table.move_cursor(2)
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
        app.table.move_cursor(20)
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


class Counting(dict[str, tuple[Span, ...]]):
    """Rows that note which of them somebody asked for."""

    def __init__(self, of: Rows) -> None:
        super().__init__(of)
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> tuple[Span, ...]:
        self.asked.add(key)
        return super().__getitem__(key)


async def test_rows_out_of_sight_are_not_made_until_they_are_scrolled_to() -> None:
    app, many = Host(), Counting(rows(NAMES))
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.focus()
        app.table.sync(COLUMNS, many, TONES)
        await pilot.pause()
        assert many.asked == set(NAMES[:11])
        await pilot.press("pagedown")
        await pilot.pause()
        assert app.table.selected == "row11"
        assert many.asked == set(NAMES[:12])
        await pilot.press("G")
        await pilot.pause()
        assert (app.table.selected, app.shown()) == ("row59", NAMES[-11:])
        assert many.asked == {*NAMES[:12], *NAMES[-11:]}
        await pilot.press("k", "g")
        await pilot.pause()
        assert (app.table.selected, app.shown()) == ("row00", NAMES[:11])


async def test_a_click_moves_the_cursor_and_a_second_one_chooses() -> None:
    told: list[str] = []

    class Listening(Host):
        def on_live_table_chosen(self) -> None:
            told.append(f"chosen {self.table.selected}")

        def on_live_table_moved(self) -> None:
            told.append(f"moved to {self.table.selected}")

        def on_live_table_heading_clicked(self, event: LiveTable.HeadingClicked) -> None:
            told.append(f"heading {event.column}")

    app = Listening()
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.sync(COLUMNS, rows(NAMES), TONES)
        app.table.move_cursor(20)
        await pilot.pause()
        told.clear()
        for offset in ((3, 2), (3, 2), (3, 0), (8, 0), (39, 0)):
            await pilot.click(LiveTable, offset=offset)
            await pilot.pause()
        assert told == ["moved to row11", "chosen row11", "heading st", "heading name"]


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
                states = [app.table.render_line(line + 1).text.split()[0] for line in range(len(names))]
                assert states == [f"S{number}"] * len(names)

    asyncio.run(play())
