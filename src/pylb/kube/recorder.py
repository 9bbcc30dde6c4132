"""Writes core/v1 Events as MetalLB does, in the background, and never at the cost of who tells.

Which one is next, and which are moot, is decided in `kube.outbox`; how many a second, and what becomes of one that
cannot be written, here. A repetition is counted on the Event that stands there, as client-go does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from pylb.core.model import ObjectRef
from pylb.core.notices import Notice
from pylb.kube.backoff import Backoff, Pace
from pylb.kube.client import JSON, Client
from pylb.kube.dial import within
from pylb.kube.errors import ClusterError, Forbidden, Invalid, NotFound, cut
from pylb.kube.limits import TokenBucket
from pylb.kube.outbox import Item, Outbox, Times

KNOWN_MAX = 1000  # Events that a repetition is counted on
REPEATS_FOR = 600.0  # seconds in which an equal Event is a repetition (client-go counts in intervals of 10 minutes too)
RATE, BURST = 20.0, 100  # Events a second, and at once: 1,000 Services at once are told of within a minute
PACE = Pace(in_window=1000)  # after failures alone: how many may be written is the bucket's matter
MESSAGE_MAX = 1024  # characters (events.k8s.io/v1: note)
NAME_MAX = 253 - 17  # characters of the object's name in the Event's: a dot and 16 hexadecimal digits follow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderStatistics:
    """What became of the Events."""

    written: int = 0  # as a new one, or as a count on one that stood there
    refused: int = 0  # by the API server
    dropped: int = 0  # for a bound, or for age
    moot: int = 0  # replaced by a newer one before anybody could read it

    def items(self) -> tuple[tuple[str, int], ...]:
        """Each figure with its name."""
        return (
            ("written", self.written),
            ("refused", self.refused),
            ("dropped", self.dropped),
            ("moot", self.moot),
        )


class EventRecorder:
    """Notes what is to be told, and writes it in the background task `run`."""

    def __init__(
        self,
        client: Client,
        component: str,
        *,
        host: str = "",
        clock: Callable[[], float] = time.time,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._component = component
        self._host = host
        self._clock = clock
        self._outbox = Outbox()
        self._known: OrderedDict[tuple[ObjectRef, Notice], tuple[str, Times]] = OrderedDict()  # name, and what it says
        self._filled = asyncio.Event()
        self._bucket = TokenBucket(RATE, BURST)
        self._backoff = Backoff(rng, PACE)
        self._statistics = RecorderStatistics()

    def statistics(self) -> RecorderStatistics:
        """A snapshot."""
        losses = self._outbox.losses
        return replace(self._statistics, dropped=losses.dropped, moot=losses.moot)

    def record(self, ref: ObjectRef, notice: Notice) -> None:
        """Notes an Event to be written. Never blocks, never raises."""
        self._outbox.put(ref, replace(notice, message=notice.message[:MESSAGE_MAX]), self._clock())
        self._filled.set()

    def forget(self, ref: ObjectRef) -> None:
        """What waits about an object is not worth telling any more."""
        self._outbox.forget(ref)

    def forget_all(self) -> None:
        """What waits is another's to tell."""
        self._outbox.forget_all()

    async def run(self) -> None:
        """Writes what is recorded until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._turn(loop.time)
            item = self._outbox.take(self._clock())
            if item is not None:
                self._bucket.take(loop.time())
                await self._try(item, loop.time)

    async def _turn(self, now: Callable[[], float]) -> None:
        """Waits until there may be something to write, and it may be written."""
        wait = self._outbox.wait(self._clock())
        if wait is None:
            self._filled.clear()
            await self._filled.wait()
        elif wait > 0:  # or until another object is told of
            self._filled.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await within(wait, self._filled.wait())
        await asyncio.sleep(max(self._bucket.wait(now()), self._backoff.wait(now())))

    async def _try(self, item: Item, now: Callable[[], float]) -> None:
        self._backoff.started(now())
        try:
            await self._write(item)
        except (Forbidden, NotFound, Invalid) as error:
            self._statistics = replace(self._statistics, refused=self._statistics.refused + 1)
            fields = {"object": str(item.ref), "event": item.notice.reason, "error": cut(str(error))}
            log.warning("an Event was refused", extra={"fields": fields})
        except ClusterError as error:
            self._backoff.failed(now(), error.retry_after)
            self._outbox.give_back(item)
        else:
            self._backoff.healthy()
            self._outbox.wrote(item, self._clock())
            self._statistics = replace(self._statistics, written=self._statistics.written + 1)

    async def _write(self, item: Item) -> None:
        """Counts a repetition on the Event that stands there, or makes a new one."""
        path = f"/api/v1/namespaces/{_namespace(item.ref)}/events"
        name, before = self._known.get((item.ref, item.notice), ("", item.times))
        if name and item.times.first - before.last <= REPEATS_FOR:
            total = before + item.times
            try:
                await self._client.patch(
                    f"{path}/{name}", {"count": total.count, "lastTimestamp": _timestamp(total.last)}
                )
            except NotFound:  # Events live for an hour
                pass
            else:
                self._remember(item, name, total)
                return
        name = f"{item.ref.name[:NAME_MAX]}.{int(self._clock() * 1e9):x}"
        await self._client.post(path, self._event(item, name))
        self._remember(item, name, item.times)

    def _event(self, item: Item, name: str) -> JSON:
        ref, notice, times = item.ref, item.notice, item.times
        about = {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": ref.uid,
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": _namespace(ref)},
            "involvedObject": {key: value for key, value in about.items() if value},
            "type": notice.type,
            "reason": notice.reason,
            "message": notice.message,
            "source": {"component": self._component, **({"host": self._host} if self._host else {})},
            "reportingComponent": self._component,
            "reportingInstance": self._host,
            "firstTimestamp": _timestamp(times.first),
            "lastTimestamp": _timestamp(times.last),
            "count": times.count,
        }

    def _remember(self, item: Item, name: str, times: Times) -> None:
        key = (item.ref, item.notice)
        self._known[key] = (name, times)
        self._known.move_to_end(key)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)


def _namespace(ref: ObjectRef) -> str:
    """Where the Event stands: with the object, or in `default` for an object of the cluster."""
    return ref.namespace or "default"


def _timestamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
