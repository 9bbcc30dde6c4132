"""What a row of requests says about outages."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.lab.tally import Result, Tally, percentile


def told(pattern: str, order: list[int] | None = None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What is told of requests 20 ms apart: `+` was answered, `-` was not."""
    tally, lines = Tally(), []
    for number in order or range(len(pattern)):
        ok = pattern[number] == "+"
        lines += tally.add(Result(number, 100 + number * 0.02, 1.5, ok, "p1" if ok else "TimeoutError"))
    return lines, tally.summary()


@pytest.mark.parametrize(
    ("pattern", "outages"),
    [
        ("++++", []),
        ("++--+", [60.0]),
        ("+-+-+", [40.0, 40.0]),
        ("--++", []),  # it had not answered before: that is no outage
        ("", []),
    ],
)
def test_an_outage_runs_from_the_last_good_to_the_first_good(pattern: str, outages: list[float]) -> None:
    lines, summary = told(pattern)
    assert [line["ms"] for line in lines if line["kind"] == "outage"] == pytest.approx(outages)
    assert [one["ms"] for one in summary["outages"]] == pytest.approx(outages)
    assert summary["failed"] == pattern.count("-")
    assert summary["sent"] == len(pattern)


def test_an_outage_that_lasts_has_no_end() -> None:
    _, summary = told("++---")
    (one,) = summary["outages"]
    assert (one["from"], one["to"], one["ms"], one["failed"]) == (pytest.approx(100.02), None, None, 3)


def test_results_in_any_order_tell_the_same() -> None:
    order = [0, 3, 1, 4, 2]
    assert told("+--++", order) == told("+--++")
    assert told("+-+", [2, 1])[0] == [], "nothing is told before it is known what came before"


def test_states_are_told_when_they_change() -> None:
    lines, _ = told("--++-")
    assert [line["ok"] for line in lines if line["kind"] == "state"] == [False, True, False]


def test_answers_and_errors_are_counted() -> None:
    _, summary = told("++-")
    assert summary["answers"] == {"p1": 2}
    assert summary["errors"] == {"TimeoutError": 1}
    assert summary["p50_ms"] == 1.5


def test_percentiles() -> None:
    values = [float(number) for number in range(100)]
    assert (percentile(values, 0.5), percentile(values, 0.99)) == (50.0, 99.0)
    assert percentile([], 0.5) is None
