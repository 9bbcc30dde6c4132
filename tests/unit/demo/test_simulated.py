"""`pylb demo --sim`: the story in memory, labelled as what it is, and what leads to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from pylb.core.ownership.keeper import Keeper
from pylb.demo.cli import demo
from pylb.demo.simulated import LABEL, rehearse
from pylb.lab.client import Lab
from pylb.lab.errors import LabError, NoNamespaces

ACTS = ["lab", "owner", "probe", "stood_in", "back", "cut", "move", "recovered", "mend"]


@pytest.mark.parametrize("nodes", range(2, 10))
def test_all_of_the_story_happens(nodes: int) -> None:
    acts = list(rehearse(nodes))
    assert [act.name for act in acts] == ACTS
    assert all(act.ok for act in acts), acts
    told = {act.name: act.figures for act in acts}
    assert told["back"]["failed"] == 0
    assert told["stood_in"]["by"] != told["owner"]["node"] == told["back"]["node"] == told["cut"]["node"]
    assert told["mend"]["owner"] == told["move"]["to"] != told["cut"]["node"]


def test_it_ends_with_the_first_act_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keeper, "_stand_in", lambda *arguments: None)
    acts = list(rehearse(3))
    assert (acts[-1].name, acts[-1].ok) == ("stood_in", False)
    assert CliRunner().invoke(demo, ["--sim"]).exit_code == 1


def test_each_line_says_that_it_is_simulated() -> None:
    done = CliRunner().invoke(demo, ["--sim"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert len(lines) == len(ACTS)
    assert all(line.startswith(LABEL) for line in lines)


def test_each_object_says_that_it_is_simulated() -> None:
    done = CliRunner().invoke(demo, ["--sim", "--json", "--nodes", "2"])
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["act"] for one in told] == ACTS
    assert all(one[LABEL] is True for one in told)


@pytest.mark.parametrize(("error", "named"), [(NoNamespaces("none here"), True), (LabError("broken"), False)])
def test_who_may_not_have_namespaces_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch, error: LabError, named: bool
) -> None:
    def start(*arguments: object, **options: object) -> Lab:
        raise error

    monkeypatch.setattr(Lab, "start", start)
    done = CliRunner().invoke(demo, ["--script"])
    assert done.exit_code == 1
    assert str(error) in done.stderr
    assert ("pylb demo --sim" in done.stderr) is named
