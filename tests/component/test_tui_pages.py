"""The screens in the app: each opens by its digit, its keys do what they say, and Detail opens from every one."""

from __future__ import annotations

import pytest

from fakes import tui_source as fake
from fakes.tui_stage import stage
from pylb.core import events
from pylb.core.explanation.wire import Answer, Vantage, WireSeen
from pylb.core.history import Entry
from pylb.core.model import Port
from pylb.tui import probe
from pylb.tui.facts import MovesSeen
from pylb.tui.screens.failover import FailoverScreen
from pylb.tui.screens.log import LogScreen

MOVES = MovesSeen(
    (
        Entry(fake.NOW - 300, "192.168.1.240", ("ingress/nginx",), "rpi2", "rpi1", "node_gone", 2, 380.0, 401.0),
        Entry(fake.NOW - 90, "192.168.1.244", ("monitoring/grafana",), "rpi1", "rpi3", "drained", 3),
    )
)


@pytest.mark.parametrize(
    ("digit", "texts"),
    [
        ("3", ("TIMELINE", "MOVES 4", "24 h: 4 moves")),
        ("4", ("PENDING AND PINNED", "WHY IS media/jellyfin-b PENDING?")),
        ("5", ("pool default", "SELECTED", "192.168.1.240")),
        ("6", ("LOG", "IN FULL", "answers for it too")),
        ("7", ("PEERS 0", "No BGP here")),
    ],
)
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_a_screen_opens_by_its_digit(digit: str, texts: tuple[str, ...], size: tuple[int, int]) -> None:
    async with stage(size, facts=[*fake.homelab(), MOVES]) as on:
        await on.pilot.press(digit)
        await on.shows(*texts)


async def test_failover_zooms_and_pans() -> None:
    async with stage((120, 40), facts=[*fake.homelab(), MOVES]) as on:
        await on.pilot.press("3")
        await on.shows("TIMELINE, 15m", "now")
        await on.pilot.press("plus")
        await on.shows("TIMELINE, 5m")
        await on.pilot.press("w", "w", "h")
        await on.shows("TIMELINE, 1h00 until")
        await on.pilot.press("l")
        await on.shows("TIMELINE, 1h00 ─")


async def test_the_strip_of_the_move_under_the_cursor_is_shown() -> None:
    async with stage((80, 24), facts=[*fake.homelab(), MOVES]) as on:
        await on.pilot.press("3")
        await on.shows("MOVES 4")
        shown = on.app.screen
        assert isinstance(shown, FailoverScreen)
        await on.pilot.press("G")
        await on.until(lambda: shown.moves.row is not None and shown.moves.row.address == "192.168.1.241")
        await on.shows("192.168.1.241 homeass")


async def test_the_log_follows_until_the_cursor_is_moved() -> None:
    async with stage((120, 40)) as on:
        await on.pilot.press("6")
        await on.shows("follow on")
        shown = on.app.screen
        assert isinstance(shown, LogScreen)
        on.source.push(events.Claimed(fake.NOW, "192.0.2.1", "n8", ()))
        await on.until(lambda: shown.lines.row is not None and "n8" in shown.lines.row.line.text)
        await on.pilot.press("j")
        await on.shows("follow off")
        await on.pilot.press("f")
        await on.shows("follow on")
        await on.until(lambda: shown.lines.table.cursor_row == 0)


async def test_the_log_by_level() -> None:
    async with stage((120, 40)) as on:
        await on.pilot.press("6", "l")
        await on.shows("level warn and worse")
        await on.pilot.press("l")
        await on.shows("level error", "LOG  level error  follow on  1")
        await on.pilot.press("l")
        await on.shows("level info and worse")


async def test_a_request_tells_why_and_its_fix_is_copied() -> None:
    async with stage((120, 40), facts=[*fake.homelab(), fake.without_controller()]) as on:
        await on.pilot.press("4")
        await on.shows("WHY IS media/jellyfin-b PENDING?", "fix 1")
        await on.pilot.press("f")
        await on.shows("copied kubectl")
        await on.pilot.press("j")
        await on.shows("WHY IS web/blog PENDING?")


async def test_the_map_moves_its_cursor_and_opens_detail() -> None:
    async with stage((120, 40)) as on:
        await on.pilot.press("5", "l", "right")
        await on.shows("[AA]", "media/jellyfin")
        await on.pilot.press("enter")
        await on.shows("CHECKS", "SERVICE", "ANNOUNCED BY", "192.168.1.242")
        await on.pilot.press("escape")
        await on.shows("SELECTED")
        await on.pilot.press("j")
        await on.shows("pool dmz  free")
        await on.pilot.press("enter")
        await on.shows("no Service")


async def test_the_map_finds_what_the_filter_names() -> None:
    async with stage((120, 40)) as on:
        await on.pilot.press("5", "slash", *"svc:grafana", "enter")
        await on.shows("192.168.1.244  pool default", "monitoring/grafana")


async def test_detail_opens_from_the_log_and_goes_back() -> None:
    async with stage((120, 40)) as on:
        await on.pilot.press("6")
        await on.shows("IN FULL")
        await on.pilot.press("enter")
        await on.shows("home/mqtt", "Has it an address?", "HISTORY")
        await on.pilot.press("q")
        await on.shows("IN FULL")


async def test_a_probe_is_asked_for_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def look(address: str, ports: object, nodes: object, now: object) -> WireSeen:
        asked.append(address)
        answers = ((Port("TCP", 80), Answer.OPEN),)
        return WireSeen(fake.NOW, address, Vantage("desk", "eth0"), ("02:00:00:00:00:01",), answers)

    monkeypatch.setattr(probe, "look", look)
    async with stage((200, 50)) as on:
        await on.pilot.press("3", "1")
        await on.pilot.press("G", "enter")
        await on.shows("CHECKS")
        await on.pilot.press("t")
        await on.shows("02:00:00:00:00:01", "desk")
        assert len(asked) == 1


async def test_a_probe_that_breaks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(*_: object) -> WireSeen:
        raise OSError("no [/such] device")

    monkeypatch.setattr(probe, "look", look)
    async with stage((120, 40)) as on:
        await on.pilot.press("G", "enter")
        await on.shows("CHECKS")
        await on.pilot.press("t")
        await on.shows("no look at the wire: no [/such] device")
