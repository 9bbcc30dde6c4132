"""Heartbeats on loopback whose nodes get another secret at different times: who hears whom, and who takes part."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.beating import Lan, until, watched
from pylb.core.ownership.beats import State
from pylb.core.ownership.effects import Up
from pylb.speaker.errors import Flaw
from pylb.speaker.heartbeat import clock
from pylb.speaker.strangers import TELL_AFTER

OLD, NEW = b"the old secret", b"the new secret"
WATCHED_S = 1.0  # more than twice what a member may be silent


@pytest.fixture
async def lan() -> AsyncIterator[Lan]:
    made = Lan("127.0.7")
    yield made
    await made.close()


async def test_a_new_secret_that_comes_to_one_node_after_the_other_is_not_noticed(lan: Lan) -> None:
    one, other = lan.start("n1", OLD), lan.start("n2", OLD)
    await until("they hear each other", lambda: one.alive == other.alive == {"n1", "n2"})
    await until("each tells of the other", lambda: Up(other.name) in one.effects and Up(one.name) in other.effects)
    del one.effects[:], other.effects[:]
    for node in (one, other):
        node.take(NEW)
        await watched(WATCHED_S)
    assert (one.effects, other.effects) == ([], [])
    assert (one.told, other.told) == ([], [])


async def test_who_starts_with_the_new_secret_takes_part_when_the_others_have_it(lan: Lan) -> None:
    """Before that, nobody would hear it, and it would answer for addresses that others answer for."""
    one = lan.start("n1", OLD)
    await until("it takes part", lambda: one.alive == {"n1"})
    late = lan.start("n2", NEW)
    await until("each tells of the other", lambda: (one.told, late.told) == (["n2"], ["n1"]))
    assert late.heartbeat.refused[Flaw.OTHER_KEY] >= TELL_AFTER * 5
    assert late.heartbeat.barred
    assert (late.arbiter.state, one.arbiter.state) == (State.JOINING, State.ACTIVE)
    one.take(NEW)
    await until("they hear each other", lambda: one.alive == late.alive == {"n1", "n2"})
    assert not late.heartbeat.barred
    assert late.heartbeat.strangers.nodes(clock()) == one.heartbeat.strangers.nodes(clock()) == {}
