"""Checks in few lines, for terminals of 24: what is wrong, and what helps, is on the screen without scrolling."""

from __future__ import annotations

from pylb.core.findings import Fix, Mark, Question, Row
from pylb.tui.pages import chain, detail, requests
from pylb.tui.words import ASCII, plain, wide

WIDTH = 76
FIX = Fix("ask for another", "kubectl annotate")
WELL = [Row(Question.ALLOCATED, name, Mark.PASS, f"{name} is well") for name in ("class", "address", "configuration")]
BAD = Row(Question.ALLOCATED, "pool", Mark.FAIL, "no pool holds it " * 9, (FIX,))
HINT = Row(Question.ELECTED, "line", Mark.HINT, "n1, then n2", (FIX,))


def test_what_is_well_stands_in_one_line_beside_what_is_not() -> None:
    lines = chain.brief([WELL[0], BAD, *WELL[1:]], WIDTH, ASCII)
    assert [plain(line)[:25] for line in lines] == ["   PASS    class, address", " 2 FAIL    pool          "]
    assert all(wide(line) <= WIDTH for line in lines)


def test_where_all_is_well_each_check_has_its_line() -> None:
    assert chain.brief([*WELL, HINT], WIDTH, ASCII) == chain.lines([*WELL, HINT], WIDTH, ASCII)


def test_where_nothing_is_well_there_is_no_line_of_it() -> None:
    assert len(chain.brief([BAD], WIDTH, ASCII)) == 1


def test_each_question_is_answered_in_one_line() -> None:
    lines = [plain(line) for line in detail.summed([*WELL, HINT], WIDTH, ASCII)]
    assert len(lines) == 2
    assert lines[0].startswith(Question.ALLOCATED.text)
    assert lines[0].endswith("PASS    address is well")
    assert "HINT    n1, then n2" in lines[1]
    (bad,) = detail.summed([WELL[0], BAD], WIDTH, ASCII)
    assert "FAIL    no pool holds it" in plain(bad)
    assert wide(bad) <= WIDTH


def test_what_helps_is_told_once() -> None:
    assert requests.fixes([BAD, HINT]) == (FIX,)
