"""Whether this node sees anything of its LAN: when it lost sight of it, and since when it is back. Pure.

Whoever sees nothing cannot tell who else is silent. A switch that starts again, or learns its spanning tree, forwards
nothing for seconds; not all of its ports come back at one time.
"""

from __future__ import annotations

from dataclasses import dataclass

from pylb.core.ownership.evidence import NEVER

BLIND = 0.5  # s without its witness, or without a carrier, after which the LAN itself was away
RETURN = 1.5  # s after that in which the others are waited for


@dataclass(slots=True)
class Sight:
    """Of one link; times in seconds."""

    blind_since: float | None = None
    returned: float = NEVER  # when this node last saw something again, after a while
    alone_at: float = NEVER  # when it last saw neither its witness nor another node

    def look(self, is_blind: bool, is_alone: bool, now: float) -> None:
        """Note what is seen now."""
        if is_alone:
            self.alone_at = now
        if is_blind:
            self.blind_since = now if self.blind_since is None else self.blind_since
        elif self.blind_since is not None:
            self.returned = now if now >= self.blind_since + BLIND else self.returned
            self.blind_since = None

    def come_back(self, now: float) -> None:
        """There is a carrier again."""
        self.returned, self.blind_since = now, None

    def is_new(self, sign: float, now: float) -> bool:
        """Whether somebody whose last sign is so old may only not be back yet, as this node just is."""
        return sign <= self.returned and now < self.returned + RETURN
