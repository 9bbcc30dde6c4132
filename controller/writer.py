"""Writes Services' addresses: one patch of the status subresource that carries the annotation too, as MetalLB's does.

Nothing is written that stands there already. What to write is asked for at the moment of writing, first time or again,
so that no old decision comes back. A write names the version of the Service that it was decided on, so that it fails
where anybody wrote meanwhile, however late it arrives; it is decided and written again once that version was seen. What
the API server refuses for good is not written again: whoever decides is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pylb.controller.reconcile import Wanted
from pylb.core.allocation.requests import ALLOCATED_FROM
from pylb.core.model import ServiceKey, split_key
from pylb.kube.client import Client
from pylb.kube.errors import ClusterError, Conflict, Invalid, NotFound, Withheld
from pylb.runtime.log import Logger

WRITERS = 4  # writes under way at once; a Service is only ever in one of them
AGAIN = 1.0  # s that a writer rests after a failure: so many requests a second at most at an API server in trouble
AGAIN_WITHHELD = 0.1  # s after a write that was not sent, and so cost nothing


@dataclass(frozen=True, slots=True)
class Task:
    """What a Service should say, and of which one, and which version of it, that was decided."""

    uid: str
    version: str
    wanted: Wanted


Target = Callable[[ServiceKey], "Task | None"]
Refusal = Callable[[ServiceKey, Wanted, str], None]
Granted = Callable[[ServiceKey, str, str], None]


def patch(task: Task) -> dict[str, Any]:
    """The merge patch (RFC 7396) that makes a Service's status say what is wanted; None removes.

    It fails on a Service of the same name that came after the one that was decided on (uid), and on the same one after
    any change (resourceVersion).
    """
    ingress = [{"ip": address} for address in task.wanted.ingress]
    annotations = {ALLOCATED_FROM: task.wanted.pool}
    return {
        "metadata": {"uid": task.uid, "resourceVersion": task.version, "annotations": annotations},
        "status": {"loadBalancer": {"ingress": ingress or None}},
    }


class Writer:
    """Makes the Services say what is decided on them."""

    def __init__(self, client: Client, target: Target, granted: Granted, refused: Refusal, log: Logger) -> None:
        """`target` gives what is to be written of a Service; None where there is nothing to write.

        `granted` is told the version that was written on and the one that this made, `refused` what the API server will
        not take (422), and why.
        """
        self._client, self._target, self._granted, self._refused, self._log = client, target, granted, refused, log
        self._outdated: dict[ServiceKey, str] = {}  # versions that are another by now, and the newer one not seen yet
        self._due: set[ServiceKey] = set()
        self._busy: set[ServiceKey] = set()
        self._queue: asyncio.Queue[ServiceKey] = asyncio.Queue()  # those that are due and not busy
        self.written = 0
        self.failed = 0

    def want(self, key: ServiceKey) -> None:
        """Make the Service as it is decided then, as soon as possible."""
        if key not in self._due:
            self._due.add(key)
            if key not in self._busy:
                self._queue.put_nowait(key)

    def seen(self, key: ServiceKey, version: str) -> None:
        """The Service is at this version now: what failed for want of it is written again."""
        if self._outdated.get(key, version) != version:
            del self._outdated[key]
            self.want(key)

    def forget(self, key: ServiceKey) -> None:
        """The Service is gone."""
        self._outdated.pop(key, None)

    async def run(self) -> None:
        """Write for ever."""
        await asyncio.gather(*(self._work() for _ in range(WRITERS)))

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._due.discard(key)
            self._busy.add(key)
            rest = await self._try(key)
            self._busy.discard(key)
            if key in self._due:
                self._queue.put_nowait(key)
            if rest is not None:
                await asyncio.sleep(rest)  # before it is anybody's turn: else all writers would try it at once
                self.want(key)

    async def _try(self, key: ServiceKey) -> float | None:
        """Seconds after which it should be tried again; None if it should not."""
        try:
            await self._write(key)
        except Withheld:  # the mandate tells why
            self.failed += 1
            return AGAIN_WITHHELD
        except ClusterError as error:
            self.failed += 1
            self._log.warning("cannot write the Service's status", service=key, error=str(error))
            return AGAIN
        return None

    async def _write(self, key: ServiceKey) -> None:
        task = self._target(key)
        if task is None or task.version == self._outdated.get(key):
            return
        try:
            made = await self._client.patch(f"{_path(key)}/status", patch(task))
        except NotFound:  # the watch tells
            pass
        except Conflict:  # as well; it may have done so already
            self._outdated[key] = task.version
            current = self._target(key)
            if current is not None:
                self.seen(key, current.version)
        except Invalid as error:  # repeating that does not help
            self.failed += 1
            ingress = list(task.wanted.ingress)
            self._log.warning("the Service's status is refused", service=key, ingress=ingress, error=str(error))
            self._refused(key, task.wanted, str(error))
        else:
            self.written += 1
            self._granted(key, task.version, made["metadata"]["resourceVersion"])


def _path(key: ServiceKey) -> str:
    namespace, name = split_key(key)
    return f"/api/v1/namespaces/{namespace}/services/{name}"
