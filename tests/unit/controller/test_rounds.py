"""A round in slices: others have their turn between its steps, and what they bring comes after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fakes.world import configured, pool, service
from pylb.controller import rounds
from pylb.controller.reconcile import Books
from pylb.controller.rounds import Round, at_leisure
from pylb.core.model import ServiceKey

A, B = ServiceKey("default/a"), ServiceKey("default/b")


@pytest.mark.parametrize(("seconds", "turns"), [(-1.0, 3), (60.0, 0)])
async def test_others_have_their_turn_after_each_slice(
    monkeypatch: pytest.MonkeyPatch, seconds: float, turns: int
) -> None:
    monkeypatch.setattr(rounds, "SLICE", seconds)
    seen: list[str] = []

    def steps() -> Iterator[None]:
        for _ in range(3):
            seen.append("step")
            asyncio.get_running_loop().call_soon(seen.append, "other")
            yield
        seen.append("end")

    await at_leisure(steps())
    assert seen == ["step", "other"] * 3 + ["end"] if turns else ["step"] * 3 + ["end"]


def test_what_comes_during_a_round_comes_after_it_in_its_order() -> None:
    came: list[int] = []
    made = Round()
    assert not made.put_off(lambda: came.append(0))
    made.begin({A, B})
    assert made.put_off(lambda: came.append(1))
    assert made.put_off(lambda: came.append(2))
    assert (came, set(made.keys)) == ([], {A, B})
    made.decided()
    assert (came, set(made.keys), made.put_off(lambda: came.append(3))) == ([], set(), True)
    made.end()
    assert (came, set(made.keys)) == ([1, 2, 3], set())
    assert not made.put_off(lambda: came.append(4))


async def test_who_puts_off_too_much_has_no_turn_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "SLICE", -1.0)
    monkeypatch.setattr(rounds, "MAX_LATE", 2)
    seen: list[str] = []
    made = Round()

    def other() -> None:
        seen.append("other")
        made.put_off(lambda: seen.append("late"))

    def steps() -> Iterator[None]:
        made.begin({A})
        for _ in range(4):
            seen.append("step")
            asyncio.get_running_loop().call_soon(other)
            yield
        made.end()

    await at_leisure(steps(), made.is_full)
    assert seen == ["step", "other", "step", "other", "step", "step", "late", "late"]


def test_no_decision_is_another_before_a_round_has_ended() -> None:
    """What is written meanwhile goes by those of before."""
    config, books = configured(pool("p", "10.0.0.0/30")), Books()
    present = {one.key: one for one in (service("a"), service("b"))}
    books.settle(config, present, [A, B])
    before = dict(books.decisions)
    present[A] = replace(present[A], load_balancer_ip="10.0.0.3")
    for _ in books.settling(config, present, [A]):
        assert books.decisions == before
    assert [str(one) for one in books.ledger.allocations[A].addresses] == ["10.0.0.3"]
    assert books.decisions != before
