"""Rows that became others a moment ago have a mark, by a sign and not by colour, for ten seconds."""

from __future__ import annotations

from fakes import tui_source as fake
from pylb.tui import columns, renewal, rows, words
from pylb.tui.facts import Fact
from pylb.tui.renewal import FRESH_S, SETTLED_S, Roll
from pylb.tui.state import State
from pylb.tui.store import fold_all

NOW = fake.NOW + 100.0
HOMELAB = fold_all(State(), fake.homelab())
GIVEN = fake.change("web", "blog", "192.168.1.250")
BLOG = "web/blog|192.168.1.250"


def after(*facts: Fact, at: float, before: Roll) -> Roll:
    return renewal.roll(fold_all(before.view.state, facts), at, before)


def marked(roll: Roll) -> set[str]:
    return {row.key for row in roll.rows if roll.is_fresh(row)}


def test_a_change_is_marked_and_the_mark_goes() -> None:
    roll = renewal.roll(HOMELAB, NOW)
    at = NOW + SETTLED_S
    roll = after(GIVEN, at=at, before=roll)
    assert marked(roll) == {BLOG}
    roll = after(at=at + FRESH_S - 0.1, before=roll)
    assert marked(roll) == {BLOG}
    assert marked(after(at=at + FRESH_S, before=roll)) == set()


def test_what_is_read_at_the_start_is_no_change() -> None:
    roll = renewal.roll(HOMELAB, NOW)
    assert marked(after(GIVEN, at=NOW + SETTLED_S - 0.1, before=roll)) == set()


def test_what_is_only_told_in_other_words_is_no_change() -> None:
    roll = renewal.roll(HOMELAB, NOW)
    moved = after(at=NOW + SETTLED_S + 500.0, before=roll)
    kept = {row.key: row for row in roll.rows}
    same = {row.key for row in moved.rows if (row.word, row.node) == (kept[row.key].word, kept[row.key].node)}
    assert marked(moved).isdisjoint(same)


def test_the_mark_is_a_sign_before_the_state() -> None:
    row = rows.services(HOMELAB, NOW)[0]
    for glyphs in (words.UNICODE, words.ASCII):
        layout = columns.layout(80, 76)
        plain = columns.cells(row, layout, glyphs)
        fresh = columns.cells(rows.told_at(row, NOW, fresh=True), layout, glyphs)
        assert (plain[0].text, fresh[0].text) == (f" {row.word.name}", f"{glyphs.fresh}{row.word.name}")
        assert plain[1:] == fresh[1:]
