"""When an address is announced: a burst after a take-over, then once a minute.

Pure: the time is an argument, in seconds of any clock that does not jump back. It sends nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from ipaddress import IPv4Address

# Announcements at 0, 50, 150 ms, 0.5, 1, 2 and 5 s after a take-over: one lost frame costs 50 ms.
BURST_GAPS = (0.05, 0.1, 0.35, 0.5, 1.0, 3.0)  # s between one announcement of the burst and the next
REPEAT = 60.0  # s between announcements after the burst
REPEAT_JITTER = 0.1  # part of REPEAT by which each is early or late, so that a hundred addresses spread out
_ONCE = -1  # the step of an address that is announced one time only
DUE_LIMIT = 64  # addresses handed out at once: about a millisecond of sending


class Schedule:
    """The coming announcements of any number of addresses, one entry each.

    A late call shifts the rest of an address's burst instead of bunching it: what was late was not heard.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        """`jitter` draws from [0, 1)."""
        self._jitter = jitter
        self._next: dict[IPv4Address, tuple[float, int]] = {}  # when, and which announcement of the burst
        self._heap: list[tuple[float, IPv4Address]] = []  # may hold what _next no longer says: skipped, swept

    def __contains__(self, address: object) -> bool:
        return address in self._next

    def start(self, address: IPv4Address, now: float) -> None:
        """Begin the burst of an address, anew if it is under way."""
        self._put(address, now, 0)

    def start_once(self, address: IPv4Address, now: float) -> None:
        """Announce an address one time, and forget it."""
        self._put(address, now, _ONCE)

    def stop(self, address: IPv4Address) -> None:
        """Announce an address no more."""
        self._next.pop(address, None)
        self._sweep()

    def next_at(self) -> float | None:
        """When something is due; None if nothing is announced."""
        while self._heap and not self._holds(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> tuple[IPv4Address, ...]:
        """The addresses to announce now, DUE_LIMIT at most, each once; the rest stays due."""
        found: list[IPv4Address] = []
        while len(found) < DUE_LIMIT:
            at = self.next_at()
            if at is None or at > now:
                break
            _, address = heapq.heappop(self._heap)
            self._advance(address, now)
            found.append(address)
        return tuple(found)

    def _advance(self, address: IPv4Address, now: float) -> None:
        _, step = self._next[address]
        if step == _ONCE:
            del self._next[address]
        elif step < len(BURST_GAPS):
            self._put(address, now + BURST_GAPS[step], step + 1)
        else:
            self._put(address, now + REPEAT * (1 - REPEAT_JITTER + 2 * REPEAT_JITTER * self._jitter()), step)

    def _put(self, address: IPv4Address, at: float, step: int) -> None:
        self._next[address] = (at, step)
        heapq.heappush(self._heap, (at, address))
        self._sweep()

    def _holds(self, at: float, address: IPv4Address) -> bool:
        entry = self._next.get(address)
        return entry is not None and entry[0] == at

    def _sweep(self) -> None:
        """Keep the heap within twice the entries that count, whatever is started and stopped."""
        if len(self._heap) > 2 * len(self._next) + DUE_LIMIT:
            self._heap = [(at, address) for address, (at, _) in self._next.items()]
            heapq.heapify(self._heap)
