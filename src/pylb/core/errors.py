"""What core may raise: one type for text that is not what it should be."""

from __future__ import annotations


class ParseError(ValueError):
    """A text cannot be read as what it should be; the message names the text and what was expected."""
