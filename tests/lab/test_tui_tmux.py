"""`pylb tui` in a real terminal, on real packets: a cable is pulled, and the screens tell of it; and it leaves no mess."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.lan import Lan
from fakes.terminal import COLOUR, LEFT, Terminal, terminal

ADDRESS = "10.79.0.200"
EDGES = {"╭": "╮", "╰": "╯", "│": "│"}
MIN_EDGED = 6  # lines
pytestmark = pytest.mark.tmux


def tui(lan: Lan) -> list[str]:
    return [sys.executable, "-m", "pylb", "tui", "--kubeconfig", str(lan.kubeconfig)]


def framed(size: tuple[int, int]) -> Callable[[str], bool]:
    """Whether a screen fills the terminal, each line is as wide as it, and every frame closes."""

    def holds(shown: str) -> bool:
        lines = shown.rstrip("\n").split("\n")
        edged = [line.rstrip() for line in lines if line[:1] in EDGES]
        closed = all(line[-1] == EDGES[line[0]] and len(line) == size[0] for line in edged)
        return len(lines) == size[1] and len(edged) > MIN_EDGED and closed and "Help" in lines[-1]

    return holds


def test_a_pulled_cable_is_on_overview_failover_and_log_at_every_size(lan: Lan, tmp_path: Path) -> None:
    owner, usual = lan.owner(ADDRESS), (100, 30)
    with terminal(tmp_path, tui(lan), usual) as window:
        window.until("SERVICES 1", ADDRESS, "LIVE", "READ-ONLY", "speakers 3/3", well=framed(usual))
        lan.lab.cut(owner, "both")
        try:
            other = lan.owner(ADDRESS, beside=owner)
            window.until("MOVE", f"{owner} → {other}", f"{owner} silent", "speakers 2/3", well=framed(usual))
            window.press("3")
            window.until("TIMELINE", "MOVES 1", ADDRESS, f"{owner} gave its last sign", well=framed(usual))
            window.press("6")
            window.until("LOG", "moved", ADDRESS, f"{owner} -> {other}", well=framed(usual))
            for size in ((80, 24), (140, 45), (60, 16)):
                window.resize(size)
                window.until("LOG", ADDRESS, well=framed(size))
            window.resize((40, 10))
            window.until("too small")
            window.resize((80, 24))
            window.press("1")
            window.until("SERVICES 1", "MOVE", well=framed((80, 24)))
        finally:
            lan.lab.mend(owner, "both")
        window.until("3/3")
        window.press("q")
        check_left(window, 0)


def check_left(window: Terminal, code: int) -> None:
    """The terminal is as it was: the shell's screen, no mode left on, no garbage, and what is typed is seen."""
    assert window.until(LEFT).strip() == f"{LEFT} {code}"
    assert set(window.flags().values()) == {"0"}
    window.press("typed", "Enter")
    assert window.until("typed\ntyped").strip() == f"{LEFT} {code}\ntyped\ntyped"


@pytest.mark.parametrize(
    "leave",
    [
        lambda window: window.press("q"),
        lambda window: window.press("C-c"),
        lambda window: window.signal(signal.SIGTERM),
        lambda window: (window.press("?"), window.press("C-c")),
    ],
    ids=["q", "ctrl+c", "SIGTERM", "ctrl+c in the help"],
)
def test_it_leaves_the_terminal_as_it_was(lan: Lan, tmp_path: Path, leave: Callable[[Terminal], object]) -> None:
    with terminal(tmp_path, tui(lan)) as window:
        window.until("SERVICES 1", ADDRESS)
        assert window.flags()["alternate_on"] == "1"
        leave(window)
        check_left(window, 0)


def test_without_colours_there_are_none(lan: Lan, tmp_path: Path) -> None:
    with terminal(tmp_path, tui(lan)) as window:
        window.until("SERVICES 1", ADDRESS)
        assert COLOUR.search(window.screen(dressed=True))
    again = tmp_path / "again"
    again.mkdir()
    with terminal(again, tui(lan), NO_COLOR="1") as window:
        window.until("SERVICES 1", ADDRESS)
        assert not COLOUR.search(window.screen(dressed=True))
        for key, part in (("2", "SPEAKERS 3"), ("3", "TIMELINE"), ("4", "WHY"), ("5", "MAP"), ("6", "LOG")):
            window.press(key)
            window.until(part)
            assert not COLOUR.search(window.screen(dressed=True)), part


@pytest.mark.parametrize(
    "environment",
    [{"TERM": "linux"}, {"LC_ALL": "de_DE.ISO-8859-1", "LANG": "de_DE.ISO-8859-1"}],
    ids=["the Linux console", "a locale without UTF-8"],
)
def test_a_poor_terminal_gets_ascii(lan: Lan, tmp_path: Path, environment: dict[str, str]) -> None:
    with terminal(tmp_path, tui(lan), **environment) as window:
        assert window.until("SERVICES 1").isascii()
        for key, part in (("2", "SPEAKERS 3"), ("3", "TIMELINE"), ("4", "WHY"), ("5", "MAP"), ("6", "LOG")):
            window.press(key)
            assert window.until(part).isascii(), part
        window.press("q")
        check_left(window, 0)
