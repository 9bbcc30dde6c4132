"""The screen of nodes, driven as a user would."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import tui_source as fake
from fakes.tui_stage import NOW, stage
from pylb.core.model import Node, NodeName
from pylb.tui.facts import Kind, ObjectChanged
from pylb.tui.screens.loss import LossScreen


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No colour setting of whoever runs the tests, and files only where they may be."""
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


async def test_speakers_and_addresses_say_who_has_what() -> None:
    async with stage((100, 30)) as on:
        await on.pilot.press("2")
        await on.shows("SPEAKERS 4", "rpi4     silent", "missed beats", "ADDRESSES 10")
        line = next(line for line in on.text().split("\n") if "ingress/nginx" in line)
        assert line.split()[1:] == ["OK", "192.168.1.240", "ingress/nginx", "[A]", "1", "2", "x", "rpi2", "│"]


async def test_the_line_below_the_addresses_follows_the_cursor() -> None:
    async with stage((140, 40)) as on:
        await on.pilot.press("2", "tab", "j", "j")
        await on.shows("192.168.50.8  rpi3 announces it, then rpi1, rpi2; rpi4: the node's speaker is not heard")


async def test_enter_on_a_speaker_shows_what_it_announces_and_on_an_address_its_service() -> None:
    async with stage((100, 30)) as on:
        await on.pilot.press("2", "j", "enter")
        await on.shows("ADDRESSES 2 of 10", "filter: node:rpi1", "dns/pihole-tcp")
        await on.pilot.press("escape")
        await on.shows("ADDRESSES 10")
        await on.pilot.press("tab", "enter")
        await on.until(lambda: on.app.screen_of("detail").about.service == "nginx")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (200, 50)], ids=str)
async def test_the_loss_of_a_node_is_simulated(size: tuple[int, int]) -> None:
    async with stage(size) as on:
        await on.pilot.press("2", "j", "j", "S")
        await on.shows("IF rpi2 WERE LOST", "ITS ADDRESSES 3", "GOES TO", "then: rpi1 5 (+3)")
        await on.pilot.press("e")
        await on.shows("rows to which file?")
        await on.pilot.press("enter")
        await on.until(lambda: bool(list(Path.cwd().glob("pylb-loss-of-rpi2-*.csv"))))
        await on.pilot.press("S")
        await on.until(lambda: not isinstance(on.app.screen, LossScreen))


async def test_the_loss_of_who_announces_the_address_under_the_cursor() -> None:
    async with stage((100, 30)) as on:
        await on.pilot.press("2", "tab", "S")
        await on.shows("IF rpi2 WERE LOST")


async def test_nothing_to_lose_is_said() -> None:
    async with stage((100, 30), facts=[]) as on:
        await on.pilot.press("2", "S")
        await on.shows("choose a node", "no node is known", "no Service has an address")


async def test_many_nodes_are_scrolled_by_columns() -> None:
    more = [ObjectChanged(Kind.NODE, f"x{number:02}", Node(NodeName(f"x{number:02}"))) for number in range(30)]
    async with stage((80, 24), facts=[*fake.homelab(), *more]) as on:
        await on.pilot.press("2")
        await on.shows("at nodes 1-4 of 34 (< >)")
        await on.pilot.press("greater_than_sign", "greater_than_sign")
        await on.shows("at nodes 3-6 of 34")
        await on.pilot.press(*["greater_than_sign"] * 40)
        await on.shows("at nodes 31-34 of 34", "x29")
        await on.pilot.press("less_than_sign")
        await on.shows("at nodes 30-33 of 34")


async def test_a_move_is_seen_in_the_matrix() -> None:
    async with stage((100, 30)) as on:
        await on.pilot.press("2")
        await on.shows("ADDRESSES 10")
        owners = {"192.168.1.240": "rpi3"}
        on.source.push(*(fake.speaker(node, NOW, ("rpi1", "rpi2", "rpi3"), owners=owners) for node in fake.NODES[:3]))
        await on.until(lambda: any("nginx" in line and "1     2     [A]" in line for line in on.text().split("\n")))
