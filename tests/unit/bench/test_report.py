"""A figure's verdict, line and JSON."""

from __future__ import annotations

import json
import math
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

# By its path: with the repository's root on sys.path, `import tui` would work by accident.
SPEC = spec_from_file_location("bench_report", Path(__file__).parents[3] / "bench" / "report.py")
assert SPEC is not None
assert SPEC.loader is not None
report = module_from_spec(SPEC)
sys.modules[SPEC.name] = report  # dataclasses look their module up
SPEC.loader.exec_module(report)


@pytest.mark.parametrize(
    ("value", "target", "at_least", "verdict"),
    [
        (59.9, 60, False, "PASS"),
        (60, 60, False, "PASS"),
        (60.1, 60, False, "MISS"),
        (99.0, 99.9, True, "MISS"),
        (99.9, 99.9, True, "PASS"),
        (1e9, None, False, "PASS"),  # told for the record
        (math.nan, 60, False, "MISS"),
        (math.nan, None, False, "MISS"),
    ],
)
def test_verdict(value: float, target: float | None, at_least: bool, verdict: str) -> None:
    assert report.Figure("f", value, "ms", target, at_least=at_least).verdict == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (9.994, "9.99"), (52.14, "52.1"), (-52.14, "-52.1"), (410.4, "410"), (math.nan, "none")],
)
def test_number(value: float, text: str) -> None:
    assert report.number(value) == text


def test_line_says_all_that_is_known() -> None:
    kernel = report.Reference("kernel", 36.0)
    figure = report.median_of("arp answered, median", [52.1, 410.0, 50.0], "us", 90, kernel, note="3 lost")
    expected = "PASS arp answered, median 52.1 us, target <= 90.0, n 3, worst 410, kernel 36.0, 3 lost"
    assert report.line(figure) == expected


def test_line_without_target_reference_and_worst() -> None:
    assert report.line(report.Figure("rss", 31.5, "MiB", None)) == "PASS rss 31.5 MiB, n 1"


@pytest.mark.parametrize("statistic", ["median_of", "worst_of"])
def test_no_sample_is_a_miss(statistic: str) -> None:
    """Nothing measured must not look like a zero."""
    figure = getattr(report, statistic)("f", [], "ms", 60)
    assert report.line(figure) == "MISS f none ms, target <= 60.0, n 0, no sample"


def test_worst_of_is_held_against_the_target() -> None:
    figure = report.worst_of("first answer, worst", [400, 901, 500], "ms", 900)
    assert (figure.verdict, figure.value, figure.worst, figure.n) == ("MISS", 901, 901, 3)


def test_document_is_json_and_has_the_verdicts() -> None:
    figures = [
        report.Figure("a", 1.0, "ms", 2, reference=report.Reference("kernel", 0.5)),
        report.Figure("b", math.nan, "", 1),
    ]
    held = json.loads(
        json.dumps(report.document("arp", "2026-01-01T00:00:00+00:00", {"cores": 4}, figures), allow_nan=False)
    )
    assert held["machine"] == {"cores": 4}
    assert [(f["value"], f["verdict"]) for f in held["figures"]] == [(1.0, "PASS"), (None, "MISS")]
    assert held["figures"][0]["reference"] == {"name": "kernel", "value": 0.5}


def test_closing_counts() -> None:
    assert report.closing([report.Figure("a", 1, "", 2), report.Figure("b", 3, "", 2)]) == "1 PASS, 1 MISS"
