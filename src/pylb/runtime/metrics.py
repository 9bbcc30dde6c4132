"""Counters, gauges and histograms, in Prometheus' text format 0.0.4. What they count is the caller's.

Our own hundred lines, since prometheus_client is 3 MiB of RSS for what is used of it here.
"""

from __future__ import annotations

import math
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pylb.core.spread import Spread

SERIES_MAX = 1000  # label sets of one metric; more are left out and counted
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DROPPED = "pylb_metrics_dropped_total"
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = tuple[str, ...]


class Metric:
    """A family of series, one for each set of label values."""

    kind = "untyped"

    def __init__(self, name: str, text: str, labels: Labels) -> None:
        if not all(map(_NAME.fullmatch, (name, *labels))):
            raise ValueError(f"{name}{labels} is no name for a metric")
        self.name = name
        self.text = text
        self.labels = labels
        self.dropped = 0
        self._series: dict[Labels, float] = {} if labels else {(): 0.0}

    def value(self, **labels: str) -> float:
        """The value of a series; 0 if there is none."""
        return self._series.get(self._key(labels), 0.0)

    def render(self) -> str:
        """The family in the text format."""
        lines = [f"# HELP {self.name} {_help(self.text)}", f"# TYPE {self.name} {self.kind}"]
        lines += [f"{self.name}{self._braces(key)} {_number(value)}" for key, value in sorted(self._series.items())]
        return "\n".join(lines) + "\n"

    def _key(self, labels: Mapping[str, str]) -> Labels:
        if set(labels) != set(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {tuple(labels)}")
        return tuple(str(labels[name]) for name in self.labels)

    def _put(self, key: Labels, value: float) -> None:
        if key not in self._series and len(self._series) >= SERIES_MAX:
            self.dropped += 1
        else:
            self._series[key] = value

    def _braces(self, key: Labels) -> str:
        pairs = [f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(self.labels, key, strict=True)]
        return "{" + ",".join(pairs) + "}" if pairs else ""


class Counter(Metric):
    """Only goes up; its name should end in _total."""

    kind = "counter"

    def add(self, by: float = 1.0, /, **labels: str) -> None:
        """Counts."""
        if by < 0:
            raise ValueError("a counter does not go down")
        key = self._key(labels)
        self._put(key, self._series.get(key, 0.0) + by)

    def follow(self, total: float, /, **labels: str) -> None:
        """Takes over a total that is counted elsewhere."""
        self._put(self._key(labels), total)


class Gauge(Metric):
    """Goes up and down."""

    kind = "gauge"

    def set(self, value: float, /, **labels: str) -> None:
        """Says how it stands."""
        self._put(self._key(labels), value)

    def remove(self, **labels: str) -> None:
        """The series is no more."""
        self._series.pop(self._key(labels), None)

    def clear(self) -> None:
        """No series is any more."""
        self._series.clear()


class Histogram(Metric):
    """How a quantity is spread, as somebody else counts it; without labels."""

    kind = "histogram"

    def __init__(self, name: str, text: str, spread: Spread) -> None:
        super().__init__(name, text, ())
        self.spread = spread

    def render(self) -> str:
        """The family in the text format: a bucket for each bound, sum and count."""
        count = self.spread.count
        buckets = [*((_number(bound), number) for bound, number in self.spread.at_most), ("+Inf", count)]
        lines = [f"# HELP {self.name} {_help(self.text)}", f"# TYPE {self.name} {self.kind}"]
        lines += [f'{self.name}_bucket{{le="{bound}"}} {number}' for bound, number in buckets]
        return "\n".join([*lines, f"{self.name}_sum {_number(self.spread.sum)}", f"{self.name}_count {count}\n"])


class Registry:
    """The metrics of a process. `collectors` are called before each rendering, to set what is not counted live."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}
        self.collectors: list[Callable[[], None]] = []

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """A new counter. Raises ValueError if the name is taken or is none."""
        counter = Counter(name, text, labels)
        self._add(counter)
        return counter

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """A new gauge. Raises ValueError if the name is taken or is none."""
        gauge = Gauge(name, text, labels)
        self._add(gauge)
        return gauge

    def histogram(self, name: str, text: str, spread: Spread) -> Histogram:
        """A new histogram of what `spread` counts. Raises ValueError if the name is taken or is none."""
        histogram = Histogram(name, text, spread)
        self._add(histogram)
        return histogram

    def render(self) -> str:
        """All of them in the text format."""
        for collect in self.collectors:
            collect()
        dropped = Counter(DROPPED, "Updates of series beyond the bound of their metric.", ("metric",))
        for metric in self._metrics.values():
            if metric.dropped:
                dropped.follow(metric.dropped, metric=metric.name)
        return "".join(metric.render() for metric in (*self._metrics.values(), dropped))

    def _add(self, metric: Metric) -> None:
        if metric.name in self._metrics or metric.name == DROPPED:
            raise ValueError(f"there is a metric {metric.name} already")
        self._metrics[metric.name] = metric


def add_process(registry: Registry) -> None:
    """Prometheus' own metrics of a process: CPU, memory, start."""
    cpu = registry.counter("process_cpu_seconds_total", "User and system CPU time.")
    memory = registry.gauge("process_resident_memory_bytes", "Resident memory.")
    start = registry.gauge("process_start_time_seconds", "Start of the process, Unix time.")
    start.set(time.time() - time.monotonic() + _started())

    def collect() -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu.follow(usage.ru_utime + usage.ru_stime)
        memory.set(_resident())

    registry.collectors.append(collect)


def _started() -> float:
    """When the process started, as seconds since boot; now where the system does not say."""
    try:
        ticks = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19]  # proc(5): starttime
        return float(ticks) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic()


def _resident() -> float:
    try:
        return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return float(peak if sys.platform == "darwin" else peak * 1024)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN")
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
