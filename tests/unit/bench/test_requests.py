"""What the failover and service figures reckon from rows of requests and moments."""

from __future__ import annotations

import json
import math
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

# By its path: with the repository's root on sys.path, `import tui` would work by accident.
SPEC = spec_from_file_location("bench_requests", Path(__file__).parents[3] / "bench" / "_requests.py")
assert SPEC is not None
assert SPEC.loader is not None
requests = module_from_spec(SPEC)
sys.modules[SPEC.name] = requests  # dataclasses look their module up
SPEC.loader.exec_module(requests)


def row(text: str, start: float = 100.0, step: float = 1.0) -> list[object]:
    """A request a second from 100 s on: `.` answered in 10 ms, `x` given up after 250 ms."""
    return [
        requests.Request(start + number * step, 10.0 if mark == "." else 250.0, mark == ".")
        for number, mark in enumerate(text)
    ]


def test_reads_what_a_probe_tells_in_the_order_of_the_beginnings() -> None:
    lines = [
        json.dumps({"kind": "request", "at": 2.0, "ms": 1.5, "ok": True, "text": "pod"}),
        json.dumps({"kind": "state", "at": 2.0, "ok": True, "text": "pod"}),
        json.dumps({"kind": "request", "at": 1.0, "ms": 250.0, "ok": False, "text": "TimeoutError"}),
        "[1]\n",
        '{"kind": "requ',
    ]
    found = requests.read(lines)
    assert [(one.at, one.ok, one.text) for one in found] == [(1.0, False, "TimeoutError"), (2.0, True, "pod")]
    assert [one.ended for one in found] == [1.25, 2.0015]


@pytest.mark.parametrize(
    ("text", "share"),
    [("....", 0.0), ("x...", 25.0), ("xxxx", 100.0), ("x.x", pytest.approx(66.667, abs=0.001))],
)
def test_share_of_failed_requests(text: str, share: float) -> None:
    assert requests.share_failed(row(text)) == share


def test_no_request_is_no_share() -> None:
    assert math.isnan(requests.share_failed([]))


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [(100.0, 103.0, 3), (100.5, 103.0, 2), (101.0, math.inf, 3), (200.0, math.inf, 0)],
)
def test_a_span_holds_its_beginning_and_not_its_end(since: float, until: float, count: int) -> None:
    assert len(requests.begun(row("...."), since, until)) == count


@pytest.mark.parametrize(
    ("text", "since", "answer"),
    [
        ("..xx..", 102.0, 104.01),  # not the answers before it
        ("..xx..", 101.5, 104.01),
        ("..xx..", 101.0, 101.01),
        ("..xx", 101.5, None),
        ("", 0.0, None),
    ],
)
def test_first_answer_is_to_a_request_that_began_after_the_fault(text: str, since: float, answer: float | None) -> None:
    assert requests.first_answer(row(text), since) == answer


def test_an_answer_to_what_was_under_way_at_the_fault_is_none() -> None:
    under_way = requests.Request(1.0, 200.0, True)
    assert requests.first_answer([under_way], 1.1) is None


def test_first_answer_may_overtake_an_earlier_request() -> None:
    slow, quick = requests.Request(1.0, 200.0, True), requests.Request(1.02, 3.0, True)
    assert requests.first_answer([slow, quick], 1.0) == pytest.approx(1.023)


@pytest.mark.parametrize(
    ("moments", "silence"),
    [
        ([], 10.0),
        ([3.0], 7.0),
        ([2.0, 7.0, 9.0], 5.0),
        ([9.0, 2.0, 7.0], 5.0),
        ([-5.0, 5.0, 50.0], 5.0),  # what lies outside counts for nothing
    ],
)
def test_longest_silence_includes_both_ends(moments: list[float], silence: float) -> None:
    assert requests.longest_silence(moments, 0.0, 10.0) == silence


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 5.0), (0.9, 9.0), (0.91, 10.0), (0.99, 10.0), (1.0, 10.0)]
)
def test_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert requests.percentile([float(one) for one in range(10, 0, -1)], share) == value


def test_percentile_of_nothing() -> None:
    assert math.isnan(requests.percentile([], 0.5))
