"""Costly work leaves time to others, and nothing that was asked for is forgotten."""

from __future__ import annotations

import asyncio

import pytest

from pylb.kube import pace
from pylb.kube.pace import Pace


class Work:
    """Takes as long as it is told to, by its own clock."""

    def __init__(self, takes: float) -> None:
        self.takes, self.now, self.done = takes, 0.0, 0

    def __call__(self) -> None:
        self.now += self.takes
        self.done += 1


async def test_short_work_is_done_each_time() -> None:
    work = Work(pace.SHORT_S / 2)
    paced = Pace(work, lambda: work.now)
    for _ in range(100):
        paced.ask()
    assert work.done == 100


async def test_long_work_is_done_at_once_and_once_more_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MAX_REST_S", 0.01)
    work = Work(1.0)
    paced = Pace(work, lambda: work.now)
    for _ in range(100):
        paced.ask()
    assert work.done == 1
    await asyncio.sleep(0.1)
    assert work.done == 2


async def test_after_a_rest_in_which_nobody_asked_it_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MAX_REST_S", 0.01)
    work = Work(1.0)
    paced = Pace(work, lambda: work.now)
    paced.ask()
    await asyncio.sleep(0.1)
    assert work.done == 1
    paced.ask()
    assert work.done == 2
