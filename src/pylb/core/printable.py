"""Texts of unknown origin, as one line may show them to people. Pure."""

from __future__ import annotations


def printable(text: str) -> str:
    """One line that does nothing to a terminal: what cannot be printed is told as Python escapes it (`\\n`, `\\x1b`)."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
