"""Writes the table of keys in docs/tui.md from the bindings of the screens; the text around it is not its matter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import written

from pylb.tui import keymap
from pylb.tui.keymap import Known
from pylb.tui.pages.catalogue import BY_KEY
from pylb.tui.widgets.keys import key_name

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "tui.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->"
PLACES = {  # the first word of an id -> where its keys hold
    "page": "everywhere: the screens",
    "app": "everywhere",
    "list": "tables",
    "table": "tables",
    "act": "everywhere, with `--write`",
    "confirm": "a question",
    "ask": "a line to type",
    "help": "the help",
    "palette": "the command line",
    "loss": "Nodes, after S",
    **{key: page.name for key, page in BY_KEY.items()},
}


def table() -> str:
    """The keys as a table: where, what is pressed, the id for tui.yaml, and what it does."""
    known = sorted(keymap.known().values(), key=lambda one: (list(PLACES).index(one.id.split(".")[0]), one.id))
    return written.table(("Where", "Key", "In `tui.yaml`", "What it does"), map(_row, known)) + "\n"


def _row(one: Known) -> tuple[str, ...]:
    return PLACES[one.id.split(".")[0]], " ".join(f"`{key}`" for key in _names(one)), f"`{one.id}`", one.tells


def _names(one: Known) -> Iterator[str]:
    return (key_name(key) for key in one.keys)


def fill(text: str) -> str:
    """The page with the keys as they are now. ValueError where it has no place for them."""
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{DOCUMENT.name} has no {BEGIN.strip()} with {END} after it")
    return f"{before}{BEGIN}{table()}{END}{after}"


def main() -> int:
    """Write the table; with `--check` only say whether it is current."""
    return written.publish(DOCUMENT, fill(DOCUMENT.read_text(encoding="utf-8")), __file__)


if __name__ == "__main__":
    sys.exit(main())
