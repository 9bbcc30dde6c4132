"""Exports: what is shown goes to a file that the user names, or it is told why not."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from fakes.tui_stage import stage
from pylb.tui import outgoing


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No colour setting of whoever runs the tests, and files only where they may be."""
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


async def test_exports_write_what_is_shown_and_say_where(tmp_path: Path) -> None:
    async with stage() as on:
        await on.pilot.press("slash", *"ns:dns", "enter", "e")
        await on.shows("Write 2 rows to which file?", "pylb-services-20261120-140322.csv")
        await on.pilot.press("enter")
        await on.shows("wrote 2 rows to")
        [file] = tmp_path.glob("*.csv")
        assert file.name == "pylb-services-20261120-140322.csv"
        rows = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
        assert [row["service"] for row in rows] == ["pihole-tcp", "pihole-udp"]
        await on.pilot.press("E")
        await on.shows("Write 2 rows to which file?")
        await on.pilot.press("enter")
        await on.until(lambda: bool(list(tmp_path.glob("*.json"))))
        [file] = tmp_path.glob("*.json")
        assert len(json.loads(file.read_text())) == 2


async def test_an_export_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        outgoing.export(on.app, [{"a": 1}], tmp_path / "missing" / "x.csv", "csv")
        await on.shows("not written:")
        outgoing.copy(on.app, "x" * (outgoing.MAX_COPIED + 1))
        await on.shows("too long to copy")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("nowhere/x.csv", "not written: nowhere/x.csv: No such file or directory"),
        ("there.csv", "not written: there.csv: it is there already, name another"),
        (".", "not written: .: it is there already, name another"),
        ("mine.json", "wrote 13 rows to mine.json"),
    ],
)
async def test_one_types_the_file_to_write_and_is_told_what_came_of_it(typed: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("kept")
    async with stage((120, 40)) as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("e")
        await on.shows("Write 13 rows to which file?")
        await on.pilot.press(*typed, "enter")
        await on.shows(told)
    assert (tmp_path / "there.csv").read_text() == "kept"
    if typed == "mine.json":
        assert len(json.loads((tmp_path / typed).read_text())) == 13  # the ending says how, whatever key it was


async def test_nothing_is_written_where_the_question_is_left(tmp_path: Path) -> None:
    async with stage() as on:
        await on.shows("SERVICES 13")
        await on.pilot.press("e")
        await on.shows("Write 13 rows to which file?")
        await on.pilot.press("escape")
        await on.until(lambda: len(on.app.screen_stack) == 2)
    assert list(tmp_path.iterdir()) == []


async def test_where_the_working_directory_was_deleted_another_is_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key was without any answer there."""
    gone = tmp_path / "gone"
    gone.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        async with stage() as on:
            await on.pilot.press("e")
            await on.shows("to which file?")
            await on.pilot.press("enter")
            await on.until(lambda: bool(list(home.glob("*.csv"))))
    finally:
        monkeypatch.chdir(tmp_path)
