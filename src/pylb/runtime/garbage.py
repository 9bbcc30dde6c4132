"""How often Python looks for cycles among objects of which thousands stay: a daemon knows its Services for hours."""

from __future__ import annotations

import gc

# New objects before a search among the new ones, such searches before one among the younger, and those before one among
# all: a million that were made and not freed. With its own numbers (700, 10, 10) Python spends a fifth of the time on
# that while 50,000 Services come.
SEARCHES = (10_000, 5, 20)


def begin() -> None:
    """At the start of a daemon: what is loaded stays, and is searched no more."""
    gc.freeze()
    gc.set_threshold(*SEARCHES)
