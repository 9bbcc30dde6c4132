"""The pace of requests through an outage."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.kube.backoff import Backoff, Pace


def starts_of(rng: list[float], took: list[float], until: float) -> list[float]:
    """When attempts start that all fail, after the times that they take and with the jitter that comes."""
    numbers = iter(rng * 10_000)
    durations = iter(took * 10_000)
    backoff, now, starts = Backoff(lambda: next(numbers)), 0.0, []
    while now < until:
        now += backoff.wait(now)
        backoff.started(now)
        starts.append(now)
        now += next(durations)
        backoff.failed(now)
    return starts


def gaps(starts: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(starts)]


def densest(times: list[float], window: float = 10.0) -> int:
    return max(sum(1 for time in times if start <= time < start + window) for start in times)


def test_widths_without_jitter() -> None:
    """All jitter at its most: 0.5 s growing to 1.5 s in the first minute, and to 30 s after it."""
    found = gaps(starts_of([0.999999], [0.0], 400))
    assert [round(gap, 2) for gap in found[:5]] == [0.5, 0.75, 1.12, 1.5, 1.5]
    assert max(gap for gap, at in zip(found, starts_of([0.999999], [0.0], 400), strict=False) if at < 58) <= 1.5
    assert 29.9 < found[-1] <= 30


def test_half_of_a_wait_is_fixed() -> None:
    assert [round(gap, 2) for gap in gaps(starts_of([0.0], [0.0], 3))[:4]] == [0.25, 0.38, 0.56, 0.75]


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=20), st.lists(st.floats(0, 12), min_size=1, max_size=10))
def test_in_the_first_minute_an_attempt_starts_soon_after_the_servers_return(
    rng: list[float], took: list[float]
) -> None:
    """The next attempt starts within 1.5 s of the last one's start, or at once if that took longer."""
    starts = starts_of(rng, took, 55)
    for number, gap in enumerate(gaps(starts)):
        assert gap <= max(1.5, took[number % len(took)]) + 1e-9 or took[number % len(took)] >= 10


@given(
    st.lists(st.floats(0, 0.999), min_size=1, max_size=20),
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["fails", "fine", "more", "healthy", "pause"])), max_size=300),
)
def test_at_most_20_requests_in_any_10_seconds(rng: list[float], story: list[tuple[float, str]]) -> None:
    """Whatever happens between them: failures, several requests an exchange, recoveries that did not last."""
    numbers = iter(rng * 10_000)
    backoff, now, starts = Backoff(lambda: next(numbers)), 0.0, []
    for took, what in story:
        now += backoff.wait(now)
        backoff.started(now)
        starts.append(now)
        now += took / 20
        if what == "fails":
            backoff.failed(now)
        elif what == "fine":
            backoff.healthy()
            backoff.failed(now)
        elif what == "healthy":
            backoff.healthy()
        elif what == "pause":
            backoff.pause(now, took / 3)
    if starts:
        assert densest(starts, 10 - 1e-6) <= 20


@pytest.mark.parametrize("what", ["nothing", "healthy", "healthy and failed"])
def test_a_burst_is_bounded_too(what: str) -> None:
    """A server whose answers look fine."""
    backoff, now, starts = Backoff(lambda: 0.0), 0.0, []
    for _ in range(100):
        now += backoff.wait(now)
        backoff.started(now)
        starts.append(now)
        if what != "nothing":
            backoff.healthy()
        if what == "healthy and failed":
            backoff.failed(now)
    assert densest(starts, 10 - 1e-6) == 20


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=20))
def test_two_requests_an_attempt_keep_the_bound_without_a_long_silence(rng: list[float]) -> None:
    """A server that lists and then says 410 for ever: its return is noticed as soon as any other's."""
    numbers = iter(rng * 10_000)
    backoff, now, starts = Backoff(lambda: next(numbers)), 0.0, []
    while now < 60:
        for _ in range(2):
            now += backoff.wait(now)
            backoff.started(now)
            starts.append(now)
        backoff.failed(now)
    assert densest(starts, 10 - 1e-6) <= 20
    assert max(gaps(starts)) <= 1.5


def test_retry_after_is_obeyed_up_to_a_limit() -> None:
    backoff = Backoff(lambda: 0.0)
    backoff.started(0)
    backoff.failed(0, retry_after=7)
    assert backoff.wait(0) == 7
    backoff.failed(0, retry_after=9999)
    assert backoff.wait(0) == Pace().retry_after_limit


def test_the_end_of_a_long_exchange_begins_a_new_outage() -> None:
    """The wait then counts from now: all clients lose their watches at the same moment. It is no longer for what was
    spent on beginning it, a list and a watch."""
    backoff = Backoff(lambda: 0.5)
    backoff.started(0)
    backoff.failed(1)
    backoff.healthy()
    backoff.started(10)
    backoff.started(10)
    backoff.failed(300)
    assert backoff.failing_since == 300
    assert backoff.wait(300) == 0.375


def test_scaled() -> None:
    pace = Pace().scaled(0.1)
    assert (pace.first, pace.window, pace.in_window, pace.growth) == (0.05, 1.0, 20, 1.5)
