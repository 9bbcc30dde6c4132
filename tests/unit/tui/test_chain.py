"""Checks in few lines, for terminals of 24: what is wrong, and what helps, is on the screen without scrolling."""

from __future__ import annotations

from collections.abc import Sequence

from pylb.core.explanation.findings import Fix, Mark, Question, Row
from pylb.tui.pages import chain, detail, requests
from pylb.tui.words import ASCII, Line, cells, plain, wide

WIDTH = 76
FIX = Fix("ask for another", "kubectl annotate")
WELL = [Row(Question.ALLOCATED, name, Mark.PASS, f"{name} is well") for name in ("class", "address", "configuration")]
BAD = Row(Question.ALLOCATED, "pool", Mark.FAIL, "no pool holds it " * 9, (FIX,))
HINT = Row(Question.ELECTED, "line", Mark.HINT, "n1, then n2", (FIX,))


def test_what_is_well_stands_in_one_line_beside_what_is_not() -> None:
    lines = chain.brief([WELL[0], BAD, *WELL[1:]], WIDTH, ASCII)
    assert [plain(line)[:25] for line in lines[:2]] == ["   PASS    class, address", " 2 FAIL    pool          "]
    assert told(lines).count("no pool holds it") == 9, "what went wrong is told to its end"
    assert all(wide(line) <= WIDTH for line in lines)


def test_where_all_is_well_each_check_has_its_line() -> None:
    assert chain.brief([*WELL, HINT], WIDTH, ASCII) == chain.lines([*WELL, HINT], WIDTH, ASCII)


def test_where_nothing_is_well_there_is_no_line_of_it() -> None:
    assert plain(chain.brief([BAD], WIDTH, ASCII)[0]).startswith(" 1 FAIL")


def test_each_question_is_answered_in_one_line() -> None:
    lines = [plain(line) for line in detail.summed([*WELL, HINT], WIDTH, ASCII)]
    assert len(lines) == 2
    assert lines[0].startswith(Question.ALLOCATED.text)
    assert lines[0].endswith("PASS    address is well")
    assert "HINT    n1, then n2" in lines[1]
    bad = detail.summed([WELL[0], BAD], WIDTH, ASCII)
    assert "FAIL    no pool holds it" in plain(bad[0])
    assert told(bad).count("no pool holds it") == 9
    assert all(wide(line) <= WIDTH for line in bad)


def told(lines: Sequence[Line]) -> str:
    """The lines as one text."""
    return " ".join(plain(line).strip() for line in lines)


def test_a_text_ends_after_so_many_lines() -> None:
    """253-character names and endless reasons do not push the rest off the screen."""
    for text in ("x" * 2000, "word " * 400, "\u7f51" * 300):
        parts = chain.wrapped(text, 20, 40, ASCII)
        assert len(parts) <= chain.MAX_WRAPPED
        assert all(cells(part) <= 40 for part in parts)
    assert chain.wrapped("short", 20, 40, ASCII) == ("short",)
    assert chain.wrapped("no room", 0, 0, ASCII) == ("",)


def test_a_command_is_told_whole_and_not_cut_in_a_word() -> None:
    fix = Fix("ask for another", "kubectl -n web annotate service late metallb.io/address-pool=iot --overwrite")
    lines = [plain(line) for line in requests.commands((fix,), 60, ASCII)]
    assert " ".join(line.strip() for line in lines[1:]) == fix.command
    assert all(len(line) <= 60 for line in lines)


def test_where_room_is_short_a_mere_hint_is_left_out() -> None:
    bare = Row(Question.ALLOCATED, "not pylb's", Mark.HINT, "node port 30007")
    assert "node port" not in told(chain.brief([BAD, bare], WIDTH, ASCII))
    assert "n1, then n2" in told(chain.brief([BAD, HINT], WIDTH, ASCII))


def test_what_helps_is_told_once() -> None:
    assert requests.fixes([BAD, HINT]) == (FIX,)
