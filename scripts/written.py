"""What pages that scripts write have in common: their tables, and whether they are current."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cell(text: str) -> str:
    """A text as a table's cell may hold it."""
    return text.replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, without the end of its last line."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def publish(document: Path, text: str, script: str) -> int:
    """Write the page; with `--check` only say whether it is current. The exit code; `script` is whose page it is."""
    if "--check" not in sys.argv[1:]:
        document.write_text(text, encoding="utf-8")
        return 0
    if document.is_file() and document.read_text(encoding="utf-8") == text:
        return 0
    print(f"{document.relative_to(ROOT)} is not current; write it: .venv/bin/python scripts/{Path(script).name}")
    return 1
