"""The lines around every screen, the command line, and the table of screens."""

from __future__ import annotations

from importlib import import_module

import pytest

from fakes import tui_source as fake
from pylb.tui.facts import Fact, Online
from pylb.tui.pages import frame, palette
from pylb.tui.pages.catalogue import BY_KEY, DETAIL, FIRST, PAGES, for_extras
from pylb.tui.pages.frame import Shown, Standing
from pylb.tui.pages.look import MIN_HEIGHT, MIN_WIDTH, Look
from pylb.tui.pages.palette import Command
from pylb.tui.screens.page import PageScreen
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.words import ASCII, UNICODE, plain

NOW = fake.NOW
HOMELAB = fold_all(State(), fake.homelab())


def look(width: int, *facts: Fact) -> Look:
    return Look(fold_all(HOMELAB, facts), NOW, width, 40, UNICODE)


@pytest.mark.parametrize("page", [*PAGES, DETAIL], ids=lambda page: page.key)
def test_each_screen_is_where_the_table_says(page: object) -> None:
    module, _, name = BY_KEY[page.key].drawn_by.partition(":")  # type: ignore[attr-defined]
    screen = getattr(import_module(f"pylb.tui.screens.{module}"), name)
    assert issubclass(screen, PageScreen)
    assert screen.page == page.key  # type: ignore[attr-defined]
    assert import_module(f"pylb.tui.pages.{page.key}").__doc__  # type: ignore[attr-defined]


def test_digits_are_in_order() -> None:
    assert "".join(page.digit for page in PAGES) == "1234567"


@pytest.mark.parametrize("width", [58, 78, 98, 198])
@pytest.mark.parametrize("source", ["lab", "a-very-long-name-of-a-context.example.org:6443  namespace some-team"])
@pytest.mark.parametrize("page", [FIRST, PAGES[6], DETAIL], ids=lambda page: page.key)
def test_the_title_fills_its_line_and_marks_the_screen(width: int, source: str, page: object) -> None:
    known = BY_KEY[page.key]  # type: ignore[attr-defined]
    line = frame.title(source, known, "web/blog", width, ASCII)
    assert len(plain(line)) == width
    assert f"[{known.digit} " in plain(line) or "[Detail]" in plain(line) or "[web/blog]" in plain(line)
    clicks = [span.action for span in line if span.action]
    assert clicks == [f"app.page({one.key!r})" for one in PAGES if one is not known]


@pytest.mark.parametrize("width", [58, 78, 98, 138])
@pytest.mark.parametrize("text", ["", "ns:media", "x" * 80])
def test_the_status_fills_its_line_and_keeps_what_matters(width: int, text: str) -> None:
    line = frame.status(look(width + 2), Standing(NOW, filter=text), width)
    shown = plain(line)
    assert len(shown) == width
    assert shown.startswith("● LIVE 0s  sp")
    assert "3/4" in shown
    assert "READ-ONLY" in shown
    assert not text or f"/{text[:8]}" in shown


def test_the_status_says_pause_write_and_a_broken_filter() -> None:
    line = frame.status(look(120), Standing(NOW, paused=12, filter="re:(", broken=True, write=True), 118)
    assert plain(line).startswith("PAUSED +12 changes")
    assert ("WRITE", "warn") in [(span.text, span.tone) for span in line]
    assert ("/re:( is no pattern", "bad") in [(span.text, span.tone) for span in line]


def test_offline_takes_the_whole_line_and_counts_down() -> None:
    offline = look(100, fake.offline(NOW, 8.0))
    assert "next try in 8s (r now)" in plain(frame.status(offline, Standing(NOW), 98))
    assert "next try in 5s" in plain(frame.status(offline, Standing(NOW + 3), 98))
    back = look(100, fake.offline(NOW, 8.0), Online(NOW + 1))
    assert "LIVE" in plain(frame.status(back, Standing(NOW + 1), 98))


def test_keys_that_do_not_fit_are_left_out_but_help_and_quit() -> None:
    keys = [Shown(str(number), "does something", "app.x") for number in range(9)]
    keys += [Shown("?", "Help", "app.help"), Shown("q", "Quit", "app.quit")]
    for width in (20, 60, 78, 200):
        shown = plain(frame.key_bar(keys, width))
        assert shown.rstrip().endswith("? Help  q Quit")
        assert len(shown) <= max(width, 20)
    assert frame.key_bar(keys, 200)[0].action == "app.x"


def test_too_small_is_one_line() -> None:
    assert plain(frame.too_small(50, 10)) == "too small: 50x10, 60x16 is needed"
    assert len(plain(frame.too_small(12, 3))) <= 12
    state = State()
    assert Look(state, NOW, MIN_WIDTH - 1, 40, ASCII).tiny
    assert Look(state, NOW, 100, MIN_HEIGHT - 1, ASCII).tiny
    assert not Look(state, NOW, MIN_WIDTH, MIN_HEIGHT, ASCII).tiny


def test_keys_of_extras_are_not_those_of_screens() -> None:
    assert for_extras("x")
    assert for_extras("f5")
    assert not for_extras("q")
    assert not for_extras("f1")
    assert not for_extras("f")


KEYS = [Command("Pause", "hold the view still (space)", "app.pause"), Command("Filter", "type a filter (/)", "s.f")]
THEMES = ["pylb-dark", "pylb-light"]


def offered(text: str) -> list[str]:
    return [one.name for one in palette.offers(text, look(100), KEYS, THEMES)]


def test_an_empty_command_line_lists_everything() -> None:
    found = offered("")
    assert found[:7] == [page.name.lower() for page in PAGES]
    assert {"svc NS/NAME", "theme NAME", "Pause", "Filter"} <= set(found)


@pytest.mark.parametrize(
    ("text", "first", "action"),
    [
        ("pau", "Pause", "app.pause"),
        (":pause", "Pause", "app.pause"),
        ("hold", "Pause", "app.pause"),
        ("svc home/mq", "home/mqtt", "app.detail('home', 'mqtt', '192.168.1.243')"),
        ("svc blog", "web/blog", "app.detail('web', 'blog')"),
        ("ns med", "media", "app.narrow('ns:media')"),
        ("ns all", "all", "app.narrow('')"),
        ("pool iot", "iot", "app.narrow('pool:iot')"),
        ("node rpi3", "rpi3", "app.narrow('node:rpi3')"),
        ("theme light", "pylb-light", "app.theme('pylb-light')"),
        ("nodes", "nodes", "app.page('nodes')"),
    ],
)
def test_what_a_text_means_first(text: str, first: str, action: str) -> None:
    found = palette.offers(text, look(100), KEYS, THEMES)
    assert (found[0].name, found[0].action) == (first, action)


def test_a_verb_without_a_name_is_typed_on() -> None:
    assert next(one for one in palette.offers("svc", look(100), KEYS, THEMES)).fill == "svc "
    assert offered("nothing like it") == []


@pytest.mark.parametrize("cursor", [0, 3, 4, 9])
def test_the_command_under_the_cursor_is_among_those_shown(cursor: int) -> None:
    found = [Command(f"name{number}", "tells " * 30) for number in range(10)]
    shown = [plain(line) for line in palette.lines(found, cursor, 60, 4, ASCII)]
    assert len(shown) == 4
    assert sum(line.startswith("> ") for line in shown) == 1
    assert f"> name{cursor}" in " ".join(shown)
    assert all(len(line) <= 60 for line in shown)
    assert plain(palette.lines((), 0, 60, 4, ASCII)[0]) == " nothing is called so"
