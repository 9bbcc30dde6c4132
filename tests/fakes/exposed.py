"""What MetalLB exposes for Prometheus, as it was observed, and what a registry of ours does: names, types, labels."""

from __future__ import annotations

import re
from pathlib import Path

OBSERVED = Path(__file__).parents[1] / "data" / "observed"
# What MetalLB has, and pylb does not: name -> why. BGP's stand in MetalLB's documentation, and were not observed.
DIFFERENCES: dict[str, str] = {}

Families = dict[str, tuple[str, frozenset[str]]]


def families(text: str) -> Families:
    """Each family of the text format: its type, and the labels of its series (none where it has no series)."""
    found: Families = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            found[name] = kind, frozenset()
        elif line and not line.startswith("#"):
            name, _, labels = line.rpartition(" ")[0].partition("{")
            if name in found:  # a histogram's series have names of their own
                found[name] = found[name][0], frozenset(re.findall(r'(\w+)="', labels))
    return found


def observed(component: str) -> Families:
    """What MetalLB's controller or speaker had."""
    return families((OBSERVED / f"metrics-{component}.txt").read_text())
