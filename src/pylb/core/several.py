"""Several things as one short text: the first few by name, and how many more there are. Pure."""

from __future__ import annotations

from collections.abc import Iterable

NAMED = 5  # names that one line can bear


def some(items: Iterable[object], limit: int = NAMED, between: str = ", ") -> str:
    """The first `limit` of them as people read them, and how many more there are; "" of none."""
    texts = [str(item) for item in items]
    more = len(texts) - limit
    return between.join(texts[:limit]) + (f" and {more} more" if more > 0 else "")


def count(number: int, noun: str) -> str:
    """A number of things: 1 node, 2 nodes."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
