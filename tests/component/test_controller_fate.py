"""The controller's own fate: ended at any of its writes, and started again. No address changes, none is given twice, and
in the end nobody waits for what can be had.

`PYLB_FATES=all` strikes each write in every way (some minutes); otherwise each is struck in one, those next to it in
another. The judge is `fakes.oracle`, which shares no code with the controller.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from fakes import fates, rivals
from fakes.fated import ProcessPlay
from fakes.fates import CUT_AFTER, CUT_BEFORE, FATES, KILLED_AFTER, KILLED_BEFORE, Play
from pylb.controller import exchange, rounds
from pylb.controller.app import Controller
from pylb.core.allocation import allocator
from pylb.core.allocation.ledger import Ledger
from pylb.core.model import Address, Service

ALL = os.environ.get("PYLB_FATES") == "all"
AT_ONCE = 8  # plays in one loop: most of a play is waiting
SHARES = 4  # tests that the writes are dealt to
FEWEST = 120  # writes of a play without harm: what is struck below is among them
BEYOND = 8  # more writes than that may there be, where a restart writes something anew
Strike = tuple[int, str, bool]


async def struck(strike: Strike, free: asyncio.Semaphore) -> tuple[Strike, bool, list[str]]:
    """A play; whether it came to the strike, and what was wrong."""
    at, fate, dark = strike
    async with free, rivals.stage() as stage:
        play = Play(stage, at, fate, dark=dark)
        try:
            wrong = await play.run()
        except AssertionError as error:
            wrong = [str(error)]
        return strike, play.struck.struck, wrong


async def all_of(strikes: list[Strike]) -> list[tuple[Strike, bool, list[str]]]:
    free = asyncio.Semaphore(AT_ONCE)
    return list(await asyncio.gather(*(struck(one, free) for one in strikes)))


def dealt(share: int, count: int) -> list[Strike]:
    """The strikes of a share."""
    mine = range(1 + share, count + 1, SHARES)
    if ALL:
        kinds = [(fate, dark) for fate in FATES for dark in (False, True) if not (dark and fate.startswith("cut"))]
        return [(at, *kind) for at in mine for kind in kinds]
    return [(at, *_one_way(at)) for at in mine]


def _one_way(at: int) -> tuple[str, bool]:
    """One way to be struck; now and then a connection alone is."""
    if at % 8 == 7:
        return (CUT_BEFORE, CUT_AFTER)[at // 8 % 2], False
    return (KILLED_BEFORE, KILLED_AFTER)[at % 2], at % 3 == 0


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    fates.hurry(monkeypatch)


async def writes_of_a_whole_life() -> list[str]:
    async with rivals.stage() as stage:
        play = Play(stage)
        assert await play.run() == []
        return play.struck.writes


@pytest.mark.usefixtures("hurry")
async def test_a_life_without_harm_writes_all_that_a_controller_writes() -> None:
    """What the strikes below are dealt to: else they would prove little."""
    writes = await writes_of_a_whole_life()
    kinds = ("/services/", "/events", "/leases", "/ipaddresspools/", "/configurationstates", "/configmaps")
    assert [kind for kind in kinds if not any(kind in path for path in writes)] == []
    assert len(writes) > FEWEST


@pytest.mark.timeout(900 if ALL else 120)
@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("share", range(SHARES))
async def test_struck_at_any_write(monkeypatch: pytest.MonkeyPatch, share: int) -> None:
    """Half of them where all others have their turn after each step of a round."""
    if share % 2:
        monkeypatch.setattr(rounds, "SLICE", -1.0)
    count = len(await writes_of_a_whole_life())
    found = await all_of(dealt(share, count + BEYOND))
    assert [(strike, wrong) for strike, _, wrong in found if wrong] == []
    assert {strike[0] for strike, came, _ in found if came} >= set(range(1 + share, FEWEST, SHARES))


def forgets_what_is_recorded(ledger: Ledger, service: Service) -> tuple[Address, ...]:
    known = ledger.allocations.get(service.key)
    return known.addresses if known is not None else ()


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    ("where", "name", "how"),
    [
        (allocator, "_recorded", forgets_what_is_recorded),
        (Controller, "_present", lambda controller: []),
        (exchange, "let_go", lambda *_: set()),
    ],
)
async def test_what_the_strikes_are_there_to_find_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, how: object
) -> None:
    """A controller that adopts nothing, one that does not look at all Services after a change, and one that leaves those
    waiting who wait for each other."""
    monkeypatch.setattr(where, name, how)
    monkeypatch.setattr(fates, "SETTLES_S", 3.0)
    found = await all_of([(at, KILLED_AFTER, False) for at in range(20, FEWEST, 12)])
    assert any(wrong for _, _, wrong in found)


@pytest.mark.timeout(180)
async def test_processes_that_are_killed_at_a_write(tmp_path: Path) -> None:
    """The same with SIGKILL, and at the pace that users see."""

    async def play(at: int, fate: str, home: Path) -> tuple[int, bool, list[str]]:
        home.mkdir()
        async with rivals.stage() as stage:
            one = ProcessPlay(stage, home, at, fate)
            wrong = await one.run()
            return at, one.struck.struck, wrong

    strikes = [(at, FATES[number % 2], tmp_path / str(at)) for number, at in enumerate((2, 9, 21, 47))]
    found = await asyncio.gather(*(play(*strike) for strike in strikes))
    assert [one for one in found if one[2]] == []
    assert sum(came for _, came, _ in found) > len(strikes) / 2
