"""What the command says where a package that one of its parts needs is missing, found out early or late."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from pylb import cli

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def say(monkeypatch: pytest.MonkeyPatch, missing: str, *, late: bool = True) -> tuple[int, str]:
    """Run `pylb tui` where this module is missing: as its command is imported, or once that runs."""

    @click.command()
    def command() -> None:
        raise ModuleNotFoundError(name=missing)

    class Module(ModuleType):
        def __getattr__(self, name: str) -> object:
            if late:
                return command
            raise ModuleNotFoundError(name=missing)

    monkeypatch.setitem(sys.modules, "the_part", Module("the_part"))
    monkeypatch.setitem(cli.COMMANDS, "tui", ("the_part:command", ""))
    result = CliRunner().invoke(cli.main, ["tui"])
    return result.exit_code, result.output


@pytest.mark.parametrize("late", [True, False])
def test_pip_users_are_told_what_to_type(monkeypatch: pytest.MonkeyPatch, late: bool) -> None:
    monkeypatch.delenv("SNAP", raising=False)
    code, told = say(monkeypatch, "textual.app", late=late)
    assert code == 1
    assert told == f"Error: textual is not installed; try: {sys.executable} -m pip install 'pylb[tui]'\n"


def test_a_snap_brings_all_and_has_no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAP", "/snap/pylb/1")
    code, told = say(monkeypatch, "textual")
    assert (code, "pip" in told, "this snap" in told) == (1, False, True)


def test_the_image_has_the_daemons_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert say(monkeypatch, "pylb.tui") == (1, "Error: tui is no part of this installation of pylb\n")


def test_a_mistake_of_ours_is_no_advice_to_users(monkeypatch: pytest.MonkeyPatch) -> None:
    code, told = say(monkeypatch, "nonsense")
    assert (code, told) == (1, ""), "a traceback, which is click's to print"


def test_each_extra_that_is_named_exists_and_brings_its_package() -> None:
    lines = PROJECT.read_text().splitlines()
    for package, extra in cli.PARTS.items():
        assert [line for line in lines if line.startswith(f'{extra} = ["{package}')], f"{extra} brings no {package}"
