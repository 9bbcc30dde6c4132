"""How much may be written: token buckets, as pure arithmetic on times that the caller tells."""

from __future__ import annotations

from collections import OrderedDict


class TokenBucket:
    """Lets `burst` through at once, and `rate` a second after that."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._at: float | None = None

    def take(self, now: float, tokens: int = 1) -> bool:
        """Takes a token, or several at once; False if there are not so many."""
        if self.wait(now, tokens) > 0:
            return False
        self._tokens -= tokens
        return True

    def wait(self, now: float, tokens: int = 1) -> float:
        """Seconds until there is a token, or as many as are wanted (never more than the burst); 0 if there are."""
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._tokens >= tokens - 1e-9 else (tokens - self._tokens) / self._rate


class Buckets:
    """A bucket for each key; of more than `keys_max` keys the one that was quiet for longest is forgotten."""

    def __init__(self, rate: float, burst: int, keys_max: int) -> None:
        self._rate = rate
        self._burst = burst
        self._keys_max = keys_max
        self._buckets: OrderedDict[object, TokenBucket] = OrderedDict()

    def take(self, key: object, now: float) -> bool:
        """Takes a token of the key's bucket; False if there is none."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst)
            if len(self._buckets) > self._keys_max:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now)

    def wait(self, key: object, now: float) -> float:
        """Seconds until the key's bucket has a token; 0 if it has one."""
        bucket = self._buckets.get(key)
        return bucket.wait(now) if bucket is not None else 0.0
