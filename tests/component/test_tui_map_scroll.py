"""A map that is longer than the screen: what is scrolled into view is painted, by keys and by the mouse."""

from __future__ import annotations

from textual.containers import VerticalScroll

from fakes import tui_source as fake
from fakes import world
from fakes.tui_stage import Stage, stage
from pylb.tui.facts import ConfigSeen

USED = [f"10.0.{part}.{last}" for part in range(4) for last in range(1, 255, 16)]  # one in each of 64 rows
FAR = 40  # lines: what was painted at first is out of sight there
FACTS = [
    ConfigSeen(world.configured(world.pool("p", "10.0.0.0/22"))),
    *(fake.change("web", f"s{place}", address) for place, address in enumerate(USED)),
]


def painted(on: Stage) -> list[str]:
    """The rows of addresses that can be read now, by their labels."""
    lines = [line.split() for line in on.text().split("\n")]
    return [words[1] for words in lines if "AA" in words and words[1].startswith(".")]


def grid(on: Stage) -> VerticalScroll:
    return on.app.screen.query_one(".grid", VerticalScroll)


async def test_rows_are_painted_where_one_goes_by_keys() -> None:
    async with stage((100, 30), facts=FACTS) as on:
        await on.pilot.press("5")
        await on.shows("pool p")
        first = painted(on)
        assert first[:2] == [".16", ".32"], "the cursor is on the first"
        await on.pilot.press(*["pagedown"] * 8)
        await on.until(lambda: grid(on).scroll_y > FAR and len(painted(on)) >= len(first))


async def test_rows_are_painted_where_one_goes_by_the_mouse() -> None:
    async with stage((100, 30), facts=FACTS) as on:
        await on.pilot.press("5")
        await on.shows("pool p")
        first = painted(on)
        grid(on).scroll_end(animate=False)
        await on.until(lambda: grid(on).scroll_y > FAR and len(painted(on)) >= len(first))
