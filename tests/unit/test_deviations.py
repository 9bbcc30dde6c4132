"""The table of what pylb says otherwise than MetalLB: every observed case is played, every row is needed and justified."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from fakes import deviations, observed, replays
from fakes.deviations import Row

ADR = Path(__file__).parents[2] / "docs" / "adr" / "0008-what-we-say-otherwise-than-metallb.md"


def changes(row: Row, case: str) -> bool:
    """Whether a row makes a difference in a case, after those that stand before it."""
    found = observed.outcome(observed.case(case), observed.old_pod)
    for before in deviations.ROWS[: deviations.ROWS.index(row)]:
        found = before.change(found) if not before.cases or case in before.cases else found
    return row.change(found) != found


@pytest.mark.parametrize("row", deviations.ROWS, ids=lambda row: row.moment)
def test_a_row_changes_something_in_each_case_that_it_names(row: Row) -> None:
    needed = [case for case in row.cases or observed.cases() if changes(row, case)]
    assert needed == list(row.cases) if row.cases else needed


@pytest.mark.parametrize("row", deviations.ROWS, ids=lambda row: row.moment)
def test_a_row_is_justified_by_the_decision_on_it(row: Row) -> None:
    moments = re.findall(r"^\| ([^|]+?) \|", ADR.read_text(), re.MULTILINE)
    assert row.moment in moments


def test_every_observed_case_is_played_once() -> None:
    written = inspect.getsource(replays)
    played = [*replays.ONES, *re.findall(r'yield "([^"]+)"', written)]
    assert sorted(played) == observed.cases()


def test_a_difference_that_no_row_names_is_told() -> None:
    found = observed.outcome(observed.case("normal"), observed.old_pod)
    other = {**found, "service/default/web/status": {"loadBalancer": {}}}
    del other["pool/p/status"]
    assert [line.partition(":")[0] for line in observed.differences(found, other)] == [
        "pool/p/status",
        "service/default/web/status",
    ]


def test_an_event_may_be_told_less_often_than_it_was_and_not_more_often() -> None:
    rare = {"event/x": {"type": "Normal", observed.TIMES: 1}}
    often = {"event/x": {"type": "Normal", observed.TIMES: 2}}
    assert observed.differences(often, rare) == []
    assert len(observed.differences(rare, often)) == 1
