"""When an address is announced."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from pylb.speaker.schedule import DUE_LIMIT, Schedule

ONE, TWO = IPv4Address("10.77.0.100"), IPv4Address("10.77.0.101")
START = 1000.0


def schedule(jitter: float = 0.5) -> Schedule:
    return Schedule(lambda: jitter)


def times(plan: Schedule, count: int) -> list[float]:
    """When the next announcements are due, each taken exactly then."""
    found = []
    for _ in range(count):
        at = plan.next_at()
        assert at is not None
        assert plan.due(at)
        found.append(round(at - START, 6))
    return found


def test_a_take_over_is_a_burst_and_then_once_a_minute() -> None:
    plan = schedule()
    plan.start(ONE, START)
    assert times(plan, 10) == [0, 0.05, 0.15, 0.5, 1, 2, 5, 65, 125, 185]


def test_once_is_once() -> None:
    plan = schedule()
    plan.start(ONE, START)
    plan.start_once(ONE, START + 1)  # in the place of the burst
    assert plan.due(START + 0.9) == ()
    assert plan.due(START + 1) == (ONE,)
    assert plan.next_at() is None
    assert ONE not in plan
    plan.start(ONE, START + 2)
    assert len(times(plan, 7)) == 7


@pytest.mark.parametrize(("jitter", "gap"), [(0.0, 54.0), (0.5, 60.0), (1.0, 66.0)])
def test_the_minute_is_jittered_by_a_tenth(jitter: float, gap: float) -> None:
    plan = schedule(jitter)
    plan.start(ONE, START)
    burst = times(plan, 7)
    assert times(plan, 1)[0] - burst[-1] == pytest.approx(gap)


def test_nothing_is_due_before_its_time_and_each_once() -> None:
    plan = schedule()
    plan.start(ONE, START)
    assert plan.due(START - 0.001) == ()
    assert plan.due(START) == (ONE,)
    assert plan.due(START) == ()
    assert plan.due(START + 0.049) == ()
    assert plan.due(START + 0.05) == (ONE,)


def test_a_late_call_sends_once_and_shifts_the_rest() -> None:
    plan = schedule()
    plan.start(ONE, START)
    assert plan.due(START + 3.0) == (ONE,)
    assert plan.due(START + 3.0) == ()
    assert plan.next_at() == pytest.approx(START + 3.05)


def test_starting_anew_begins_the_burst_anew() -> None:
    plan = schedule()
    plan.start(ONE, START)
    times(plan, 7)
    plan.start(ONE, START + 20)
    assert times(plan, 3) == pytest.approx([20, 20.05, 20.15])


def test_a_stopped_address_is_announced_no_more_and_the_other_still_is() -> None:
    plan = schedule()
    plan.start(ONE, START)
    plan.start(TWO, START)
    plan.stop(ONE)
    plan.stop(ONE)
    assert plan.due(START) == (TWO,)
    plan.stop(TWO)
    assert plan.next_at() is None
    assert plan.due(START + 100) == ()


def test_many_addresses_are_handed_out_in_parts() -> None:
    plan = schedule()
    many = [IPv4Address(0x0A4D0000 + at) for at in range(DUE_LIMIT + 10)]
    for address in many:
        plan.start(address, START)
    first = plan.due(START)
    assert len(first) == DUE_LIMIT
    assert plan.next_at() == START
    assert sorted(first + plan.due(START)) == many


def test_restarting_for_ever_does_not_grow() -> None:
    plan = schedule()
    for at in range(10_000):
        plan.start(ONE, START + at)
    assert len(plan._heap) <= 2 + DUE_LIMIT
    assert plan.due(START + 10_000) == (ONE,)
    assert plan.due(START + 10_000) == ()
