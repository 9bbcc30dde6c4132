"""A figure, its verdict, its line and its JSON. It measures nothing, and prints and writes nothing.

A topic is a program of this folder, `python -m bench.TOPIC`, that measures and ends with `results.publish("TOPIC", figures)`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

PASS, MISS = "PASS", "MISS"


@dataclass(frozen=True, slots=True)
class Reference:
    """The same thing measured in the same run on something else, such as the kernel; or a published number."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number beside its target: at most that, or at least that where `at_least` is set.

    `value` is the statistic that the name says (a median, a maximum, a share), of `n` samples, the worst of which is
    `worst`. Without a target it is told for the record, and passes.
    """

    name: str
    value: float
    unit: str
    target: float | None
    n: int = 1
    worst: float | None = None
    reference: Reference | None = None
    at_least: bool = False
    note: str = ""
    listed: bool = True  # in the README's table, if it has a target; a MISS always is

    @property
    def verdict(self) -> str:
        """PASS or MISS; a value that is not a number misses."""
        if math.isnan(self.value):
            return MISS
        if self.target is None:
            return PASS
        met = self.value >= self.target if self.at_least else self.value <= self.target
        return PASS if met else MISS


def median_of(
    name: str,
    samples: Sequence[float],
    unit: str,
    target: float | None,
    reference: Reference | None = None,
    note: str = "",
) -> Figure:
    """The median of samples, with the largest as the worst; no sample at all is a miss."""
    if not samples:
        return Figure(name, math.nan, unit, target, 0, None, reference, note=note or "no sample")
    value, worst = statistics.median(samples), max(samples)
    return Figure(name, value, unit, target, len(samples), worst, reference, note=note)


def worst_of(
    name: str,
    samples: Sequence[float],
    unit: str,
    target: float | None,
    reference: Reference | None = None,
    note: str = "",
) -> Figure:
    """The largest of samples, held against the target; no sample at all is a miss."""
    if not samples:
        return Figure(name, math.nan, unit, target, 0, None, reference, note=note or "no sample")
    return Figure(name, max(samples), unit, target, len(samples), max(samples), reference, note=note)


def number(value: float) -> str:
    """A number with three significant digits at most, and no exponent."""
    if math.isnan(value):
        return "none"
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.{2 if abs(value) < 10 else 1}f}"


def line(figure: Figure) -> str:
    """PASS name 52.1 us, target <= 90, n 1000, worst 410, kernel 36.0."""
    parts = [f"{figure.verdict} {figure.name} {number(figure.value)} {figure.unit}".rstrip()]
    if figure.target is not None:
        parts.append(f"target {'>=' if figure.at_least else '<='} {number(figure.target)}")
    parts.append(f"n {figure.n}")
    if figure.worst is not None:
        parts.append(f"worst {number(figure.worst)}")
    if figure.reference is not None:
        parts.append(f"{figure.reference.name} {number(figure.reference.value)}")
    if figure.note:
        parts.append(figure.note)
    return ", ".join(parts)


def document(topic: str, at: str, machine: Mapping[str, Any], figures: Iterable[Figure]) -> dict[str, Any]:
    """What bench/results/TOPIC.json holds; a value that is not a number is null, as JSON has none."""
    return {
        "topic": topic,
        "at": at,
        "machine": dict(machine),
        "figures": [
            {
                **asdict(figure),
                "value": None if math.isnan(figure.value) else figure.value,
                "verdict": figure.verdict,
            }
            for figure in figures
        ],
    }


def closing(figures: Sequence[Figure]) -> str:
    """The last line of a run."""
    missed = sum(figure.verdict == MISS for figure in figures)
    return f"{len(figures) - missed} PASS, {missed} MISS"
