"""How the screen ends where a defect of ours ends it."""

from __future__ import annotations

import pytest

from fakes import tui_source as fake
from fakes.tui_stage import stage
from pylb.tui import outgoing
from pylb.tui.app import PylbApp
from pylb.tui.screens.overview import OverviewScreen


def test_a_defect_of_ours_prints_no_values_and_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: object, look: object) -> None:
        secret = "token-of-somebody"
        raise AttributeError(f"no such thing, and {len(secret)}")

    monkeypatch.setattr(OverviewScreen, "draw", broken)
    app = PylbApp(fake.FakeSource(fake.homelab()))
    app.run(headless=True)
    assert app.return_code == 1
    assert "no such thing" in caplog.text
    assert "token-of-somebody" not in "".join(capsys.readouterr())


async def test_a_key_that_breaks_is_told_and_the_screen_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*arguments: object) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr(outgoing, "ask_and_export", broken)
    async with stage() as on:
        await on.pilot.press("e")
        await on.shows("that did not work, which is a defect")
        await on.pilot.press("2")
        await on.shows("SPEAKERS")
    assert "no such thing" in caplog.text


async def test_an_export_of_what_a_loss_would_do_that_breaks_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*arguments: object) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr(outgoing, "ask_and_export", broken)
    async with stage((100, 30)) as on:
        await on.pilot.press("2", "j", "j", "S")
        await on.shows("IF rpi2 WERE LOST")
        await on.pilot.press("e")
        await on.shows("that did not work, which is a defect")
    assert "no such thing" in caplog.text
