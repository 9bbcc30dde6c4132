"""When the next request may start: pure arithmetic on times that the caller tells.

Two rules stand side by side. After a failure the next attempt waits, counted from the *start* of the failed one, half
of a width fixed and half of it jitter; the width grows from 0.5 s to 1.5 s in the first minute and to 30 s after it;
an attempt of several requests waits for at least 0.5 s each. And whatever happens, at most 20 requests start in any
10 seconds (a mean of 2 a second for each kind); the further pages of a list, which come one after the other as they are
answered, are one request with the first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Pace:
    """The constants of the back-off, in seconds where not said otherwise."""

    first: float = 0.5  # the first width
    growth: float = 1.5  # factor from width to width
    early_limit: float = 1.5  # the widest in the first minute
    early: float = 60.0  # how long the first minute is
    late_limit: float = 30.0  # the widest after it
    window: float = 10.0
    in_window: int = 20  # requests that may start in any window
    healthy_after: float = 10.0  # an exchange that lasted so long ends the outage before it
    gone_after: float = 30.0  # a kind that had objects must be missing so long before it is believed
    retry_after_limit: float = 60.0  # what a server's Retry-After may make us wait at most

    def scaled(self, factor: float) -> Pace:
        """The same with all times multiplied, so that a test can live through an outage in less time."""
        times = (
            "first",
            "early_limit",
            "early",
            "late_limit",
            "window",
            "healthy_after",
            "gone_after",
            "retry_after_limit",
        )
        return replace(self, **{name: getattr(self, name) * factor for name in times})


class Backoff:
    """The pace of one kind of requests. `random` gives numbers in [0, 1); times are monotonic seconds."""

    def __init__(self, random: Callable[[], float], pace: Pace | None = None) -> None:
        self._random = random
        self._pace = pace or Pace()
        self._starts: deque[float] = deque(maxlen=self._pace.in_window)
        self._width = 0.0
        self._failing_since: float | None = None
        self._not_before = float("-inf")
        self._attempt: float | None = None  # when the current attempt started
        self._spent = 0  # requests of it

    @property
    def failing_since(self) -> float | None:
        """When the outage that lasts began; None while all is well."""
        return self._failing_since

    def wait(self, now: float) -> float:
        """Seconds until the next request may start; 0 for at once."""
        earliest = self._not_before
        if len(self._starts) == self._pace.in_window:
            earliest = max(earliest, self._starts[0] + self._pace.window)
        return max(0.0, earliest - now)

    def started(self, now: float) -> None:
        """A request starts. An attempt is made of all requests since the last failure."""
        self._starts.append(now)
        self._spent += 1
        if self._attempt is None:
            self._attempt = now

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """The attempt ended badly, or too soon."""
        start = now if self._attempt is None else self._attempt
        if now - start >= self._pace.healthy_after and self._failing_since is None:
            start = now  # it was well for long: the outage begins now, and not when the request was sent
            self._spent = 1  # and what was spent on coming so far is long past
        self._widen(now)
        wait = self._width / 2 + self._width / 2 * self._random()
        if self._spent > 1:  # a list and a watch each time: the mean holds without a pause by the window
            mean = self._pace.window / self._pace.in_window
            wait = max(wait, min(self._spent * mean, self._pace.early_limit))
        self._not_before = start + wait
        if retry_after is not None:
            self._not_before = max(self._not_before, now + min(retry_after, self._pace.retry_after_limit))
        self._attempt, self._spent = None, 0

    def pause(self, now: float, seconds: float) -> None:
        """No failure, but the next request is not due before so many seconds, half of them jitter."""
        self._not_before = now + seconds / 2 + seconds / 2 * self._random()
        self._attempt, self._spent = None, 0

    def healthy(self) -> None:
        """All is well again: the next failure begins a new outage."""
        self._failing_since = None
        self._width = 0.0
        self._not_before = float("-inf")

    def _widen(self, now: float) -> None:
        if self._failing_since is None:
            self._failing_since = now
            self._width = self._pace.first
            return
        early = now - self._failing_since < self._pace.early
        limit = self._pace.early_limit if early else self._pace.late_limit
        self._width = min(self._width * self._pace.growth, limit)
