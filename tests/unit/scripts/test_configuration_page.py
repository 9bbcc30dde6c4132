"""docs/configuration.md says what the tables and the loader say: it is current, complete, and names no text that is not told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fakes.scripted import script
from pylb.core.config.loader import KINDS
from pylb.core.crds import table as crds

ROOT = Path(__file__).parents[3]
page = script("configuration")

TEXT = page.DOCUMENT.read_text(encoding="utf-8")
FOLDERS = ("src", "controller", "speaker", "addon", "tui")
OURS = {"claims", "renewed", "since", "term", "key"}  # written and read by the daemons alone
ELSEWHERE = {
    "taken-over",
    "lab-process",
    "drain",
}  # a label of no node; a mark of the lab's pods; of nodes, in the table
WORDS = 12  # characters of a quoted text that have to stand in the source as they are


def source() -> str:
    """The rooms that decide, without what divides a text that is written on several lines."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src/pylb/core").rglob("*.py")))
    return re.sub(r"""["']\s*\n\s*f?["']""", "", text)


def test_the_page_is_current() -> None:
    """`.venv/bin/python scripts/configuration.py` writes it."""
    assert page.page() == TEXT


def test_another_default_is_another_page(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = crds.resource("IPAddressPool")
    changed.versions[0].spec["properties"]["autoAssign"]["default"] = False
    real = crds.resource
    monkeypatch.setattr(page, "resource", lambda kind: changed if kind == "IPAddressPool" else real(kind))
    assert page.page() != TEXT


def test_every_kind_says_what_is_refused() -> None:
    assert [name for name, _ in page._sections(page.REJECTS.read_text(encoding="utf-8"))] == list(KINDS.values())


def quoted() -> list[str]:
    """The longest part of each text of scripts/rejects.md that is no placeholder."""
    found = re.findall(r"`([^`]+)`", page.REJECTS.read_text(encoding="utf-8"))
    parts = (max(re.split(r'["\s:]*…["\s:]*', text), key=len) for text in found)
    return sorted({part for part in parts if len(part) >= WORDS})


@pytest.mark.parametrize("text", quoted())
def test_what_is_quoted_is_what_is_told(text: str) -> None:
    assert text in source()


def test_every_annotation_of_our_own_is_on_the_page() -> None:
    texts = (path.read_text(encoding="utf-8") for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    used = {name for text in texts for name in re.findall(r'"pylb\.io/([a-z-]+)"', text)}
    assert used - OURS - ELSEWHERE <= set(re.findall(r"`pylb\.io/([a-z-]+)`", TEXT))
