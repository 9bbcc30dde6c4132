"""The filter line: which rows a typed text keeps.

Words are joined by "and". A bare word is looked for in every column; `st:`, `ns:`, `pool:`, `node:`, `ip:` and `svc:`
look in one; a leading `!` keeps the rest. Letters are equal in both cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

FIELDS = ("st", "ns", "pool", "node", "ip", "svc")
MAX_WORDS = 16


def keeps(text: str, columns: Mapping[str, str]) -> bool:
    """Whether a row with these columns passes the filter `text`; an empty one keeps all."""
    return all(_passes(word, columns) for word in text.lower().split()[:MAX_WORDS])


def _passes(word: str, columns: Mapping[str, str]) -> bool:
    inverse = word.startswith("!")
    field, colon, wanted = word.lstrip("!").partition(":")
    if colon and field in FIELDS:
        hit = wanted in columns.get(field, "").lower()
    else:
        hit = _anywhere(word.lstrip("!"), columns.values())
    return hit is not inverse


def _anywhere(wanted: str, texts: Iterable[str]) -> bool:
    return any(wanted in text.lower() for text in texts)
