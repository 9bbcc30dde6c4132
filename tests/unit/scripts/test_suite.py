"""How the runs of all interpreters are counted: nothing that broke may look like nothing that failed."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from fakes.scripted import script

suite = script("suite")

PASSED = "<testcase name='a'/>"
FAILED = "<testcase name='b'><failure message='no'/></testcase>"
BROKEN = "<testcase name='c'><error message='no fixture'/></testcase>"
SKIPPED = "<testcase name='d'><skipped message='no kubectl'>tests/x.py:3: no kubectl</skipped></testcase>"


@pytest.mark.parametrize(
    ("cases", "rc", "counts"),
    [
        (PASSED + PASSED, 0, (2, 0, 0)),
        (PASSED + FAILED + SKIPPED, 1, (1, 1, 1)),
        (PASSED + BROKEN, 1, (1, 1, 0)),
        (PASSED, 2, (1, 1, 0)),  # interrupted, or killed: the file says nothing of it
        ("", 5, (0, 1, 0)),  # no test was collected
    ],
)
def test_counts_of_a_run(tmp_path: Path, cases: str, rc: int, counts: tuple[int, int, int]) -> None:
    junit = tmp_path / "run.xml"
    junit.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    outcome = suite.read_junit("run", junit, rc)
    assert (outcome.passed, outcome.failed, outcome.skips.total()) == counts


@pytest.mark.parametrize("content", [None, "", "<testsuites>"])
def test_a_run_that_left_no_file_failed(tmp_path: Path, content: str | None) -> None:
    junit = tmp_path / "run.xml"
    if content is not None:
        junit.write_text(content)
    assert suite.read_junit("run", junit, 0).failed == 1


def test_closing_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One plain last line over all interpreters; what was skipped and what is not there is named."""
    outcomes = [
        suite.Outcome("make check"),
        suite.Outcome("3.11: unit", 10, 0, Counter({"no kubectl": 2})),
        suite.Outcome("3.12: unit", 9, 1, Counter({"no kubectl": 1})),
    ]
    assert suite.sum_up(outcomes, ["3.11", "3.12"], ["3.10"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == [
        "Python 3.11, 3.12; not on this machine: 3.10",
        "skipped 3: no kubectl",
        "FAILED 3.12: unit",
        "19 passed, 1 failed, 3 skipped",
    ]


def test_all_well_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.sum_up([suite.Outcome("3.11: unit", 10)], ["3.11"], []) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "10 passed, 0 failed, 0 skipped"


def test_an_interpreter_must_really_run(tmp_path: Path) -> None:
    """A shim on PATH may exist and fail."""
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert suite.probe(str(shim)) == ""
    assert suite.probe(str(tmp_path / "absent")) == ""
    assert suite.probe(sys.executable) == f"3.{sys.version_info.minor}"


def test_interpreters_are_found_in_pyenv_and_the_rest_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tmp_path / "versions" / "3.12.1" / "bin" / "python3.12"
    real.parent.mkdir(parents=True)
    real.write_text("#!/bin/sh\necho 3.12\n")
    real.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    found, absent = suite.find_interpreters("3.11")
    assert found == [suite.Interpreter("3.12", str(real))]
    assert absent == ["3.10", "3.13"]


def stage_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cases: str, *failed: int) -> list[tuple[str, ...]]:
    """What is run, one after another, where so many fail each time, the first time these cases."""
    (tmp_path / "3.11-cluster.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    ran: list[tuple[str, ...]] = []

    def run_layers(version: str, python: str, layers: tuple[str, ...], *options: str, **environment: str) -> object:
        ran.append(layers)
        return suite.Outcome("run", passed=1, failed=failed[len(ran) - 1])

    monkeypatch.setattr(suite, "RESULTS", tmp_path)
    monkeypatch.setattr(suite, "run_layers", run_layers)
    return ran


ONE = "<testcase classname='tests.cluster.test_one' name='a[x]'><failure message='no'/></testcase>"
TWO = ONE.replace("failure", "error").replace("a[x]", "b")


@pytest.mark.parametrize("again", [0, 1])
def test_a_file_that_failed_beside_others_runs_again_and_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], again: int
) -> None:
    ran = stage_runs(monkeypatch, tmp_path, PASSED + ONE + TWO, 2, again)
    outcome = suite.run_twice("3.11", "python", ("cluster",), (), ())
    assert ran == [("cluster",), ("cluster/test_one.py",)]
    assert outcome.failed == again
    assert capsys.readouterr().out.count("UNSTEADY cluster/test_one.py::") == (0 if again else 2)


@pytest.mark.parametrize("cases", ["", "".join(ONE.replace("one", f"n{i}") for i in range(5))])
def test_a_run_that_broke_or_failed_everywhere_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cases: str
) -> None:
    ran = stage_runs(monkeypatch, tmp_path, cases, 5)
    assert suite.run_twice("3.11", "python", ("cluster",), (), ()).failed == 5
    assert ran == [("cluster",)]
