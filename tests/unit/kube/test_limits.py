"""Token buckets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pylb.kube.limits import Buckets, TokenBucket


def test_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait(0) == 0.5
    assert bucket.take(0.5)
    assert not bucket.take(0.9)
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 10), max_size=100), st.integers(1, 5), st.floats(0.1, 10))
def test_never_more_than_burst_and_rate_allow(gaps: list[float], burst: int, rate: float) -> None:
    bucket, now, taken = TokenBucket(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now)
        assert taken <= burst + rate * now + 1e-6


def test_each_key_has_its_own_and_the_quiet_ones_are_forgotten() -> None:
    buckets = Buckets(rate=0.001, burst=1, keys_max=2)
    assert buckets.take("a", 0)
    assert not buckets.take("a", 0)
    assert buckets.take("b", 0)
    assert buckets.take("c", 0)
    assert buckets.take("a", 0), "forgotten for b and c"
