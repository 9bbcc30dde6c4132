"""Which of several controllers may write: the rule of the Lease that they share. Pure; times are the caller's clock.

The Lease names its holder, who writes it anew every RENEW_EVERY seconds. No clock is compared with another's: a holder
counts from when it *sent* its last renewal, everybody else from when he *saw* the Lease change last, which is later. A
write of the Lease carries the version that it replaces, so that of two who want it one gets it.

All in seconds, R being when the last good renewal was sent, on the holder's own clock:

    R                          the holder sends the renewal; the API server takes it at R or later
    R + 4   SEND_FOR           from here on it sends no other write, until a renewal gets through
    R + 10  SEND_FOR + FLIGHT  by now what it sent has ended: it gives up a write FLIGHT seconds after the last moment
                               to send it, and should it be frozen, the kernel has aborted the connection of what
                               nobody confirmed (TCP_USER_TIMEOUT, 6 s in `kube.dial`)
    R + 11  DURATION           the earliest that another takes the Lease: DURATION after he saw it change

Clocks that differ by 1 % each take 0.1 s at either side: 10.1 < 10.89. What is left, 0.8 s, is the API server's, for
what it received and did not carry out yet. A Lease that is not there is free at once for whoever never saw one: else
each first start would wait. So who deletes it by hand while its holder is cut off may have two for those ten seconds. The rule holds for as long as a clock goes on while its machine sleeps
(CLOCK_BOOTTIME); it cannot hold for a virtual machine that is paused with its clocks between a check and a send.
"""

from __future__ import annotations

from dataclasses import dataclass

DURATION = 11.0  # s without a change after which the Lease is free
RENEW_EVERY = 2.0  # s from one renewal to the next, both as they are sent
SEND_FOR = 4.0  # s after a renewal was sent in which other writes may be sent
FLIGHT = 6.0  # s that a write lives at most, once sent
TRANSITIONS_MAX = 2**31 - 1  # spec.leaseTransitions is an int32; the API server refuses a Lease with more
FOREIGN_MAX = 60.0  # s: a longer duration than that in a Lease is somebody's mistake


@dataclass(frozen=True, slots=True)
class Identity:
    """Who holds a Lease: a name, and which life of it. `unique` says that no two lives of the name run at once."""

    name: str
    life: str
    unique: bool = False

    def __str__(self) -> str:
        return f"{self.name}_{self.life}"


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says; `holder` is empty where it was given back. `acquired` is a text for people."""

    holder: str
    version: str
    duration: float = DURATION
    acquired: str = ""
    transitions: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """Read the Lease, and tell by `looked`."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write the Lease: replace the `version`, create it where that is None. An empty `holder` gives it back."""

    holder: str
    version: str | None
    acquired: str  # empty: now
    transitions: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for so many seconds, unless something is told sooner."""

    seconds: float


Step = Look | Put | Wait


class Claim:
    """One controller's claim to the Lease. `plan` says what to do next, the other methods what came of it."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.record: Record | None = None  # the last that was seen, also of a Lease that is gone since
        self._me = str(identity)
        self._version: str | None = None  # what a write has to replace; None: there is no Lease
        self._seen_at: float | None = None  # when it was first seen as it is
        self._known = False  # nothing hints that it is another by now
        self._heir_of = ""  # the holder that is an earlier life of this one
        self._renewed_at: float | None = None  # when the last good renewal was sent; None: it does not lead
        self._doubted = False
        self._closing = False

    @property
    def leads(self) -> bool:
        """It took the Lease, and has not seen that anybody else did since."""
        return self._renewed_at is not None

    @property
    def holder(self) -> str:
        """Whom the Lease names; "" for nobody."""
        return self.record.holder if self.record is not None and self._version is not None else ""

    def holds(self, now: float) -> bool:
        """It leads, and nobody else can."""
        return self._renewed_at is not None and now < self._renewed_at + DURATION

    def left(self, now: float) -> float:
        """For how many seconds from now a write may be sent; 0 or less: none may."""
        if self._renewed_at is None or self._doubted or self._closing:
            return 0.0
        return self._renewed_at + SEND_FOR - now

    def plan(self, now: float) -> Step:
        """What to do next."""
        if self._closing:
            return Wait(DURATION)
        if not self._known:
            return Look()
        due = self._free_at() if self._renewed_at is None else self._renewed_at + RENEW_EVERY
        return self._put() if now >= due else Wait(due - now)

    def looked(self, record: Record | None, now: float) -> None:
        """The Lease was read: `record`, or there is none."""
        version = record.version if record is not None else None
        if self._seen_at is None:
            self._heir_of = self._earlier_life(record)
        if self._seen_at is None or version != self._version:
            self._seen_at = now
        self._version = version
        self.record = record or self.record
        self._known, self._doubted = True, False
        if record is None or record.holder != self._me:
            self._renewed_at = None

    def granted(self, record: Record, sent_at: float, now: float) -> None:
        """A write that was sent at `sent_at` was taken; the Lease is as `record` says."""
        self.record, self._version, self._seen_at = record, record.version, now
        self._known, self._doubted = True, False
        self._renewed_at = sent_at if record.holder == self._me else None

    def refused(self) -> None:
        """The Lease is not what it was taken for: nothing is written before it was read."""
        self._known, self._doubted = False, True

    def unanswered(self) -> None:
        """A write of the Lease may have been done, or not."""
        self._known = False

    def told(self, record: Record | None, now: float) -> None:
        """A watch shows the Lease; that may be late."""
        if self.leads:
            if record is None or record.holder != self._me:
                self.refused()
        elif self._known:
            self.looked(record, now)

    def close(self) -> None:
        """Nothing is written any more."""
        self._closing = True

    def give_back(self) -> Put | None:
        """How to give the Lease back, once no write is under way; None if there is nothing to give."""
        return self._put(holder="") if self.leads and self._version is not None else None

    def _free_at(self) -> float:
        """When another's Lease may be taken."""
        record = self.record
        if self._seen_at is None or record is None or record.holder in ("", self._me, self._heir_of):
            return float("-inf")
        return self._seen_at + max(DURATION, min(record.duration, FOREIGN_MAX))

    def _put(self, holder: str | None = None) -> Put:
        record = self.record or Record("", "")
        if record.holder == self._me:
            return Put(self._me if holder is None else holder, self._version, record.acquired, record.transitions)
        transitions = min(record.transitions + (self.record is not None), TRANSITIONS_MAX)
        return Put(self._me, self._version, "", transitions)

    def _earlier_life(self, record: Record | None) -> str:
        """The holder that stands there as this one starts, if it is an earlier life of the same name."""
        mine = record is not None and self.identity.unique and record.holder.rpartition("_")[0] == self.identity.name
        return record.holder if mine and record is not None else ""
