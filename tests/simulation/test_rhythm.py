"""When a node does something: seldom while all is well, and at the very time that it is due once somebody falls silent."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest

from pylb.core.ownership.arbiter import BREATH, TICK, Arbiter
from pylb.core.ownership.effects import Effect, Took
from pylb.core.ownership.evidence import ASK_AGAIN
from pylb.core.ownership.peers import DEADLINE
from pylb.core.ownership.questions import Question, Subject
from pylb.sim.node import Node
from pylb.sim.world import Size, World

CLOSE = 0.003  # s: of floats, and of frames on their way
WATCHED = 1.0  # s


def settled(seed: int) -> tuple[World, Node]:
    """A world, and a node that owns something."""
    world = World(Size(nodes=3, addresses=3), seed)
    world.clock.run(7.0 + seed * 0.0137)
    return world, next(node for node in world.nodes.values() if node.arbiter is not None and node.arbiter.owned)


@pytest.mark.parametrize("seed", range(6))
def test_each_question_about_a_silent_owner_is_put_again_each_60_ms(seed: int) -> None:
    world, owner = settled(seed)
    asked: dict[tuple[str, Subject], list[float]] = defaultdict(list)

    def note(asker: Node, question: Question) -> None:
        asked[asker.name, question.subject].append(world.clock.now)
        world.lan.ask(asker, question)

    for node in world.nodes.values():
        node.ask = note
    owner.pull("eth0")
    world.clock.run(world.clock.now + WATCHED)
    subjects = (Subject.ADDRESS, Subject.NODE, Subject.WITNESS)
    found = {who: times for who, times in asked.items() if who[1] in subjects and who[0] != owner.name}
    assert len(found) == 2 * len(subjects)
    for times in found.values():
        gaps = [later - earlier for earlier, later in pairwise(sorted(set(times)))]
        assert all(ASK_AGAIN - CLOSE < gap < ASK_AGAIN + BREATH + CLOSE for gap in gaps), gaps


@pytest.mark.parametrize("seed", range(6))
def test_who_is_to_act_does_so_when_the_time_of_a_silent_owner_is_over(seed: int) -> None:
    """Not up to a tick later."""
    world, owner = settled(seed)
    silent: list[float] = []

    def note(node: Node, effects: list[Effect]) -> None:
        silent.extend(one.silent for one in effects if isinstance(one, Took) and one.silent is not None)

    world.watchers.append(note)
    owner.pull("eth0")
    world.clock.run(world.clock.now + WATCHED)
    assert silent
    assert DEADLINE <= min(silent) < DEADLINE + TICK / 2, "of those who take, the first in line"


def test_nothing_happens_more_often_than_each_tick_while_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = settled(1)
    ticks = 0

    def count(self: Arbiter, now: float) -> None:
        nonlocal ticks
        ticks += 1
        tick(self, now)

    tick = Arbiter.tick
    monkeypatch.setattr(Arbiter, "tick", count)
    world.clock.run(world.clock.now + 10.0)
    assert ticks <= 3 * (10.0 / TICK + 1)
