"""The filter line: which rows a typed text keeps.

Words are joined by "and". A bare word is looked for in every column; `st:`, `ns:`, `pool:`, `node:`, `ip:`, `svc:` and
whatever else a table names look in one; `re:` before what is looked for makes it a pattern (`re:^web`, `node:re:pi[12]`);
a leading `!` keeps the rest. Letters are equal in both cases. A pattern that cannot be read, or could take long, keeps
everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pylb.tui import patterns

FIELDS = frozenset({"st", "ns", "pool", "node", "ip", "svc"})  # of all tables: where one lacks it, nothing is kept
PATTERN = "re:"
MAX_WORDS = 16


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a filter: what it looks for, in which column ("" for all), and whether it keeps what lacks it."""

    inverse: bool
    field: str
    wanted: str
    bare: str  # all of it, for a table without such a column
    pattern: re.Pattern[str] | None = None

    def keeps(self, columns: Mapping[str, str]) -> bool:
        """Whether a row with these columns passes."""
        if self.field and (self.field in columns or self.field in FIELDS):
            hit = self._hits(columns.get(self.field, ""), self.wanted)
        else:
            wanted = self.bare if self.field else self.wanted
            hit = any(self._hits(text, wanted) for text in columns.values())
        return hit is not self.inverse

    def _hits(self, text: str, wanted: str) -> bool:
        if self.pattern is not None:
            return patterns.matches(self.pattern, text)
        return wanted in text.lower()


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was read. `broken` says what is wrong with a pattern in it."""

    words: tuple[Word, ...] = ()
    broken: str = ""
    dear: bool = False  # whether that is that it could take long

    @property
    def empty(self) -> bool:
        """Whether it keeps everything."""
        return not self.words

    def keeps(self, columns: Mapping[str, str]) -> bool:
        """Whether a row with these columns passes."""
        return all(word.keeps(columns) for word in self.words)


@lru_cache(maxsize=64)
def parse(text: str) -> Filter:
    """Read a filter. It never fails: a pattern that is not finished yet is left out, and told."""
    words, broken, dear = [], "", False
    for typed in text.split()[:MAX_WORDS]:
        try:
            words.append(_word(typed))
        except ValueError as error:
            broken, dear = f"{typed}: {error}", isinstance(error, patterns.Dear)
    return Filter(tuple(words), broken, dear)


def keeps(text: str, columns: Mapping[str, str]) -> bool:
    """Whether a row with these columns passes the filter `text`; an empty one keeps all."""
    return parse(text).keeps(columns)


def wrong(text: str, states: Iterable[str]) -> str:
    """What no row could ever match in a filter that somebody typed whole; "" where nothing is wrong."""
    read, known = parse(text), [state.lower() for state in states]
    if read.broken:
        return f"this pattern cannot be {'used' if read.dear else 'read'}: {read.broken}"
    for word in read.words:
        if word.field == "st" and word.pattern is None and not any(word.wanted in state for state in known):
            return f"{word.wanted!r} is no state; there are {', '.join(known)}"
    return ""


def _word(typed: str) -> Word:
    bare = typed.lstrip("!")
    inverse = typed.startswith("!")
    if bare.lower().startswith(PATTERN):
        return Word(inverse, "", "", "", _pattern(bare))
    field, colon, wanted = bare.partition(":")
    if not colon:
        return Word(inverse, "", bare.lower(), bare.lower())
    pattern = _pattern(wanted) if wanted.lower().startswith(PATTERN) else None
    return Word(inverse, field.lower(), wanted.lower(), bare.lower(), pattern)


def _pattern(text: str) -> re.Pattern[str]:
    return patterns.read(text[len(PATTERN) :])
