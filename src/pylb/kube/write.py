"""Writes that spare the API server: a status only if it changes, small status objects, and Events within limits.

What is written, and why, is the caller's. An Event never blocks and never fails its caller.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from pylb.core.model import ObjectRef
from pylb.kube.backoff import Backoff, Pace
from pylb.kube.client import JSON, Client
from pylb.kube.comparison import would_change
from pylb.kube.errors import AlreadyExists, ClusterError, Forbidden, Invalid, NotFound, cut
from pylb.kube.limits import Buckets, TokenBucket

QUEUE_MAX = 1000  # different Events that wait to be written; more are counted and dropped
KNOWN_MAX = 1000  # Events that a repetition is counted on
REPEATS_FOR = 600.0  # seconds in which an equal Event is a repetition (client-go counts in intervals of 10 minutes too)
WAITS_FOR = 600.0  # seconds that an Event waits for an API server to come back; older ones are dropped
RATE, BURST = 10.0, 100  # Events a second, and at once
PACE = Pace(in_window=1000)  # after failures alone: how many may be written is the buckets' matter
OBJECT_RATE, OBJECT_BURST = 1 / 300, 25  # for each object: client-go's spam filter
MESSAGE_MAX = 1024  # characters (events.k8s.io/v1: note)
NAME_MAX = 253 - 17  # characters of the object's name in the Event's: a dot and 16 hexadecimal digits follow

log = logging.getLogger(__name__)


async def patch_status(client: Client, path: str, current: JSON, wanted: JSON, *, uid: str | None = None) -> bool:
    """Makes the status of the object at `path` what `wanted`, a merge patch, says; False if it is so already.

    `current` is the status as it was last seen. With `uid` a new object of the same name is left alone (Conflict).
    """
    if not would_change(current, wanted):
        return False
    body: dict[str, JSON] = {"status": wanted}
    if uid is not None:
        body["metadata"] = {"uid": uid}
    await client.patch(f"{path}/status", body)
    return True


async def put_object(client: Client, path: str, wanted: JSON) -> bool:
    """Makes the object at `path` as `wanted` (metadata, spec, status as merge patches); False if it is so already.

    It is created if it is not there. Where the API server refuses the change of a status (immutable fields) the object
    is deleted and made anew.
    """
    body = {name: part for name, part in wanted.items() if name != "status"}
    status = wanted.get("status")
    current, created = await _get_or_create(client, path, body)
    wrote = created
    if not created and would_change(current, body):
        current, wrote = await client.patch(path, body), True
    if status is None or not would_change(current.get("status"), status):
        return wrote
    try:
        await client.patch(f"{path}/status", {"status": status})
    except Invalid:
        if created:
            raise
        await client.delete(path)
        await client.post(path.rpartition("/")[0], body)
        await client.patch(f"{path}/status", {"status": status})
    return True


async def _get_or_create(client: Client, path: str, body: JSON) -> tuple[JSON, bool]:
    """(the object, whether it was created)."""
    try:
        return await client.get(path), False
    except NotFound:
        pass
    try:
        return await client.post(path.rpartition("/")[0], body), True
    except AlreadyExists:
        return await client.get(path), False


@dataclass(frozen=True, slots=True)
class Note:
    """What an Event says; two that are equal are one Event with a count."""

    ref: ObjectRef
    type: str  # Normal or Warning
    reason: str
    message: str

    @property
    def namespace(self) -> str:
        """Where the Event stands: with the object, or in `default` for an object of the cluster."""
        return self.ref.namespace or "default"


@dataclass(frozen=True, slots=True)
class _Times:
    """How often a note was made, and when (Unix seconds)."""

    count: int
    first: float
    last: float

    def __add__(self, other: _Times) -> _Times:
        return _Times(self.count + other.count, min(self.first, other.first), max(self.last, other.last))


@dataclass(frozen=True, slots=True)
class RecorderStatistics:
    """What became of the Events."""

    written: int = 0
    dropped: int = 0  # for a limit, or for age
    refused: int = 0  # by the API server


class EventRecorder:
    """Writes core/v1 Events as MetalLB does, in the background task `run`."""

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
        self._queue: OrderedDict[Note, _Times] = OrderedDict()
        self._known: OrderedDict[Note, tuple[str, _Times]] = OrderedDict()  # name of the Event, and what it says
        self._filled = asyncio.Event()
        self._bucket = TokenBucket(RATE, BURST)
        self._objects = Buckets(OBJECT_RATE, OBJECT_BURST, KNOWN_MAX)
        self._backoff = Backoff(rng, PACE)
        self._statistics = RecorderStatistics()

    def statistics(self) -> RecorderStatistics:
        """A snapshot."""
        return self._statistics

    def record(self, ref: ObjectRef, type_: str, reason: str, message: str) -> None:
        """Notes an Event to be written. Never blocks, never raises."""
        now = self._clock()
        note = Note(ref, type_, reason, message[:MESSAGE_MAX])
        times = _Times(1, now, now)
        if note in self._queue:
            self._queue[note] += times
        elif len(self._queue) >= QUEUE_MAX or not self._objects.take(ref, now):
            self._count(dropped=1)
        else:
            self._queue[note] = times
            self._filled.set()

    async def run(self) -> None:
        """Writes what is recorded until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._filled.wait()
            while self._queue:
                await asyncio.sleep(max(self._bucket.wait(loop.time()), self._backoff.wait(loop.time())))
                self._bucket.take(loop.time())
                await self._write_next(loop.time)
            self._filled.clear()

    async def _write_next(self, now: Callable[[], float]) -> None:
        note, times = self._queue.popitem(last=False)
        if self._clock() - times.last > WAITS_FOR:
            self._count(dropped=1)
            return
        self._backoff.started(now())
        try:
            await self._write(note, times)
        except (Forbidden, NotFound, Invalid) as error:
            self._count(refused=1)
            fields = {"object": str(note.ref), "event": note.reason, "error": cut(str(error))}
            log.warning("an Event was refused", extra={"fields": fields})
        except ClusterError as error:
            self._backoff.failed(now(), error.retry_after)
            self._queue[note] = times + self._queue[note] if note in self._queue else times
            self._queue.move_to_end(note, last=False)
        else:
            self._backoff.healthy()
            self._count(written=1)

    async def _write(self, note: Note, times: _Times) -> None:
        """Counts a repetition on the Event that stands there, or makes a new one."""
        path = f"/api/v1/namespaces/{note.namespace}/events"
        name, before = self._known.get(note, ("", times))
        if name and times.first - before.last <= REPEATS_FOR:
            total = before + times
            try:
                await self._client.patch(
                    f"{path}/{name}", {"count": total.count, "lastTimestamp": _timestamp(total.last)}
                )
            except NotFound:  # Events live for an hour
                pass
            else:
                self._remember(note, name, total)
                return
        name = f"{note.ref.name[:NAME_MAX]}.{int(self._clock() * 1e9):x}"
        await self._client.post(path, self._event(note, times, name))
        self._remember(note, name, times)

    def _event(self, note: Note, times: _Times, name: str) -> JSON:
        ref = note.ref
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
            "metadata": {"name": name, "namespace": note.namespace},
            "involvedObject": {key: value for key, value in about.items() if value},
            "type": note.type,
            "reason": note.reason,
            "message": note.message,
            "source": {"component": self._component, **({"host": self._host} if self._host else {})},
            "reportingComponent": self._component,
            "reportingInstance": self._host,
            "firstTimestamp": _timestamp(times.first),
            "lastTimestamp": _timestamp(times.last),
            "count": times.count,
        }

    def _remember(self, note: Note, name: str, times: _Times) -> None:
        self._known[note] = (name, times)
        self._known.move_to_end(note)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)

    def _count(self, *, written: int = 0, dropped: int = 0, refused: int = 0) -> None:
        now = self._statistics
        self._statistics = replace(
            now, written=now.written + written, dropped=now.dropped + dropped, refused=now.refused + refused
        )


def _timestamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
