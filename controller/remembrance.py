"""Keeps the memory of Services that are gone in the ConfigMap pylb-memory, for the next controller that leads.

People may edit the ConfigMap, and what can be read of it counts at once; who deletes it wants all forgotten. What came
about here meanwhile, and is not written yet, is added to what they wrote. Nothing waits for a write, and without the right
to read the ConfigMap everything goes on, as if nothing had been remembered.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pylb.controller.recollection import Recollection
from pylb.core.allocation import memory
from pylb.core.allocation.memory import Entry
from pylb.core.model import ServiceKey
from pylb.kube.client import JSON, Client
from pylb.kube.collection import Collection
from pylb.kube.errors import ClusterError
from pylb.runtime.log import Logger
from pylb.runtime.tasks import within

DEBOUNCE = 2.0  # s from the first change to the write that tells of all until then
AGAIN = 5.0  # s after a failed one
LOOK = 3600.0  # s between two looks at the clock where nothing happens
COMPLAIN = 600.0  # s between two warnings of one kind
OWN_VERSIONS = 16  # of the newest writes, whose echo is no news
LABELS = {"app.kubernetes.io/name": "pylb", "app.kubernetes.io/component": "controller"}


@dataclass(frozen=True, slots=True)
class Stored:
    """The ConfigMap as it stands."""

    version: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A write under way, and what it tells of."""

    data: Mapping[str, str]
    entries: Mapping[ServiceKey, Entry]
    changes: int
    seen: float


class Remembrance:
    """The memory of one controller that leads, for one term."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        recollection: Recollection,
        present: Callable[[], Iterable[ServiceKey]],
        on_change: Callable[[], None],
        log: Logger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`present` are the Services that have addresses. `on_change` is called once it is known what was remembered."""
        self._client, self._recollection, self._present = client, recollection, present
        self._log, self._clock, self._on_known = log, clock, on_change
        self._path = f"/api/v1/namespaces/{namespace}/configmaps"
        self._stored: Collection[Stored] = Collection(
            client,
            self._path,
            _stored,
            query={"fieldSelector": f"metadata.name={memory.NAME}"},
            on_change=self._seen,
            on_synced=on_change,
            on_refused=self._refused,
        )
        self._forbidden = False
        self._standing: Stored | None = None  # the newest that was seen, or written
        self._said: Mapping[str, Any] = {}  # what this process wrote last, or read
        self._saved: Mapping[ServiceKey, Entry] = {}  # the entries that `_said` tells of
        self._draft: Draft | None = None
        self._own: deque[str] = deque(maxlen=OWN_VERSIONS)
        self._counted = 0  # of the memory's changes, those that are written
        self._stamp = 0.0  # the time of the last look that is written
        self._some = asyncio.Event()
        self.written = 0

    @property
    def known(self) -> bool:
        """Whether it was read, or may not be read."""
        return self._stored.synced or self._forbidden

    def look(self) -> None:
        """Tell the memory what time it is."""
        self._recollection.memory.look(self._clock())

    def changed(self) -> None:
        """Something may have come to the memory or gone from it."""
        if self._recollection.memory.changes != self._counted:
            self._some.set()

    async def run(self) -> None:
        """Read and write for ever."""
        await asyncio.gather(self._stored.run(), self._keep())

    def _refused(self) -> None:
        self._forbidden = True
        fix = "nothing is remembered of Services that are gone; apply the manifests of this version"
        self._log.warning("may not read pylb-memory", fix=fix)
        self._on_known()

    def _seen(self, key: str, old: Stored | None, new: Stored | None) -> None:
        """Somebody wrote the ConfigMap, this process perhaps: the watch may be ahead of the answer."""
        if new is not None and new.version in self._own:
            return
        if new is not None and self._draft is not None and new.data == self._draft.data:
            self._wrote(self._draft, new)
            return
        self._standing = new
        if new is None or new.data != self._said:
            self._adopt(new.data if new is not None else {})

    def _adopt(self, data: Mapping[str, Any]) -> None:
        """What stands there counts, and what came about here since it was last in step."""
        read, now = memory.parse(data), self._clock()
        self._stamp = read.seen
        read.look(now)
        saved, current = dict(read.entries), self._recollection.memory.entries
        for key in self._saved:
            if key not in current:
                read.forget(key)
        for key, entry in current.items():
            before = self._saved.get(key)
            if before is None or before.addresses != entry.addresses:
                read.remember(key, entry.addresses)
        self._recollection.replace(read, self._present())
        self._said, self._saved, self._draft = data, saved, None
        self._counted = -1 if dict(read.entries) != saved else read.changes
        self.changed()

    async def _keep(self) -> None:
        while True:
            try:
                await within(LOOK, self._some.wait())
                await asyncio.sleep(DEBOUNCE)
            except asyncio.TimeoutError:
                pass
            self._some.clear()
            self.look()
            try:
                await self._save()
            except ClusterError as error:
                self._log.every(COMPLAIN, "memory").warning("cannot write pylb-memory", error=str(error))
                self._some.set()
                await asyncio.sleep(AGAIN)

    async def _save(self) -> None:
        """Write what is remembered, unless that stands there; raises ClusterError."""
        kept = self._recollection.memory
        data, changes = memory.render(kept), kept.changes
        stale = bool(kept.entries) and kept.seen - self._stamp >= memory.STAMP_S
        if not self._stored.synced or (data[memory.KEY] == (self._said.get(memory.KEY) or "") and not stale):
            self._counted = changes
            return
        draft = self._draft = Draft(data, dict(kept.entries), changes, kept.seen)
        try:
            made = await self._send(data)
        finally:
            unknown, self._draft = self._draft is draft, None
        if unknown:
            self._wrote(draft, _stored(made))

    async def _send(self, data: Mapping[str, str]) -> JSON:
        standing = self._standing
        if standing is None:
            meta: JSON = {"name": memory.NAME, "labels": LABELS}
            return await self._client.post(self._path, {"metadata": meta, "data": data})
        body: JSON = {"metadata": {"resourceVersion": standing.version}, "data": data}
        return await self._client.patch(f"{self._path}/{memory.NAME}", body)

    def _wrote(self, draft: Draft, made: Stored) -> None:
        self._draft, self._standing = None, made
        self._own.append(made.version)
        self._said, self._saved = draft.data, draft.entries
        self._counted, self._stamp = draft.changes, draft.seen
        self.written += 1


def _stored(raw: JSON) -> Stored:
    data = raw.get("data")
    return Stored(str(raw["metadata"].get("resourceVersion", "")), data if isinstance(data, dict) else {})
