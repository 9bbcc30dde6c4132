"""The README's figures are those in bench/results."""

from __future__ import annotations

import pytest

from bench._readme import BEGIN, END, ROOT, results, splice, table

FIGURE = {
    "name": "ARP reply",
    "value": 12.34,
    "unit": "us",
    "target": 11.0,
    "worst": None,
    "reference": {"name": "kernel, its own", "value": 4.0},
    "at_least": False,
    "verdict": "MISS",
}
MACHINE = {"cores": 4, "processor": "Pi 5", "memory_mib": 8000, "kernel": "6.1-rpi", "python": "3.13"}


def test_a_miss_is_a_row_and_a_figure_without_a_target_is_none() -> None:
    text = table([{"figures": [FIGURE, {**FIGURE, "target": None}], "machine": MACHINE}])
    assert text.splitlines()[2:] == [
        "| ARP reply | 12.3 us | ≤ 11 us |  | kernel: 4 | **MISS** |",
        "",
        "Measured on 4 cores of Pi 5, 8 GiB, Linux 6.1, Python 3.13.",
    ]


def test_a_figure_that_is_not_to_be_listed_is_a_row_only_if_it_misses() -> None:
    quiet = {**FIGURE, "listed": False}
    rows = table([{"figures": [quiet, {**quiet, "verdict": "PASS"}], "machine": MACHINE}]).splitlines()
    assert [row for row in rows if "ARP reply" in row] == [
        "| ARP reply | 12.3 us | ≤ 11 us |  | kernel: 4 | **MISS** |"
    ]


def test_it_goes_between_the_marks() -> None:
    assert splice(f"a{BEGIN}old{END}z", "new") == f"a{BEGIN}new{END}z"
    with pytest.raises(ValueError, match="the README has no"):
        splice("a", "new")


def test_the_readme_says_what_was_measured() -> None:
    """Else: python -m bench._readme."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert splice(readme, table(results())) == readme
