"""The frame: screens and the way between them, and what every screen can do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from textual.widgets import Input

from fakes import tui_source as fake
from fakes.tui_stage import NOW, Demo, stage
from pylb.tui.facts import ConfigSeen, Online
from pylb.tui.memory import Memory
from pylb.tui.options import Options
from pylb.tui.pages.catalogue import PAGES
from pylb.tui.screens.palette import Palette
from pylb.tui.widgets.live_table import LiveTable

SIZES = [(60, 16), (80, 24), (100, 30), (200, 50)]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No colour setting of whoever runs the tests, and files only where they may be."""
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
async def test_each_digit_shows_its_screen_in_the_frame(size: tuple[int, int], ascii_only: bool) -> None:
    async with stage(size, ascii_only=ascii_only) as on:
        for page in (*PAGES[1:], PAGES[0]):
            await on.pilot.press(page.digit)
            await on.until(lambda key=page.key: on.app.screen is on.app.screen_of(key))
            await on.shows(f"[{page.digit} ", "READ-ONLY", "14:03:22", "? Help  q Quit")
            lines = on.text().split("\n")
            assert (len(lines), {len(line) for line in lines}) == (size[1], {size[0]})
            assert not ascii_only or on.text().isascii()


async def test_a_screen_keeps_its_cursor_filter_and_order_while_another_is_shown() -> None:
    async with stage() as on:
        await on.pilot.press("slash", *"ns:mon", "enter", "o", "j")
        await on.shows("SERVICES 2 of 13", "by name")
        table = on.app.screen.query_one(LiveTable)
        selected = table.selected
        await on.pilot.press("2")
        await on.shows("ADDRESSES 10")
        assert "filter" not in on.text()
        await on.pilot.press("1")
        await on.shows("SERVICES 2 of 13", "by name", "/ns:mon")
        assert on.app.screen.query_one(LiveTable) is table
        assert table.selected == selected


async def test_only_the_screen_on_show_is_drawn_and_others_when_they_are_shown() -> None:
    async with stage() as on:
        await on.pilot.press("2")
        await on.shows("ADDRESSES 10")
        table = on.app.screen_of("nodes").query_one(".matrix LiveTable", LiveTable)
        writes = table.writes
        await on.pilot.press("1")
        await on.shows("SERVICES 13")
        on.source.push(fake.change("web", "later", "192.168.1.250"))
        await on.shows("SERVICES 14")
        assert table.writes == writes
        await on.pilot.press("2")
        await on.shows("ADDRESSES 11")
        assert table.writes > writes


async def test_previous_goes_back_and_forth() -> None:
    async with stage() as on:
        await on.pilot.press("6", "4", "minus")
        await on.shows("[6 Log]")
        await on.pilot.press("minus")
        await on.shows("[4 Req")


@pytest.mark.parametrize("back", ["escape", "q", "minus"])
async def test_enter_opens_detail_and_there_is_a_way_back(back: str) -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("j", "enter")
        await on.until(lambda: on.app.screen is on.app.screen_of("detail"))
        assert on.app.screen_of("detail").about.service == "jellyfin-b"
        await on.pilot.press(back)
        await on.shows("[1 Over", "SERVICES 13")
        assert on.app.is_running


async def test_a_click_on_a_tab_or_a_key_does_what_it_says() -> None:
    async with stage((100, 30)) as on:
        await on.shows("SERVICES 13")
        await on.pilot.click(offset=(on.text().split("\n")[0].index("2 Nodes") + 1, 0))
        await on.shows("[2 Nodes]")
        await on.pilot.click(offset=(on.text().split("\n")[-1].index("? Help"), 29))
        await on.shows("HELP: Nodes")


async def test_too_small_is_one_line_and_no_crash() -> None:
    async with stage((59, 20)) as on:
        await on.shows("too small: 59x20, 60x16 is needed")
        assert on.text().count("\n") == 19
        assert "SERVICES" not in on.text()
        await on.pilot.press("2", "j", "slash", "x", "escape")
        await on.pilot.resize_terminal(80, 24)
        await on.shows("[2 Nodes]", "ADDRESSES 10")
        assert "too small" not in on.text()


async def test_sorting_by_key_and_by_click() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("o", "o")
        await on.shows("by address", "ADDRESS▲")
        shown = on.app.shown
        assert shown is not None
        assert shown.pane is not None
        addresses = [row.address for row in shown.pane.rows]
        assert addresses[0] == "192.168.1.240"
        assert addresses[-3:] == ["fd00:10::102", "", ""]
        await on.pilot.press("O")
        await on.shows("by address, reversed", "ADDRESS▼")
        top = next(index for index, line in enumerate(on.text().split("\n")) if "ADDRESS▼" in line)
        await on.pilot.click(offset=(on.text().split("\n")[top].index("SERVICE"), top))
        await on.shows("by name", "NAMESPACE▲")
        await on.pilot.click(offset=(on.text().split("\n")[top].index("SERVICE"), top))
        await on.shows("by name, reversed")


async def test_a_broken_pattern_is_marked_and_keeps_everything() -> None:
    async with stage() as on:
        await on.pilot.press("slash", *"re:(")
        await on.shows("/re:(", "SERVICES 13 of 13", "enter Keep the filter")
        await on.pilot.press(*"prom|blog)")
        await on.shows("SERVICES 2 of 13")


async def test_copies_are_told_and_are_what_they_say() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("C")
        copied = json.loads(on.app.clipboard)
        assert (copied["service"], copied["address"], copied["state"]) == ("mqtt", "192.168.1.243", "CONF")
        await on.shows('copied { "state": "CONF"')
        await on.pilot.press("y")
        assert yaml.safe_load(on.app.clipboard) == copied
        await on.pilot.press("slash", *"nothing", "enter", "C")
        await on.shows("nothing is selected")


async def test_a_filter_that_is_no_pattern_is_told_in_words() -> None:
    async with stage((80, 24), ascii_only=True) as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("slash", *"re:[", "enter")
        await on.shows(
            "/re:[ is no pattern", "left out, no pattern: re:[: unterminated character set", "SERVICES 13 of 13"
        )


async def test_a_filter_that_could_freeze_the_screen_is_left_out_and_told() -> None:
    async with stage((120, 40), ascii_only=True) as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("slash", *"re:(a+)+$", "enter")
        await on.shows("/re:(a+)+$ may be too slow", "left out, may be too slow: re:(a+)+$: repeats a group")
        await on.shows("SERVICES 13 of 13")


async def test_warnings_of_the_configuration_are_one_line_above_the_pools() -> None:
    async with stage((120, 40)) as on:
        await on.shows("SERVICES 13")
        on.app.put(ConfigSeen(on.app.state.config, (), ("IPAddressPool a: spec.x: is no field", "b: odd")))
        await on.shows("2 warnings, first: IPAddressPool a: spec.x: is no field")


async def test_the_command_line_finds_and_does() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("colon", *"pool iot", "enter")
        await on.shows("SERVICES 1 of 13", "/pool:iot", "zigbee2mqtt")
        await on.pilot.press("ctrl+p", *"ns all", "enter")
        await on.shows("SERVICES 13")
        await on.pilot.press("colon", *"svc mqtt", "down", "up", "enter")
        await on.until(lambda: on.app.screen is on.app.screen_of("detail"))
        assert on.app.screen_of("detail").about.service == "mqtt"


async def test_the_command_line_completes_types_on_and_closes() -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("colon", *"sv", "enter")
        await on.until(lambda: on.app.screen.query_one(Input).value == "svc ")
        await on.shows("media/jellyfin")
        await on.pilot.press(*"echo6", "tab")
        await on.until(lambda: on.app.screen.query_one(Input).value == "svc lab/echo6")
        await on.pilot.press(*"xx", "enter")
        await on.shows("nothing is called so")
        assert isinstance(on.app.screen, Palette)
        await on.pilot.press("escape")
        await on.until(lambda: not isinstance(on.app.screen, Palette))


async def test_names_of_the_cluster_are_no_code_in_commands() -> None:
    """What a Service is called goes into an action as text: a quote in it ends nothing."""
    odd = "x') or app.exit("
    async with stage(facts=[Online(NOW), fake.change("web", odd, "10.0.0.1")]) as on:
        await on.shows("SERVICES 1")
        await on.pilot.press("colon", *"svc x", "enter")
        await on.until(lambda: on.app.screen_of("detail").about.service == odd)
        assert on.app.is_running


async def test_themes_are_chosen_by_name_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "tui.json"
    async with stage(memory=Memory(path)) as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("T", *"contrast", "enter")
        await on.until(lambda: on.app.theme == "pylb-contrast")
        await on.pilot.press("o", "2")
        await on.shows("[2 Nodes]")
    async with stage(memory=Memory(path)) as on:
        await on.shows("[2 Nodes]")
        assert on.app.theme == "pylb-contrast"
        await on.pilot.press("1")
        await on.shows("by name")
    async with stage(memory=Memory(path), options=Options(theme="pylb-light")) as on:
        assert on.app.theme == "pylb-light"


async def test_a_broken_memory_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "tui.json"
    path.write_text("{")
    async with stage((200, 30), memory=Memory(path)) as on:
        await on.shows("left aside, since it cannot be read", "[1 Overview]")


async def test_keys_of_the_users_file_work_and_are_shown() -> None:
    keys = {"app.pause": "p", "list.filter": "f", "page.nodes": "N"}
    async with stage(options=Options(keys=keys)) as on:
        await on.shows("f Filter", "p Pause")
        await on.pilot.press("p")
        await on.shows("PAUSED")
        await on.pilot.press("p", "f", *"dns", "enter")
        await on.shows("SERVICES 2 of 13")
        await on.pilot.press("N")
        await on.shows("[2 Nodes]")


async def test_help_begins_with_the_keys_of_the_screen() -> None:
    async with stage((100, 60), extras=[Demo()]) as on:
        await on.pilot.press("2", "question_mark")
        await on.shows("HELP: Nodes", "KEYS OF NODES", "what the loss of the node would do", "ITS SIGNS", "STATES")
        text = on.text()
        assert text.index("KEYS OF NODES") < text.index("ITS SIGNS") < text.index("STATES") < text.index("TABLES")


async def test_what_stands_over_a_screen_is_ascii_where_that_is_asked_for() -> None:
    async with stage((80, 24), ascii_only=True) as on:
        await on.pilot.press("colon")
        await on.shows("COMMANDS")
        assert on.text().isascii()
        await on.pilot.press("escape", "2", "j", "S")
        await on.shows("IF rpi1 WERE LOST")
        assert on.text().isascii()


async def test_the_mouse_can_be_given_back() -> None:
    async with stage() as on:
        await on.pilot.press("m")
        await on.shows("the mouse is the terminal's")
        await on.pilot.press("m")
        await on.shows("the mouse works here")


async def test_an_extra_is_on_every_screen_and_knows_what_the_cursor_is_on() -> None:
    demo = Demo()
    async with stage(extras=[demo]) as on:
        await on.pilot.press("2")
        await on.shows("[2 Nodes]", "PROBE [/x]", "outage 412 ms")
        await on.pilot.press("j", "x")
        await on.until(lambda: bool(demo.pressed))
        assert demo.pressed[0].node == "rpi1"
