"""Facts on their way to the screen: a bounded, coalescing queue without waiting.

Of each object, each speaker and the connection only the newest fact is kept; events are all kept, up to a bound at
which the oldest go and are counted. Order between different objects is not kept: `store` does not need it.
"""

from __future__ import annotations

from collections import deque

from pylb.tui.facts import (
    ConfigSeen,
    Dropped,
    Fact,
    Listed,
    ObjectChanged,
    Offline,
    Online,
    SpeakerHeard,
    SpeakerSilent,
)

MAX_EVENTS = 5_000  # between two looks; a stream begins with 500 that happened before
MAX_KEYS = 50_000


class Inbox:
    """Takes facts one by one, gives them back in one batch."""

    def __init__(self) -> None:
        self._latest: dict[tuple[object, ...], Fact] = {}
        self._events: deque[Fact] = deque(maxlen=MAX_EVENTS)
        self._dropped = 0

    def put(self, fact: Fact) -> None:
        """Take a fact; never waits."""
        key = _key(fact)
        if key is not None and (key in self._latest or len(self._latest) < MAX_KEYS):
            self._latest[key] = fact
        elif key is not None:
            self._dropped += 1
        else:
            self._dropped += len(self._events) == MAX_EVENTS
            self._events.append(fact)

    def drain(self) -> list[Fact]:
        """Everything since the last time."""
        facts: list[Fact] = [*self._latest.values(), *self._events]
        if self._dropped:
            facts.append(Dropped(self._dropped))
        self._latest, self._dropped = {}, 0
        self._events.clear()
        return facts


def _key(fact: Fact) -> tuple[object, ...] | None:
    """What a fact replaces; None for an event, which replaces nothing."""
    if isinstance(fact, ObjectChanged):
        return (ObjectChanged, fact.kind, fact.key)
    if isinstance(fact, (SpeakerHeard, SpeakerSilent)):
        return (SpeakerHeard, fact.snapshot.node if isinstance(fact, SpeakerHeard) else fact.node)
    if isinstance(fact, (Online, Offline)):
        return (Online,)
    if isinstance(fact, Listed):
        return (Listed, fact.kind)
    return (ConfigSeen,) if isinstance(fact, ConfigSeen) else None
