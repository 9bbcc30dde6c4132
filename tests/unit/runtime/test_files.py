"""A file is there whole, for its owner alone, or as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylb.runtime import files


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "\ud800")
    assert path.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    files.write(tmp_path / "out", "a")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
