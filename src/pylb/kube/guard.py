"""Lets the writes of a client through for as long as somebody vouches for them, and knows which are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

from pylb.kube.errors import Withheld

LOOK_EVERY = 0.005  # s between two looks at the writes under way, while somebody waits for their end


@final
class Guard:
    """`left` says for how many seconds from now a write may be sent; one that was sent lives `flight` s at most."""

    def __init__(self, left: Callable[[], float], flight: float) -> None:
        self._left, self._flight = left, flight
        self._under_way = 0

    def check(self) -> None:
        """Raises Withheld if no write may be sent now."""
        if self._left() <= 0:
            raise Withheld("writing is left to another one", reason="Withheld")

    @contextmanager
    def write(self) -> Iterator[float]:
        """The time of one write; gives the seconds after which it has to be over. Raises Withheld."""
        self.check()
        self._under_way += 1
        try:
            yield self._left() + self._flight
        finally:
            self._under_way -= 1

    async def calm(self, seconds: float) -> bool:
        """Waits until no write is under way; False if some still are after so many seconds."""
        until = asyncio.get_running_loop().time() + seconds
        while self._under_way:
            if asyncio.get_running_loop().time() >= until:
                return False
            await asyncio.sleep(LOOK_EVERY)
        return True
