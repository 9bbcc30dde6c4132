"""What stands beside the table of Services on a wide terminal."""

from __future__ import annotations

import pytest

from fakes import tui_source as fake
from pylb.tui import words
from pylb.tui.pages import overview, side
from pylb.tui.pages.look import Look
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.words import ASCII, UNICODE, plain

HOMELAB = fold_all(State(), fake.homelab())
NOW = fake.NOW


def look(width: int = 140, height: int = 40, glyphs: words.Glyphs = UNICODE) -> Look:
    return Look(HOMELAB, NOW, width, height, glyphs)


def text(key: str, panel: int = 53) -> str:
    return "\n".join(plain(line) for line in side.lines(look(), key, panel))


@pytest.mark.parametrize(
    ("width", "wanted", "panel"), [(139, True, 0), (140, True, 53), (200, True, 75), (200, False, 0)]
)
def test_there_is_a_panel_where_there_is_room(width: int, wanted: bool, panel: int) -> None:
    assert overview.width_beside(look(width), wanted=wanted) == panel


@pytest.mark.parametrize("key", ["", *HOMELAB.services, "gone/gone"])
@pytest.mark.parametrize(("width", "height", "glyphs"), [(140, 16, ASCII), (140, 40, UNICODE), (200, 50, UNICODE)])
def test_it_fits_and_is_always_as_high(key: str, width: int, height: int, glyphs: words.Glyphs) -> None:
    seen = look(width, height, glyphs)
    panel = overview.width_beside(seen, wanted=True)
    found = side.lines(seen, key, panel)
    assert len(found) == height  # a board of another height would be laid out anew, and with it everything
    assert max(words.wide(line) for line in found) <= panel - side.FRAME


def test_it_says_how_it_stands_who_is_next_what_is_wrong_and_what_helps() -> None:
    told = text("lab/echo6")
    assert "NOAN nobody announces it: no L2Advertisement" in " ".join(told.split())
    assert "Has it an address?" in told
    assert "fix 1" in told
    assert "it has not moved" in told


def test_it_tells_of_moves() -> None:
    told = text("home/homeassistant")
    assert "rpi2 since" in told
    assert "owner lost" in told.partition("HISTORY")[2]


def test_one_that_went_is_told_to_be_gone() -> None:
    assert text("gone/gone").startswith("this Service is not there any more")
