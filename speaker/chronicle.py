"""Writes this node's moves into the ConfigMap pylb-history, beside those of the others.

The installation makes the object, empty: a speaker may change this one ConfigMap, and create none. Several nodes write
it, each with the version that it read: who comes second reads again. While it cannot be written, the newest moves wait;
nothing else waits for it.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from pylb.core import history
from pylb.core.history import Entry
from pylb.kube.client import Client
from pylb.kube.errors import ClusterError, Conflict
from pylb.runtime.log import Logger

DEBOUNCE, SPREAD = 1.0, 1.0  # s from a move to the write, and as much again by chance: others write of the same failure
AGAIN, AGAIN_MAX = 2.0, 60.0  # s after a failed one, doubled each time
COMPLAIN = 600.0  # s between two warnings of one kind


class Chronicle:
    """One node's hand in the history."""

    def __init__(
        self, client: Client, namespace: str, log: Logger, chance: Callable[[], float] = random.random
    ) -> None:
        """`chance` draws from [0, 1)."""
        self._client, self._log, self._chance = client, log, chance
        self._path = f"/api/v1/namespaces/{namespace}/configmaps/{history.NAME}"
        self._waiting: deque[Entry] = deque(maxlen=history.KEPT)
        self._some = asyncio.Event()
        self.lost = 0  # moves that were never written, for the bound of those that wait
        self.written = 0

    def record(self, move: Entry) -> None:
        """It goes down in history soon."""
        self.lost += len(self._waiting) == history.KEPT
        self._waiting.append(move)
        self._some.set()

    async def run(self) -> None:
        """Write for ever: at most once in DEBOUNCE seconds."""
        failed = 0
        while True:
            await self._some.wait()
            await asyncio.sleep(self._pause(failed))
            moves = tuple(self._waiting)
            try:
                await self._add(moves)
            except ClusterError as error:
                failed = 0 if isinstance(error, Conflict) else failed + 1
                if not isinstance(error, Conflict):
                    self._log.every(COMPLAIN, "history").warning("cannot write pylb-history", error=str(error))
                continue
            failed = 0
            self._done(moves)

    def _pause(self, failed: int) -> float:
        """Seconds until the next try; all of it has jitter, since those who met would meet again."""
        least = min(AGAIN * 2 ** (failed - 1), AGAIN_MAX) if failed else DEBOUNCE
        return least + SPREAD * self._chance()

    async def _add(self, moves: tuple[Entry, ...]) -> None:
        """Merge these into what stands there; raises ClusterError."""
        current = _mapping(await self._client.get(self._path))
        data = _mapping(current.get("data"))
        before = data.get(history.KEY)
        text = history.render(history.merge(history.parse(before), moves))
        if text != before:
            await self._client.put(self._path, {**current, "data": {**data, history.KEY: text}})
            self.written += 1

    def _done(self, moves: tuple[Entry, ...]) -> None:
        """These need not wait any more; what came meanwhile does."""
        told = set(moves)
        left = [move for move in self._waiting if move not in told]
        self._waiting.clear()
        self._waiting.extend(left)
        if not left:
            self._some.clear()


def _mapping(raw: Any) -> dict[str, Any]:
    return raw if isinstance(raw, dict) else {}
