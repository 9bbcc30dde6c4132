"""Metrics in Prometheus' text format."""

from __future__ import annotations

import math

import pytest

from pylb.core.spread import Spread
from pylb.runtime import metrics
from pylb.runtime.metrics import Registry, add_process


def test_rendering() -> None:
    registry = Registry()
    plain = registry.counter("pylb_frames_total", "Frames,\nall of them.")
    labelled = registry.gauge("pylb_pool_addresses", "Addresses.", "pool", "kind")
    plain.add()
    plain.add(2)
    labelled.set(2.5, pool='a "b" \\ \n', kind="v4")
    labelled.set(1, pool="a", kind="v4")
    assert registry.render() == (
        "# HELP pylb_frames_total Frames,\\nall of them.\n"
        "# TYPE pylb_frames_total counter\n"
        "pylb_frames_total 3\n"
        "# HELP pylb_pool_addresses Addresses.\n"
        "# TYPE pylb_pool_addresses gauge\n"
        'pylb_pool_addresses{pool="a",kind="v4"} 1\n'
        'pylb_pool_addresses{pool="a \\"b\\" \\\\ \\n",kind="v4"} 2.5\n'
        "# HELP pylb_metrics_dropped_total Updates of series beyond the bound of their metric.\n"
        "# TYPE pylb_metrics_dropped_total counter\n"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (-1, "-1"), (True, "1"), (1e300, "1e+300"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")],
)
def test_numbers(value: float, told: str) -> None:
    registry = Registry()
    registry.gauge("a", "").set(value)
    assert f"\na {told}\n" in registry.render()


def test_series_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SERIES_MAX", 2)
    registry = Registry()
    counter = registry.counter("a_total", "", "ip")
    for number in range(5):
        counter.add(ip=str(number))
    counter.add(ip="0")
    assert counter.value(ip="0") == 2
    assert counter.value(ip="4") == 0
    assert 'pylb_metrics_dropped_total{metric="a_total"} 3\n' in registry.render()


def test_a_gauge_forgets() -> None:
    gauge = Registry().gauge("a", "", "x")
    gauge.set(1, x="1")
    gauge.set(1, x="2")
    gauge.remove(x="1")
    gauge.remove(x="never")
    assert 'x="1"' not in gauge.render()
    gauge.clear()
    assert 'x="2"' not in gauge.render()


def test_mistakes_are_told() -> None:
    registry = Registry()
    counter = registry.counter("a_total", "", "x")
    with pytest.raises(ValueError, match="already"):
        registry.gauge("a_total", "")
    with pytest.raises(ValueError, match="has the labels"):
        counter.add(y="1")
    with pytest.raises(ValueError, match="does not go down"):
        counter.add(-1, x="1")
    with pytest.raises(ValueError, match="no name"):
        registry.gauge("a b", "")


def test_collectors_are_asked_before_each_rendering() -> None:
    registry = Registry()
    gauge = registry.gauge("a", "")
    calls: list[int] = []
    registry.collectors.append(lambda: (calls.append(1), gauge.set(len(calls)))[1])
    registry.render()
    assert "\na 2\n" in registry.render()


def test_the_process() -> None:
    registry = Registry()
    add_process(registry)
    lines = registry.render().splitlines()
    values = {line.split()[0]: float(line.split()[1]) for line in lines if not line.startswith("#")}
    assert values["process_cpu_seconds_total"] > 0
    assert 5e6 < values["process_resident_memory_bytes"] < 5e9
    assert values["process_start_time_seconds"] > 1.6e9


def test_a_histogram_tells_how_many_were_at_most_each_bound() -> None:
    registry, spread = Registry(), Spread((0.5, 1.0))
    registry.histogram("took_seconds", "How long.", spread)
    for value in (0.1, 0.5, 0.7, 3.0):
        spread.add(value)
    assert registry.render().startswith(
        "# HELP took_seconds How long.\n# TYPE took_seconds histogram\n"
        'took_seconds_bucket{le="0.5"} 2\ntook_seconds_bucket{le="1"} 3\ntook_seconds_bucket{le="+Inf"} 4\n'
        "took_seconds_sum 4.3\ntook_seconds_count 4\n"
    )
