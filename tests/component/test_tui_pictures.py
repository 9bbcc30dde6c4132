"""Each screen in each size and dress is as its picture in tests/data/tui, drawn from the tests' homelab.

PYLB_PICTURES=1 pytest tests/component/test_tui_pictures.py -k nodes   writes those of one screen anew
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from fakes import tui_picture
from fakes.tui_stage import stage
from pylb.tui.options import Options
from pylb.tui.pages.catalogue import PAGES

SIZES = ((80, 24), (120, 40), (200, 50))
DRESSES = {"dark": "pylb-dark", "light": "pylb-light", "ascii": "pylb-dark"}
SCREENS = {**{page.key: page.digit for page in PAGES}, "detail": "enter"}  # the key that leads there from the first


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """UTC, and no colour setting of whoever runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("key", SCREENS)
async def test_the_screen_is_as_its_picture(key: str, dress: str, size: tuple[int, int]) -> None:
    options = Options(theme=DRESSES[dress])
    async with stage(size, ascii_only=dress == "ascii", options=options) as on:
        await on.shows("READ-ONLY", "3/4")
        await on.pilot.press(SCREENS[key])
        await on.settled()
        tui_picture.compare(on.app, f"{key}-{size[0]}x{size[1]}-{dress}")
