"""Pages that scripts write: `--check` changes nothing, and says by its exit code whether a page is current."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fakes.scripted import script

written = script("written")


def test_a_page_is_written_and_then_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "ROOT", tmp_path)
    page = tmp_path / "page.md"

    def publish(text: str, *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["page.py", *arguments])
        return int(written.publish(page, text, "scripts/page.py"))

    assert (publish("a", "--check"), page.exists()) == (1, False)
    assert (publish("a"), publish("a", "--check"), publish("b", "--check")) == (0, 0, 1)
    assert page.read_text() == "a"


def test_a_bar_does_not_end_a_cell() -> None:
    assert written.table(("a", "b"), [("x|y", "z")]) == "| a | b |\n| --- | --- |\n| x\\|y | z |"
