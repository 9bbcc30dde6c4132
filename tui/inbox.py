"""Facts on their way to the screen: a bounded, coalescing queue without waiting.

Of each object, each speaker and controller and the connection only the newest fact is kept; events are all kept, up to a
bound at which the oldest go and are counted. Order between different objects is not kept: `store` does not need it. A
beginning anew comes first.
"""

from __future__ import annotations

from collections import deque

from pylb.tui.facts import (
    ConfigSeen,
    ControllerHeard,
    ControllerSilent,
    Dropped,
    Fact,
    Listed,
    MovesSeen,
    ObjectChanged,
    Offline,
    Online,
    Rewound,
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
        """Take a fact; never waits. What came before a beginning anew is forgotten."""
        if isinstance(fact, Rewound):
            self._forget()
        key = key_of(fact)
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
        self._forget()
        return facts

    def _forget(self) -> None:
        self._latest, self._dropped = {}, 0
        self._events.clear()


def key_of(fact: Fact) -> tuple[object, ...] | None:
    """What a fact replaces; None for an event, which replaces nothing."""
    if isinstance(fact, ObjectChanged):
        return (ObjectChanged, fact.kind, fact.key)
    if isinstance(fact, (SpeakerHeard, SpeakerSilent)):
        return (SpeakerHeard, fact.snapshot.node if isinstance(fact, SpeakerHeard) else fact.node)
    if isinstance(fact, (Online, Offline)):
        return (Online,)
    if isinstance(fact, Listed):
        return (Listed, fact.kind)
    if isinstance(fact, (ControllerHeard, ControllerSilent)):
        return (ControllerHeard, _pod(fact))
    return (type(fact),) if isinstance(fact, (ConfigSeen, MovesSeen, Rewound)) else None


def _pod(fact: ControllerHeard | ControllerSilent) -> str:
    if isinstance(fact, ControllerSilent):
        return fact.pod
    return fact.seat.pod if fact.seat is not None else ""
