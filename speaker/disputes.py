"""When a status object may be written again that somebody else undid: pure, so that two speakers never fight over one.

Two nodes of a split both believe that they announce a Service, and both reach the API server. Each writes its own
object, and an owner removes other nodes' objects. What comes back after it was removed has a living writer: it is left
alone for a minute, then twice as long each time. And whatever is done again, because somebody undid it or because the
ownership flaps, is done from a small allowance for all objects of the node together.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from pylb.kube.limits import TokenBucket
from pylb.speaker.statuses import Plan

PATIENCE, PATIENCE_MAX = 60.0, 960.0  # s that an object which came back is left alone, and the most after doubling
FREE = 3  # times that an object may be written, and be deleted, before that counts as flapping
QUIET = 300.0  # s after which nothing is remembered of an object that nothing was done to
RATE, BURST = 0.2, 4  # writes a second, and at once, for what is done again; two such speakers stay below 1 a second
COST_WRITE, COST_DELETE = 2, 1  # requests: an object and its status, or one
MEMORY_MAX = 20_000  # objects that are remembered
WRITE, DELETE = "write", "delete"


@dataclass(frozen=True, slots=True)
class _Past:
    """What was done to an object."""

    written: int = 0
    deleted: int = 0
    last: str = ""  # WRITE or DELETE
    at: float = float("-inf")  # when
    wanted: float = float("-inf")  # when more was to be done last, and put off
    patience: float = PATIENCE


class Disputes:
    """The memory of one node. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._past: OrderedDict[str, _Past] = OrderedDict()
        self._bucket = TokenBucket(RATE, BURST)

    def admit(self, todo: Plan, standing: frozenset[str], now: float) -> tuple[Plan, float | None]:
        """What of the plan may be done now, and seconds until more of it may; None if nothing is left.

        `standing` are the names of the objects that stand there.
        """
        waits: list[float] = []
        disputed = any(self._vanished(one[0], standing, now) for one in todo.write)  # and not to be answered in kind
        write = tuple(one for one in todo.write if self._may_write(one[0], standing, now, waits))
        delete = tuple(name for name in todo.delete if self._may_delete(name, disputed, now, waits))
        return Plan(write, delete), min(waits, default=None)

    def wrote(self, name: str, now: float) -> None:
        """This node wrote its object."""
        past = self._past.get(name, _Past())
        self._remember(name, replace(past, written=past.written + 1, last=WRITE, at=now))

    def deleted(self, name: str, now: float) -> None:
        """This node deleted an object, its own or another node's."""
        past = self._past.get(name, _Past())
        patience = min(PATIENCE_MAX, past.patience * 2) if past.last == DELETE else PATIENCE
        self._remember(name, replace(past, deleted=past.deleted + 1, last=DELETE, at=now, patience=patience))

    def _vanished(self, name: str, standing: frozenset[str], now: float) -> bool:
        return name not in standing and self._recall(name, now).last == WRITE

    def _may_write(self, name: str, standing: frozenset[str], now: float, waits: list[float]) -> bool:
        again = self._vanished(name, standing, now) or self._recall(name, now).written >= FREE
        return not again or self._afford(name, COST_WRITE, now, waits)

    def _may_delete(self, name: str, disputed: bool, now: float, waits: list[float]) -> bool:
        past = self._recall(name, now)
        came_back = past.last == DELETE
        if came_back and now < past.at + past.patience:
            return self._put_off(name, now, past.at + past.patience - now, waits)
        again = disputed or came_back or past.deleted >= FREE
        return not again or self._afford(name, COST_DELETE, now, waits)

    def _afford(self, name: str, cost: int, now: float, waits: list[float]) -> bool:
        wait = self._bucket.wait(now, cost)
        return self._bucket.take(now, cost) or self._put_off(name, now, wait, waits)

    def _put_off(self, name: str, now: float, wait: float, waits: list[float]) -> bool:
        """Always False: what waits is not forgotten meanwhile."""
        if name in self._past:
            self._past[name] = replace(self._past[name], wanted=now)
        waits.append(wait)
        return False

    def _recall(self, name: str, now: float) -> _Past:
        past = self._past.get(name, _Past())
        return past if now - max(past.at, past.wanted) < max(QUIET, 2 * past.patience) else _Past()

    def _remember(self, name: str, past: _Past) -> None:
        self._past[name] = past
        self._past.move_to_end(name)
        if len(self._past) > MEMORY_MAX:
            self._past.popitem(last=False)
