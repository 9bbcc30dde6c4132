"""In some worlds, at the end: two groups of nodes that do not hear each other, but reach all else, for long.

Drawn from the seed by random numbers of their own, so that all other worlds tell the story that they always told.
"""

from __future__ import annotations

import random

from pylb.core.model import NodeName

STRANGE = 0.06  # of all worlds
STEADY = 8.0  # s before that in which all settles
LASTS = 40.0, 60.0  # s: longer than two may answer


def draw_strangers(seed: int, names: list[NodeName]) -> tuple[float, tuple[NodeName, ...]] | None:
    """For how many seconds, and who is on one of the sides; None in most worlds."""
    dice = random.Random(f"strangers {seed}")  # noqa: S311 - replayable on purpose
    if dice.random() >= STRANGE:
        return None
    some = dice.sample(names, dice.randint(1, len(names) - 1))
    return dice.uniform(*LASTS), tuple(some)
