"""Whose turn it is to be lost. Pure: a node that is lost too often is held down for a while, which is another figure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from pylb.core.ownership.presence import FLAP_WINDOW, FLAPS

SPARE = 1.0  # s more than the window: speakers note a loss later than it was ordered


class Turns:
    """Nodes that are lost one after the other."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._line = deque(nodes)
        self._lost: dict[str, list[float]] = {}

    def next(self) -> str:
        """The one whose loss is longest ago."""
        self._line.rotate(-1)
        return self._line[-1]

    def wait(self, node: str, now: float) -> float:
        """How many s until it may be lost without being held down for it."""
        recent = self._lost.get(node, ())[1 - FLAPS :]
        return max(0.0, recent[0] + FLAP_WINDOW + SPARE - now) if len(recent) == FLAPS - 1 else 0.0

    def note(self, node: str, now: float) -> None:
        """It is lost."""
        self._lost.setdefault(node, []).append(now)
