"""Lines of a manifest that stand where they do not belong: what was probably meant, where YAML's own message names
another line, or none that helps. Lines in, at most one suspicion out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

OPENERS = ("metadata", "spec", "data", "status")  # of whose contents nothing can stand at the left edge
ROOT = frozenset({*OPENERS, "apiVersion", "kind", "items", "type", "stringData", "binaryData", "immutable"})
STEP = "  "
_KEY = re.compile(r"(\s*)((?:- )*)([^\s:#'\"{\[][^:#]*):(?:\s+(.*?))?\s*$")
_PAIR = re.compile(r"([^\s:]+(?::\S+)?):\s+\S.*$")
_TAB = re.compile(r" *\t")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is out of place, on which line (from 0), and what was probably meant."""

    line: int
    text: str
    fix: str


def suspect(lines: Sequence[str], at: int) -> Suspicion | None:
    """What may be behind a text that is no YAML by its line `at`; None if nothing is known to be."""
    return _tab(lines, at) or _unindented(lines) or _two_on_a_line(lines, at)


def _tab(lines: Sequence[str], at: int) -> Suspicion | None:
    for number, line in enumerate(lines[: at + 1]):
        if _TAB.match(line):
            return Suspicion(number, "it is indented with a tab, which YAML does not take", "indent with blanks alone")
    return None


def _unindented(lines: Sequence[str]) -> Suspicion | None:
    """The first key at the left edge that belongs below the one before it, which is empty."""
    opener = ""
    where = 0
    for number, line in enumerate(lines):
        found = _KEY.match(line)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found is None or found[1] or found[2]:
            opener = ""
            continue
        if found[3] in ROOT:
            opener, where = (found[3], number) if found[3] in OPENERS and not found[4] else ("", number)
        elif opener:
            text = f'"{found[3]}" stands beside "{opener}:" (line {where + 1}), which is empty, and not below it'
            return Suspicion(number, text, f'indent it: "{STEP}{line.strip()}", and all else that belongs to {opener}')
    return None


def _two_on_a_line(lines: Sequence[str], at: int) -> Suspicion | None:
    """`annotations: key: value`: two keys on one line."""
    found = _KEY.match(lines[at]) if at < len(lines) else None
    if found is None or not found[4] or not _PAIR.match(found[4]):
        return None
    blanks = f"{found[1]}{STEP * (found[2].count('-') + 1)}"
    text = f'"{found[3]}:" and what belongs below it stand on one line'
    return Suspicion(at, text, f'end the line after "{found[3]}:", and write below it: "{blanks}{found[4]}"')
