"""A round that lasts: it goes on in slices, and the Lease is renewed between them. What comes meanwhile comes after it.

50,000 Services are three seconds of work, on a Raspberry Pi fifteen; a Lease is free after 11 s (`core.lease`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

from pylb.core.model import ServiceKey

SLICE = 0.05  # s after which others have their turn: a renewal takes some of these
MAX_LATE = 10_000  # calls that are put off; one turn of others may bring more, at most a list of all Services


async def at_leisure(steps: Iterable[None], hurry: Callable[[], bool] = lambda: False) -> None:
    """All steps, and after each slice of them a turn for others, but where there is `hurry`. Few steps are done at once."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SLICE
    for _ in steps:
        if loop.time() >= end and not hurry():
            await asyncio.sleep(0)
            end = loop.time() + SLICE


class Round:
    """What a round decides on, until it has, and what is put off until its end."""

    def __init__(self) -> None:
        self.keys: Collection[ServiceKey] = ()
        self._lasts = False
        self._late: list[Callable[[], object]] = []

    def begin(self, keys: Collection[ServiceKey]) -> None:
        """It is about these."""
        self.keys, self._lasts = keys, True

    def put_off(self, call: Callable[[], object]) -> bool:
        """Whether a round lasts, after which `call` is called."""
        if self._lasts:
            self._late.append(call)
        return self._lasts

    def is_full(self) -> bool:
        """Whether so much is put off that it should end before others have another turn."""
        return len(self._late) >= MAX_LATE

    def decided(self) -> None:
        """What it decided counts from now on; it goes on to tell that."""
        self.keys = ()

    def end(self) -> None:
        """What was put off comes now, in its order."""
        self.keys, self._lasts = (), False
        late, self._late = self._late, []
        for call in late:
            call()
