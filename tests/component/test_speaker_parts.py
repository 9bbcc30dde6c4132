"""Heartbeats on loopback of nodes that go by a part of the configuration and of those that know the whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.beating import Lan, until, watched
from pylb.core.ownership.beats import State
from pylb.core.ownership.presence import LISTEN


@pytest.fixture
async def lan() -> AsyncIterator[Lan]:
    made = Lan("127.0.8")
    yield made
    await made.close()


async def test_a_part_takes_part_when_nobody_knows_the_whole_any_more(lan: Lan) -> None:
    whole = lan.start("n1")
    await until("it takes part", lambda: whole.alive == {"n1"})
    part = lan.start("n2", partial=True)
    await until("it hears it", lambda: part.alive == {"n1"})
    await watched(2 * LISTEN)
    assert (whole.alive, part.arbiter.state) == ({"n1"}, State.JOINING)
    await lan.stop("n1")
    await until("it takes part", lambda: part.alive == {"n2"})
    again = lan.start("n1", partial=True)
    await until("both do", lambda: part.alive == again.alive == {"n1", "n2"})
