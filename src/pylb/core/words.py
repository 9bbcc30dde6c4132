"""Enumerations whose members are words: what is written of one, in a text or in JSON, is its value."""

from __future__ import annotations

from enum import Enum


class Word(str, Enum):
    """A member reads as its value, on each Python."""

    def __str__(self) -> str:
        return str(self.value)
