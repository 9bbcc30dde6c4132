"""The README's picture is what the screen shows: drawn from the tests' homelab, and drawn anew when that changes.

PYLB_PICTURE=write pytest tests/component/test_picture.py
"""

from __future__ import annotations

import html
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import tui_source as fake
from fakes.tui_stage import stage

PICTURE = Path(__file__).parents[2] / "docs" / "overview.svg"
SIZE = (100, 32)


def words(svg: str) -> str:
    """The text of a picture; how it is drawn may differ from one Textual to the next."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return " ".join(" ".join(html.unescape(text) for text in texts).split())


@pytest.fixture(autouse=True)
def own_clock() -> Iterator[None]:
    """The time zone of whoever runs the tests comes back after them."""
    yield
    time.tzset()


async def test_the_readmes_picture_is_what_the_screen_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    async with stage(SIZE, facts=[*fake.homelab(), *fake.story(fake.NOW)]) as on:
        await on.shows("SERVICES", "MOVE")
        drawn = on.app.export_screenshot(title="pylb")
    if os.environ.get("PYLB_PICTURE") == "write":
        PICTURE.write_text(drawn, encoding="utf-8")
    assert words(PICTURE.read_text(encoding="utf-8")) == words(drawn)
