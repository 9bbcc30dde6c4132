"""A recording on the screen: it says that it is one, where it is, and keys wind it on every screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.tui_stage import Stage
from pylb.tui import recording
from pylb.tui.app import PylbApp
from pylb.tui.reel import Reel, places
from pylb.tui.replay import ReplaySource

FAILOVER = Path(__file__).parent.parent / "data" / "tui" / "failover.jsonl"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_recording_is_wound_to_its_moves_and_back(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    loaded = recording.load(FAILOVER)
    source = ReplaySource(loaded)
    source.paused = True
    app = PylbApp(source, [Reel(source, loaded)], now=source.now)
    async with app.run_test(size=size) as pilot:
        on = Stage(app, None, pilot)  # type: ignore[arg-type]
        await on.shows("REPLAY", "READ-ONLY", "00:00 of 00:", "paused", "[ ] 10s", "SERVICES")
        assert "LIVE" not in on.text()
        first, last = places(loaded)[0], places(loaded)[-1]
        await pilot.press("a")
        await on.until(lambda: source.position == first)
        await pilot.press("3")
        await on.shows("MOVES", "REPLAY")
        early = on.text()
        while source.position < last:
            at = source.position
            await pilot.press("a")
            await on.until(lambda at=at: source.position > at)  # type: ignore[misc]
        await on.until(lambda: on.text() != early)
        late = on.text()
        await pilot.press("b")
        await on.until(lambda: source.position == 0.0)
        await on.until(lambda: on.text() != late)
        assert len(app.state.moves) < 40
        await pilot.press("q")
    assert app.return_code == 0
