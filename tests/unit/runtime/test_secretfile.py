"""A secret whose file is replaced as the kubelet does it, or badly."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pylb.runtime.secretfile import MAX_BYTES, SecretFile


def mounted(folder: Path, version: str, content: bytes) -> Path:
    """Write a version of a Secret as the kubelet does: a folder of its own, and a link that is renamed to point there."""
    (folder / version).mkdir()
    (folder / version / "key").write_bytes(content)
    (folder / "..data.new").symlink_to(version)
    (folder / "..data.new").rename(folder / "..data")
    if not (folder / "key").is_symlink():
        (folder / "key").symlink_to("..data/key")
    return folder / "key"


def test_a_secret_that_the_kubelet_replaces_is_read_again(tmp_path: Path) -> None:
    file = SecretFile(str(mounted(tmp_path, "1", b"first\n")), b"first")
    assert file.look() == b"first"
    mounted(tmp_path, "2", b" second\n")
    assert [file.look(), file.look()] == [b"second", b"second"]


def test_what_changed_before_the_first_look_is_found(tmp_path: Path) -> None:
    assert SecretFile(str(mounted(tmp_path, "1", b"newer")), b"older").look() == b"newer"


def test_a_file_that_did_not_change_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SecretFile(str(mounted(tmp_path, "1", b"first")), b"first")
    file.look()
    monkeypatch.setattr(SecretFile, "_take", lambda self: pytest.fail("it was read"))
    assert file.look() == b"first"


@pytest.mark.parametrize("bad", [b"", b" \n", b"short"])
def test_a_bad_secret_changes_nothing_and_is_told_once(
    tmp_path: Path, bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = mounted(tmp_path, "1", b"long enough")
    file = SecretFile(str(path), b"long enough", shortest=8)
    file.look()
    mounted(tmp_path, "2", bad)
    with caplog.at_level(logging.WARNING):
        assert [file.look(), file.look()] == [b"long enough"] * 2
    assert [one.message for one in caplog.records] == ["a secret is too short"]
    mounted(tmp_path, "3", b"good again")
    assert file.look() == b"good again"


def test_a_file_that_is_gone_changes_nothing_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = mounted(tmp_path, "1", b"long enough")
    file = SecretFile(str(path), b"long enough")
    file.look()
    path.unlink()
    with caplog.at_level(logging.WARNING):
        assert [file.look(), file.look()] == [b"long enough"] * 2
    assert [one.message for one in caplog.records] == ["a secret cannot be read"]
    path.write_bytes(b"another")
    assert file.look() == b"another"


def test_a_file_without_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"x" * (MAX_BYTES + 9))
    assert len(SecretFile(str(path), b"first").look()) == MAX_BYTES
