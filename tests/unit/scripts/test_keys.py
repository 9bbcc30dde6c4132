"""docs/tui.md says what the screen does: its keys are those of the bindings, its words those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.scripted import script
from pylb.tui import cli, filters, keymap, memory, preferences, theme
from pylb.tui.keymap import Known
from pylb.tui.pages import palette
from pylb.tui.pages.catalogue import PAGES

ROOT = Path(__file__).parents[3]
page = script("keys")

TEXT = page.DOCUMENT.read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    """`.venv/bin/python scripts/keys.py` writes it."""
    assert page.fill(TEXT) == TEXT


def test_another_key_changes_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**keymap.known(), "app.pause": Known("app.pause", ("slash", "f9"), "hold")}
    monkeypatch.setattr(keymap, "known", lambda: known)
    assert "| everywhere | `/` `f9` | `app.pause` | hold |\n" in page.table()
    assert page.fill(TEXT) != TEXT


def test_a_page_without_a_place_for_the_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="has no <!-- keys: begin -->"):
        page.fill("# nothing\n")


@pytest.mark.parametrize(
    "word",
    [
        *(f"`{field}:`" for field in sorted(filters.FIELDS)),
        *(f"{name}:" for name in preferences.FIELDS),
        *(one.name for one in theme.OWN if one.name != theme.COLOURLESS),
        *(f"| {one.digit} {one.name} |" for one in PAGES),
        *sorted(f"`{name}`" for name in cli.POOR_TERMINALS),
        *(f":{verb}" for verb in palette.VERBS),
        *("/pylb/tui.json", "/pylb/tui.log", "/pylb/tui.yaml", "`NO_COLOR`", "`TEXTUAL_THEME`"),
    ],
)
def test_what_the_code_knows_is_told(word: str) -> None:
    assert word in TEXT


def test_the_files_are_called_so() -> None:
    assert (memory.FILE, preferences.FILE) == ("tui.json", "tui.yaml")


def test_the_readme_leads_here() -> None:
    assert "docs/tui.md" in (ROOT / "README.md").read_text(encoding="utf-8")
