"""The README's table of figures, made from bench/results, so that it says what was measured and nothing else.

python -m bench._readme     writes it between the README's two marks
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->"
HEAD = "| | measured | target | worst | beside it | |\n|---|---|---|---|---|---|\n"

Json = Mapping[str, Any]


def table(documents: Iterable[Json]) -> str:
    """A row for each figure that has a target and is to be listed, for all that miss, and the machine below."""
    known = list(documents)
    rows = [_row(figure) for document in known for figure in document["figures"] if _is_listed(figure)]
    return HEAD + "".join(rows) + "\n" + _machine(known)


def splice(readme: str, text: str) -> str:
    """The README with `text` between its marks; ValueError where they are missing."""
    before, _, rest = readme.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the README has no {BEGIN.strip()} … {END}")
    return before + BEGIN + text + END + after


def _is_listed(figure: Json) -> bool:
    return figure["target"] is not None and (figure.get("listed", True) or figure["verdict"] != "PASS")


def _row(figure: Json) -> str:
    sign = "≥" if figure["at_least"] else "≤"
    worst = "" if figure["worst"] is None else _number(figure["worst"], figure["unit"])
    reference = figure["reference"]
    beside = "" if reference is None else f"{reference['name'].partition(',')[0]}: {_number(reference['value'], '')}"
    value, target = (_number(figure[key], figure["unit"]) for key in ("value", "target"))
    verdict = "" if figure["verdict"] == "PASS" else "**MISS**"
    return f"| {figure['name']} | {value} | {sign} {target} | {worst} | {beside} | {verdict} |\n"


def _number(value: float, unit: str) -> str:
    text = (
        f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}" if value < 1 else f"{value:.1f}"
    )
    return f"{text} {unit}".strip()


def _machine(documents: Iterable[Json]) -> str:
    seen = sorted({_facts(document["machine"]) for document in documents})
    return "".join(f"Measured on {facts}.\n" for facts in seen)


def _facts(machine: Json) -> str:
    gib = round(machine["memory_mib"] / 1024)
    kernel = machine["kernel"].partition("-")[0]
    return f"{machine['cores']} cores of {machine['processor']}, {gib} GiB, Linux {kernel}, Python {machine['python']}"


def results() -> list[Json]:
    """All results that are kept."""
    return [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "bench" / "results").glob("*.json"))
    ]


if __name__ == "__main__":
    file = ROOT / "README.md"
    file.write_text(splice(file.read_text(encoding="utf-8"), table(results())), encoding="utf-8")
