"""What happened lately, by number, for those who ask and for those who stay: a ring, and bounded queues behind it.

It does not know what an event means. A reader that is too slow is dropped and counted; it may come back with the last
number that it saw.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from typing import Any

KEPT_MAX = 500  # events
READERS_MAX = 32  # streams at once
BEHIND_MAX = 500  # events that a reader may be behind

JSON = dict[str, Any]


class TooManyReaders(Exception):
    """READERS_MAX streams are open."""


class EventLog:
    """The last KEPT_MAX events; each gets the next number as its `id`.

    `first_id` may be made of the clock, so that numbers grow over a restart. A reader that asks for what came after a
    number of the future, which was of another process, gets all.
    """

    def __init__(self, first_id: int = 1) -> None:
        self._events: deque[JSON] = deque(maxlen=KEPT_MAX)
        self._next = first_id
        self._readers: set[_Reader] = set()
        self.dropped_readers = 0

    @property
    def last_id(self) -> int:
        """The number of the newest event; one below the first number while there is none."""
        return self._next - 1

    def add(self, event: Mapping[str, Any]) -> int:
        """Takes an event in; gives its number."""
        numbered = {**event, "id": self._next}
        self._next += 1
        self._events.append(numbered)
        for reader in list(self._readers):
            if not reader.put(numbered):
                self._readers.discard(reader)
                self.dropped_readers += 1
        return self._next - 1

    def since(self, number: int | None) -> list[JSON]:
        """The kept events after that number; all without one."""
        if number is None or number > self.last_id:
            return list(self._events)
        return [event for event in self._events if event["id"] > number]

    def stream(self, since: int | None = None) -> AsyncGenerator[JSON, None]:
        """The kept events after `since`, and then each as it happens; ends if the reader falls behind.

        Raises TooManyReaders.
        """
        if len(self._readers) >= READERS_MAX:
            raise TooManyReaders(f"{READERS_MAX} streams of events are open")
        return self._follow(since)

    async def _follow(self, since: int | None) -> AsyncGenerator[JSON, None]:
        reader = _Reader()
        self._readers.add(reader)
        try:
            for event in self.since(since):
                yield event
            while (following := await reader.next()) is not None:
                yield following
        finally:
            self._readers.discard(reader)


class _Reader:
    """The events that one reader has not seen yet."""

    def __init__(self) -> None:
        self._waiting: deque[JSON] = deque()
        self._filled = asyncio.Event()
        self._lost = False

    def put(self, event: JSON) -> bool:
        """False if the reader is too far behind: it gets what it has, and then its end."""
        self._lost = len(self._waiting) >= BEHIND_MAX
        if not self._lost:
            self._waiting.append(event)
        self._filled.set()
        return not self._lost

    async def next(self) -> JSON | None:
        while not self._waiting:
            if self._lost:
                return None
            self._filled.clear()
            await self._filled.wait()
        return self._waiting.popleft()
