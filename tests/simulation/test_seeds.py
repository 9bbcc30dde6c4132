"""A thousand small worlds, each with a few disasters: no invariant breaks in any of them."""

from __future__ import annotations

import pytest

from fakes.simulation import play
from pylb.sim.scenario import draw

BATCH, BATCHES = 50, 20


@pytest.mark.parametrize("start", range(0, BATCH * BATCHES, BATCH))
def test_nothing_breaks(start: int) -> None:
    for seed in range(start, start + BATCH):
        scenario = draw(seed)
        broken = play(scenario)
        replay = f"PYTHONPATH=src:tests python -m simulation {seed}"
        assert not broken, f"{broken[0]}\n{scenario}\nreplay: {replay}"


def test_the_same_seed_tells_the_same_story() -> None:
    assert draw(7) == draw(7)
    assert str(draw(7)) == str(draw(7))
    assert draw(7) != draw(8)
