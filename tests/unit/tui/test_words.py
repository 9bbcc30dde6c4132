"""How things are written: ages, counts, ranges, bars."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from pylb.core.ranges import parse
from pylb.tui import words
from pylb.tui.words import ASCII, UNICODE, Span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-5, "now"),
        (0, "now"),
        (4.9, "now"),
        (5, "5s"),
        (29, "25s"),
        (59.9, "55s"),
        (60, "1m"),
        (8 * 60 + 59, "8m"),
        (3600, "1h00"),
        (3 * 3600 + 20 * 60, "3h20"),
        (86_400, "1d00h"),
        (2 * 86_400 + 4 * 3600, "2d04h"),
        (7 * 86_400, "7d"),
        (400 * 86_400, "400d"),
    ],
)
def test_age(seconds: float | None, text: str) -> None:
    assert words.age(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9999, "9999"), (65_536, "65k"), (16_777_216, "16M"), (2**32, "4G"), (2**64, "2e19"), (2**128, "3e38")],
)
def test_count(number: int, text: str) -> None:
    assert words.count(number) == text
    assert len(text) <= 5


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("192.168.1.240-192.168.1.250", "192.168.1.240-.250"),
        ("192.168.1.240-192.168.2.10", "192.168.1.240-192.168.2.10"),
        ("10.0.0.0/24", "10.0.0.0/24"),
        ("10.0.0.7/32", "10.0.0.7"),
        ("fd00:10::100-fd00:10::1fe", "fd00:10::100-::1fe"),
        ("fd00:10::1-fd00:11::1", "fd00:10::1-fd00:11::1"),
    ],
)
def test_span_text(typed: str, text: str) -> None:
    assert words.span_text(parse(typed)) == text


@pytest.mark.parametrize(
    ("part", "whole", "cells"),
    [(0, 10, 0), (1, 1000, 1), (5, 10, 5), (999, 1000, 9), (10, 10, 10), (12, 10, 10), (0, 0, 0), (1, 2**64, 1)],
)
def test_bar_is_empty_only_when_unused_and_full_only_when_full(part: int, whole: int, cells: int) -> None:
    assert words.bar(part, whole, 10) == cells


def test_percent_is_100_only_when_full() -> None:
    assert [words.percent(*pair) for pair in ((0, 0), (999, 1000), (1000, 1000), (1, 1000))] == [0, 99, 100, 0]


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [("short", 8, "short"), ("too long", 6, "too l~"), ("xy", 1, "~"), ("xy", 0, ""), ("xy", -3, "")],
)
def test_fit(text: str, width: int, fitted: str) -> None:
    assert words.fit(text, width, ASCII) == fitted


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本~"),
        ("日本語", 4, "日~"),
        ("a日本", 3, "a~"),
        ("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"),
        ("\x1b[2Jgone", 20, "?[2Jgone"),
        ("\u202eright to left", 20, "right to left"),
        ("two\nlines\tand", 20, "two lines and"),
        ("half \ud800 pair", 20, "half ? pair"),
    ],
)
def test_fit_counts_cells_and_lets_no_command_through(text: str, width: int, fitted: str) -> None:
    assert words.fit(text, width, ASCII) == fitted
    assert words.cells(words.pad(text, width)) == width


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "é",
        "日本",
        "\uff46\uff55ll",
        "한국",
        "e\u0301",
        "👩\u200d👩\u200d👧",
        "❤\ufe0f",
        "🇩🇪",
        "👍🏽",
        "a\u00a0b",
        "\u200b",
        "…━",
    ],
)
def test_cells_are_what_the_screen_counts(text: str) -> None:
    assert words.cells(words.clean(text)) == cell_len(words.clean(text))


def test_sparkline_shows_the_newest_values_and_gaps() -> None:
    line = words.sparkline([9, 0, 1, 2, None, 99], 5, 2.0, UNICODE)
    assert words.plain(line) == "▁▄█✕█"
    assert line[3] == Span("✕", "bad")
    assert words.plain(words.sparkline([1.0, None], 4, 0.0, ASCII)) == "_x"
    assert words.sparkline([1.0], 0, 1.0) == ()


def test_clock_of_no_time() -> None:
    assert words.clock(1e30) == "--:--:--"
