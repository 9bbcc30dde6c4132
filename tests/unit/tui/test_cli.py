"""`pylb tui`: when there is a screen, what is said when there is no cluster, and what is not imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pylb.tui import cli

PURE = ("facts", "state", "store", "holders", "rows", "gauges", "news", "summary", "words", "filters", "columns")


@pytest.mark.parametrize(
    ("term", "is_terminal", "why"),
    [
        ("xterm-256color", True, ""),
        ("linux", True, ""),
        ("dumb", True, "the terminal cannot place text (TERM='dumb')"),
        ("", True, "the terminal cannot place text (TERM='')"),
        ("xterm", False, "this is no terminal"),
    ],
)
def test_screenless(term: str, is_terminal: bool, why: str) -> None:
    assert cli.screenless({"TERM": term}, is_terminal) == why


@pytest.mark.parametrize(
    ("environ", "utf8"),
    [
        ({}, True),
        ({"LANG": "C"}, True),
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "de_DE.utf8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE"}, False),
        ({"LANG": "de_DE", "LC_CTYPE": "C.UTF-8"}, True),
    ],
)
def test_is_utf8(environ: dict[str, str], utf8: bool) -> None:
    assert cli.is_utf8(environ) is utf8


def test_a_kubeconfig_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.tui, ["--kubeconfig", str(tmp_path / "none")])
    assert done.exit_code == 2
    assert done.output == f"Error: the kubeconfig {tmp_path / 'none'} does not exist\n"


def test_nothing_heavy_before_the_first_paint() -> None:
    """The pure part needs no Textual, no asyncio, no YAML; the whole app no Kubernetes package."""
    _assert_not_loaded([f"pylb.tui.{name}" for name in PURE], ("textual", "rich", "asyncio", "yaml", "kubernetes"))
    _assert_not_loaded(["pylb.tui.app", "pylb.tui.source"], ("kubernetes", "yaml", "urllib3"))


def _assert_not_loaded(modules: list[str], heavy: tuple[str, ...]) -> None:
    code = f"import sys, {', '.join(modules)}; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
