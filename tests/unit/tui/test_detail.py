"""Detail: what a Service is, who announces it and who is next, the five questions, and what happened to it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakes import tui_source as fake
from pylb.core.explanation.findings import Mark, Question
from pylb.core.history import Entry
from pylb.tui import words
from pylb.tui.pages import detail
from pylb.tui.pages.look import Look
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.words import Line

KEY, ADDRESS = "home/homeassistant", "192.168.1.241"


def look(*moves: Entry, size: tuple[int, int] = (120, 40)) -> Look:
    state = fold_all(State(), fake.homelab())
    return Look(replace(state, moves=moves) if moves else state, fake.NOW, *size, words.UNICODE)


def text(lines: tuple[Line, ...]) -> str:
    return "\n".join(words.plain(line) for line in lines)


def test_what_it_is() -> None:
    told = text(detail.about(look(), KEY, 200))
    assert ADDRESS in told
    assert "spec.loadBalancerIP (pinned)" in told
    assert "default" in told
    assert text(detail.about(look(), "home/gone", 80)) == "this Service is not there any more"


def test_a_long_state_is_told_whole_where_two_panels_stand_side_by_side() -> None:
    wide, narrow = (detail.about(look(size=size), "media/jellyfin-b", 44) for size in ((100, 30), (80, 24)))
    whole = " ".join(words.plain(line)[detail.NAME_WIDTH + 1 :].strip() for line in wide)
    assert fake.CLASH in whole
    assert fake.CLASH not in text(narrow)
    assert all(words.cells(words.plain(line)) <= 44 for line in wide)


def test_who_announces_it_who_is_next_and_who_may_not() -> None:
    told = text(detail.announced(look(), KEY, 200))
    assert "rpi2 since" in told
    assert "rpi1, then rpi3" in told
    assert "rpi4: the node's speaker is not heard" in told
    assert text(detail.announced(look(), "web/blog", 80)) == "no address, so nothing is announced"


def test_each_question_stands_above_its_checks_with_the_worst_of_them() -> None:
    state = fold_all(look().state, [fake.without_controller()])
    rows = detail.checks(Look(state, fake.NOW, 120, 40, words.UNICODE), "web/blog")
    lines = text(detail.answers(rows, 100, words.UNICODE)).splitlines()
    assert lines[0] == f"{Question.ALLOCATED.text} FAIL"
    assert [line for line in lines if not line.startswith(" ")] == [
        f"{question.text} {max((row.mark for row in rows if row.question is question), key=list(Mark).index).value}"
        for question in Question
        if any(row.question is question for row in rows)
    ]
    numbered = [line for line in lines if line[:2].strip().isdigit()]
    assert len(numbered) == len(rows)


@pytest.mark.parametrize(("key", "why"), [("media/jellyfin-b", "sharing key"), ("web/blog", 'unknown pool "web"')])
def test_why_a_service_of_the_homelab_waits_is_what_the_checks_find(key: str, why: str) -> None:
    allocated = [row for row in detail.checks(look(), key) if row.question is Question.ALLOCATED]
    assert why in detail.rows_of(look(), key)[0].why
    assert next(row.mark for row in allocated if row.mark is not Mark.PASS) is Mark.FAIL
    assert not any("nothing stands against" in row.text for row in allocated)


def test_its_own_moves_alone_newest_first() -> None:
    moves = (
        Entry(fake.NOW - 90, ADDRESS, (KEY,), "rpi1", "rpi2", "node_gone", 1, 380.0, 400.0),
        Entry(fake.NOW - 60, "192.168.1.240", ("ingress/nginx",), "rpi1", "rpi3", "drained"),
        Entry(fake.NOW - 30, ADDRESS, (KEY,), "rpi2", "rpi1", "drained"),
    )
    told = text(detail.history(look(*moves), KEY, 200)).splitlines()
    assert [line.partition("  ")[2] for line in told] == [
        "rpi1 took it from rpi2: drained",
        "rpi1 gave its last sign 380 ms before rpi2 decided, and 400 ms before it was announced there: its node is gone",
    ]
    assert "has not moved" in text(detail.history(look(*moves), "web/blog", 80))


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (99, 30), (100, 30), (200, 50)])
def test_every_line_fits(size: tuple[int, int]) -> None:
    seen = look(size=size)
    width = size[0] - 5
    first, second = detail.top(seen, KEY, width)
    half = width // 2 - 3 if second else width
    assert bool(second) is (size[0] >= 100)
    for lines, room in ((first, half), (second, half), (detail.history(seen, KEY, width), width)):
        assert all(len(words.plain(line)) <= room for line in lines)
    assert all(len(words.plain(line)) <= width for line in detail.answers(detail.checks(seen, KEY), width, seen.glyphs))


def test_all_of_it_can_be_copied() -> None:
    copied = json.loads(json.dumps(detail.record(look(), KEY)))
    assert copied["service"] == KEY
    assert copied["addresses"][0]["address"] == ADDRESS
    assert {check["question"] for check in copied["checks"]} == {question.value for question in Question}
