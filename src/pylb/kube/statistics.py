"""What a collection counts. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a collection has lived through since its start."""

    requests: int = 0
    lists: int = 0  # complete ones
    watches: int = 0  # accepted ones
    events: int = 0
    bookmarks: int = 0
    failures: int = 0
    undecodable: int = 0
    last_error: str = ""
