"""docs/ownership.md says what the code does: its tables and drawings are those that the code gives now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.scripted import script
from pylb.core.ownership import claims, evidence, presence
from pylb.core.ownership.beats import State

page = script("ownership")

TEXT = page.DOCUMENT.read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    """`.venv/bin/python scripts/ownership.py` writes it."""
    assert page.fill(TEXT) == TEXT


def test_a_changed_line_of_evidence_changes_the_table_and_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = page.signs(), page.address()
    rows = tuple(replace(row, limit=7.0) if row.limit == evidence.STAND_IN else row for row in evidence.TABLE)
    monkeypatch.setattr(evidence, "TABLE", rows)
    assert (page.signs(), page.address()) == tuple(told.replace("30 s", "7 s") for told in before)
    assert page.fill(TEXT) != TEXT


def test_another_order_of_claims_changes_who_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is not a copy of the rule: it asks the rule."""
    monkeypatch.setattr(claims, "meet", lambda one, other, line, where: max(one, other, key=lambda claim: claim.term))
    assert page.fill(TEXT) != TEXT


def test_a_constant_brings_its_comment_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "LISTEN", 0.9)
    assert "after 0.9 s of listening" in page.moves()
    listens = [row for row in page.times().splitlines() if row.startswith("| `core.ownership.presence.LISTEN`")]
    assert listens == ["| `core.ownership.presence.LISTEN` | 0.9 s | that a new speaker listens before it takes part |"]


def test_the_drawing_has_each_state_of_a_speaker() -> None:
    """Each is reached by making it happen."""
    assert {after for _, _, after in page.happenings()} == {state.value for state in State}


@pytest.mark.parametrize("cut", ["<!-- causes: begin -->", "<!-- beat: end -->"])
def test_a_block_that_is_missing_is_told(cut: str) -> None:
    with pytest.raises(ValueError, match="the page has the blocks"):
        page.fill(TEXT.replace(cut, ""))
