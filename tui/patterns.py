"""Patterns that a user types, as far as they end soon on any name: `re` knows no time limit, so dear ones are refused. Pure.

The names that a pattern meets are anybody's. It is not asked whether a pattern would be slow, only whether it could be.
"""

from __future__ import annotations

import re
from itertools import pairwise
from math import factorial

MAX_PATTERN = 80  # characters; as many as the filter line takes
MAX_TEXT = 253  # characters of a column that are matched: the longest name in Kubernetes (RFC 1123 subdomain)
MAX_STEPS = 4_000_000  # of the matcher in one text: some 0.1 s at worst
REPEATS = "*+{"


class Dear(ValueError):
    """A pattern that could take long."""


TOO_LONG = f"has more than {MAX_PATTERN} characters"
NESTED = "repeats a group, which can take for ever: repeat single characters, as in [a-z]+"
COMMENT = "has a comment: leave it out"
TOO_DEAR = "has too many of * + { ? | and could hold up the screen: take some out, or use two filter words"


def read(text: str) -> re.Pattern[str]:
    """The pattern, equal for small and large letters. Raises ValueError that says why not: Dear if it could take long."""
    if len(text) > MAX_PATTERN:
        raise Dear(TOO_LONG)
    if why := _dear(text):
        raise Dear(why)
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error


def matches(pattern: re.Pattern[str], text: str) -> bool:
    """Whether it is found in the beginning of a text."""
    return pattern.search(text[:MAX_TEXT]) is not None


def _dear(text: str) -> str:
    """Why a pattern could take long: its steps grow with the text to the power of its repeats, and double a choice."""
    if "(?#" in text:
        return COMMENT
    signs = _signs(text)
    if any(before == ")" and sign in REPEATS for before, sign in pairwise(signs)):
        return NESTED
    repeats = sum(sign in REPEATS for sign in signs) + sum(sign == "\\1" for sign in signs)
    choices = signs.count("|") + signs.count("?") - "".join(signs).count("(?")
    return TOO_DEAR if MAX_TEXT ** (repeats + 1) // factorial(repeats + 1) << choices > MAX_STEPS else ""


def _signs(text: str) -> list[str]:
    """What stands in a pattern, sign by sign: a class of characters as `[`, what is escaped as `.`, a reference as `\\1`."""
    found, at = [], 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            found.append("\\1" if text[at + 1 : at + 2].isdigit() else ".")
            at += 2
        elif sign == "[":
            start = at + 1 + (text[at + 1 : at + 2] == "^")
            end = _class_end(text, start)
            found.append("[")
            at = end + 1
        else:
            found.append("\\1" if text.startswith("(?P=", at) else sign)
            at += 1
    return found


def _class_end(text: str, start: int) -> int:
    """Where the class of characters ends whose first member stands at `start`; a bracket there is a member."""
    at = start
    while at < len(text) and (text[at] != "]" or at == start):
        at += 2 if text[at] == "\\" else 1
    return at
