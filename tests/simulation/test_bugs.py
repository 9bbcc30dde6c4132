"""Deliberate bugs are found: an invariant that no bug breaks pins nothing."""

from __future__ import annotations

import pytest

from fakes.simulation import play
from pylb.sim.scenario import draw
from simulation.bugs import BUGS, Bug

SEEDS = 1000

pytestmark = pytest.mark.timeout(600)  # the shyest bugs show after hundreds of worlds


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_a_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
    caught = next((broken[0] for seed in range(SEEDS) if (broken := play(draw(seed)))), None)
    assert caught is not None, f"{bug} went through {SEEDS} seeds unseen"
