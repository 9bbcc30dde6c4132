"""What waits to be written as an Event, and what is written next: pure, on times that the caller tells.

The newest is written first, Warnings before the rest: what happens now is read now, whatever a burst left behind. The
notices of one object go in their order, equal ones as one with a count, and without those that a newer one makes moot.
An object that was told of too often waits, and what it then says is the newest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pylb.core.model import ObjectRef
from pylb.core.notices import LASTING, WARNING, Notice, makes_moot
from pylb.kube.limits import Buckets

NORMAL_MAX = 1000  # notices that wait; of more the oldest are dropped and counted
WARNING_MAX = 5000  # the same of Warnings: one for each Service of the largest cluster that is measured
WAITS_FOR = 600.0  # s that a notice waits for its turn; one that is true until another one comes waits for longer
OBJECT_RATE, OBJECT_BURST = 1 / 60, 25  # for each object; client-go's spam filter has 25 too, and 1/300
OBJECTS_MAX = 1000  # objects whose rate is known

Key = tuple[ObjectRef, Notice]


@dataclass(frozen=True, slots=True)
class Times:
    """How often a notice was made, and when (Unix seconds)."""

    count: int
    first: float
    last: float

    def __add__(self, other: Times) -> Times:
        return Times(self.count + other.count, min(self.first, other.first), max(self.last, other.last))


@dataclass(frozen=True, slots=True)
class Item:
    """One Event to write."""

    ref: ObjectRef
    notice: Notice
    times: Times


@dataclass(frozen=True, slots=True)
class Losses:
    """What was never written: for a bound or for its age, and because a newer one said all."""

    dropped: int = 0
    moot: int = 0


class Outbox:
    """The notices that wait. Times are Unix seconds."""

    def __init__(self) -> None:
        self.losses = Losses()
        self._normal: OrderedDict[Key, Times] = OrderedDict()  # each by when it was made last
        self._warnings: OrderedDict[Key, Times] = OrderedDict()
        self._objects: dict[ObjectRef, list[Notice]] = {}  # in their order
        self._limits = Buckets(OBJECT_RATE, OBJECT_BURST, OBJECTS_MAX)

    def __len__(self) -> int:
        return len(self._normal) + len(self._warnings)

    def put(self, ref: ObjectRef, notice: Notice, now: float) -> None:
        """A notice is made."""
        times = Times(1, now, now)
        before = self._remove((ref, notice))
        for older in [one for one in self._objects.get(ref, ()) if makes_moot(notice, one)]:
            self._remove((ref, older))
            self._lose(moot=1)
        self._shelf(notice)[ref, notice] = before + times if before else times
        self._objects.setdefault(ref, []).append(notice)
        self._keep_bounds()

    def take(self, now: float) -> Item | None:
        """The next one to write, which waits no more; None if there is none, or none may be written yet."""
        while True:
            ref = next((one for one, _ in self._newest() if self._limits.wait(one, now) <= 0), None)
            if ref is None:
                return None
            notice = self._objects[ref][0]
            times = self._remove((ref, notice))
            if times is not None and (now - times.last <= WAITS_FOR or notice.reason in LASTING):
                return Item(ref, notice, times)
            self._lose(dropped=1)

    def wait(self, now: float) -> float | None:
        """Seconds until `take` has something, 0 for at once; None while nothing waits."""
        earliest: float | None = None
        for ref in self._objects:
            wait = self._limits.wait(ref, now)
            if wait <= 0:
                return 0.0
            earliest = wait if earliest is None else min(earliest, wait)
        return earliest

    def wrote(self, item: Item, now: float) -> None:
        """It was written: that counts for the object's rate."""
        self._limits.take(item.ref, now)

    def give_back(self, item: Item) -> None:
        """It could not be written, and waits again: after all others, but before those of its object."""
        others = self._objects.get(item.ref, [])
        if any(makes_moot(one, item.notice) and one != item.notice for one in others):
            self._lose(moot=1)
            return
        shelf, key = self._shelf(item.notice), (item.ref, item.notice)
        if key in shelf:
            shelf[key] += item.times
            return
        shelf[key] = item.times
        shelf.move_to_end(key, last=False)
        self._objects.setdefault(item.ref, []).insert(0, item.notice)
        self._keep_bounds()

    def forget(self, ref: ObjectRef) -> None:
        """Nobody needs to read of the object any more."""
        for notice in list(self._objects.get(ref, ())):
            self._remove((ref, notice))
            self._lose(moot=1)

    def forget_all(self) -> None:
        """Nobody needs to read of any object any more."""
        for ref in list(self._objects):
            self.forget(ref)

    def _newest(self) -> Iterator[Key]:
        yield from reversed(self._warnings)
        yield from reversed(self._normal)

    def _shelf(self, notice: Notice) -> OrderedDict[Key, Times]:
        return self._warnings if notice.type == WARNING else self._normal

    def _remove(self, key: Key) -> Times | None:
        ref, notice = key
        times = self._shelf(notice).pop(key, None)
        if times is not None:
            self._objects[ref].remove(notice)
            if not self._objects[ref]:
                del self._objects[ref]
        return times

    def _keep_bounds(self) -> None:
        for shelf, limit in ((self._normal, NORMAL_MAX), (self._warnings, WARNING_MAX)):
            while len(shelf) > limit:
                self._remove(next(iter(shelf)))
                self._lose(dropped=1)

    def _lose(self, *, dropped: int = 0, moot: int = 0) -> None:
        now = self.losses
        self.losses = replace(now, dropped=now.dropped + dropped, moot=now.moot + moot)
