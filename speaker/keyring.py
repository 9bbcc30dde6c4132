"""Which keys a speaker signs with and believes while the cluster's secret is replaced by another: pure.

The kubelet of each node brings a changed Secret at a time of its own, a minute or two apart. So a speaker that has got
the new key goes on believing the old one for KEPT, and sends each beat once under each of them: whoever has one of the
keys understands it. Signing with one alone would leave a gap on either side: with the old one, a speaker that started
with the new key hears nobody until KEPT is over; with the new one, those hear nobody whose kubelet is late.

A beat tells by its cluster id which key it is signed with. Whose beats cannot be read is `strangers`' matter.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from pylb.speaker.beat import CLUSTER_BYTES

MIN_BYTES = 8  # of a secret; a shorter one is a typing error
SPREAD = (
    150.0  # s from the first kubelet to the last: it looks each 60 s and up to half of that later, at most 60 s old
)
KEPT = 2 * SPREAD  # s that a key is believed after another came
MAX_KEYS = 4  # at once: the current one, and those of Secrets that were replaced again before all had them


@dataclass(frozen=True, slots=True)
class Key:
    """What a secret gives: the key that signs, and the id by which clusters on one LAN tell each other's beats apart."""

    signing: bytes
    cluster: bytes

    def __repr__(self) -> str:
        return f"Key({self.cluster.hex()})"  # never what signs


def derive(secret: bytes) -> Key:
    """The key that a secret gives; the same on every node."""
    cluster = hmac.digest(secret, b"pylb cluster 1", hashlib.sha256)[:CLUSTER_BYTES]
    return Key(hmac.digest(secret, b"pylb beats 1", hashlib.sha256), cluster)


class Keyring:
    """The current key, and those before it for a while. Times are seconds of one clock that does not go back."""

    def __init__(self, secret: bytes) -> None:
        self._current = derive(secret)
        self._earlier: dict[Key, float] = {}  # until when each is believed, the oldest first

    @property
    def name(self) -> str:
        """Which key is the current one: what may be told, as each beat does."""
        return self._current.cluster.hex()

    def take(self, secret: bytes, now: float) -> bool:
        """Make this secret the current one; False if it is already."""
        key = derive(secret)
        if key == self._current:
            return False
        self._earlier.pop(key, None)
        self._earlier[self._current] = now + KEPT
        while len(self._earlier) >= MAX_KEYS:
            del self._earlier[next(iter(self._earlier))]
        self._current = key
        return True

    def valid(self, now: float) -> tuple[Key, ...]:
        """The keys to sign with, each for itself; the current one first."""
        if self._earlier:
            self._earlier = {key: until for key, until in self._earlier.items() if now < until}
        return (self._current, *self._earlier)

    def find(self, cluster: bytes, now: float) -> Key | None:
        """The key that a beat with this cluster id is to be checked with; None if it is none of ours."""
        return next((key for key in self.valid(now) if key.cluster == cluster), None)
