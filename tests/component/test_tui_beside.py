"""Overview on a wide terminal: the chosen Service beside the table. And where extras leave little room."""

from __future__ import annotations

import pytest

from fakes import tui_source as fake
from fakes.tui_stage import Demo, stage
from pylb.tui.pages import side
from pylb.tui.screens import overview
from pylb.tui.widgets.board import Board
from pylb.tui.widgets.pane import Pane


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colour setting of whoever runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)


async def test_the_panel_follows_the_cursor_and_nothing_is_laid_out_for_that() -> None:
    async with stage((200, 50)) as on:
        await on.shows("SERVICES 13", "home/mqtt ─")
        board, pane = on.app.screen.query_one(".beside", Board), on.app.screen.query_one(Pane)
        regions = board.region, pane.region
        for name in ("media/jellyfin-b", "web/blog", "lab/echo6"):
            await on.pilot.press("j")
            await on.until(lambda name=name: str(board.border_title) == name)
        assert (board.region, pane.region) == regions
        await on.shows("it has not moved")


async def test_a_change_of_the_chosen_service_is_told_there_too() -> None:
    async with stage((160, 40)) as on:
        await on.shows("SERVICES 13")
        await on.pilot.press(*"jj")
        on.app.put(fake.change("web", "blog", "192.168.1.250"))
        await on.shows("address  192.168.1.250")


async def test_v_gives_the_table_all_the_room() -> None:
    async with stage((140, 40)) as on:
        await on.shows("home/mqtt ─")
        await on.pilot.press("v")
        await on.until(lambda: not on.app.screen.query_one(".beside", Board).display)
        await on.shows("WHY")
        await on.pilot.press("v")
        await on.shows("home/mqtt ─")


async def test_v_says_where_there_is_no_room() -> None:
    async with stage((100, 30)) as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("v")
        await on.shows("from 140 columns on")


async def test_a_dear_panel_comes_after_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "DEAR_S", 0.0)
    told: list[str] = []
    lines = side.lines
    monkeypatch.setattr(side, "lines", lambda look, key, panel: told.append(key) or lines(look, key, panel))  # type: ignore[func-returns-value]  # it is "or" that is wanted
    async with stage((200, 50)) as on:
        await on.shows("SERVICES 13")
        await on.until(lambda: "home/mqtt" in told)
        told.clear()
        await on.pilot.press(*"jjj")
        await on.until(lambda: "lab/echo6" in told)
        assert len(told) <= 3


@pytest.mark.parametrize(("extras", "rows"), [((), 6), ((Demo(height=1),), 7), ((Demo(),), 6)])
async def test_failover_keeps_rows_for_moves(extras: tuple[Demo, ...], rows: int) -> None:
    async with stage((80, 24), extras=extras) as on:
        await on.pilot.press("3")
        await on.shows("MOVES 2")
        await on.until(lambda: on.app.screen.query_one(".moves", Pane).table.size.height - 1 >= rows)
