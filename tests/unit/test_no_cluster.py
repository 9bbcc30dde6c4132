"""What every command ends with where there is no cluster to talk to: 2 for what was typed, 3 for what is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pylb.cli import main
from pylb.kube import credentials

COMMANDS = pytest.mark.parametrize("command", ["tui", "history", "doctor", "controller", "speaker"])
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on a machine that has no kubeconfig in the usual places."""
    monkeypatch.setattr(credentials, "_FIXES", {})
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "key").write_text("long enough")

    def invoke(command: str, *words: str) -> tuple[int, str]:
        more = ("--node", "n1", "--key-file", str(tmp_path / "key")) if command == "speaker" else ()
        result = CliRunner().invoke(main, [command, *more, *words])
        return result.exit_code, result.output + capfd.readouterr().err

    return invoke


@COMMANDS
def test_a_kubeconfig_that_was_named_and_is_not_there_is_wrong_input(command: str, run: Run, tmp_path: Path) -> None:
    code, told = run(command, "--kubeconfig", str(tmp_path / "none"))
    assert (code, f"the kubeconfig {tmp_path / 'none'} does not exist" in told) == (2, True)


@COMMANDS
def test_one_that_the_environment_names_is_so_too(
    command: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    code, told = run(command)
    assert (code, "unset KUBECONFIG" in told) == (2, True)


@COMMANDS
def test_one_that_is_broken_is_so_too(command: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("[")
    code, told = run(command, "--kubeconfig", str(tmp_path / "broken"))
    assert (code, "is no kubeconfig" in told) == (2, True)


@COMMANDS
def test_none_anywhere_is_no_cluster(command: str, run: Run) -> None:
    code, told = run(command)
    assert (code, "no cluster found: looked for" in told) == (3, True)
    assert "Traceback" not in told
