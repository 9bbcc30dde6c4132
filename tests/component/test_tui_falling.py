"""How the screen ends where a defect of ours ends it."""

from __future__ import annotations

import pytest

from fakes import tui_source as fake
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
