"""Writes Services' addresses: one patch of the status subresource that carries the annotation too, as MetalLB's does.

Nothing is written that stands there already. A write that fails is tried again; the newest decision counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pylb.controller.reconcile import Wanted, wanted
from pylb.core.allocator import Decision
from pylb.core.model import Service, ServiceKey, split_key
from pylb.core.requests import ALLOCATED_FROM
from pylb.kube.client import Client
from pylb.kube.errors import ClusterError, Conflict, NotFound
from pylb.runtime.log import Logger

WRITERS = 4  # writes under way at once; a Service is only ever in one of them
AGAIN = 1.0  # s after a failed write


def patch(target: Wanted, uid: str) -> dict[str, Any]:
    """The merge patch (RFC 7396) that makes a Service's status say what is wanted; None removes.

    The uid makes it fail on a Service of the same name that came after the one that was decided on.
    """
    ingress = [{"ip": address} for address in target.ingress]
    return {
        "metadata": {"uid": uid, "annotations": {ALLOCATED_FROM: target.pool}},
        "status": {"loadBalancer": {"ingress": ingress or None}},
    }


class Writer:
    """Carries out the newest decision on each Service."""

    def __init__(self, client: Client, current: Callable[[ServiceKey], Service | None], log: Logger) -> None:
        self._client, self._current, self._log = client, current, log
        self._decisions: dict[ServiceKey, Decision] = {}
        self._busy: set[ServiceKey] = set()
        self._queue: asyncio.Queue[ServiceKey] = asyncio.Queue()
        self.written = 0
        self.failed = 0

    def want(self, key: ServiceKey, decision: Decision) -> None:
        """Make the Service as decided, as soon as possible."""
        known = key in self._decisions
        self._decisions[key] = decision
        if not known:
            self._queue.put_nowait(key)

    def drop(self, key: ServiceKey) -> None:
        """Nothing is wanted any more."""
        self._decisions.pop(key, None)

    async def run(self) -> None:
        """Write for ever."""
        await asyncio.gather(*(self._work() for _ in range(WRITERS)))

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            decision = self._decisions.pop(key, None)
            if decision is None:
                continue
            if key in self._busy:
                self._again(key, decision)
                continue
            self._busy.add(key)
            try:
                await self._write(key, decision)
            except ClusterError as error:
                self.failed += 1
                self._log.warning("cannot write the Service's status", service=key, error=str(error))
                self._again(key, decision)
            finally:
                self._busy.discard(key)

    def _again(self, key: ServiceKey, decision: Decision) -> None:
        asyncio.get_running_loop().call_later(AGAIN, self._want_still, key, decision)

    def _want_still(self, key: ServiceKey, decision: Decision) -> None:
        if key not in self._decisions:  # a newer decision counts instead
            self.want(key, decision)

    async def _write(self, key: ServiceKey, decision: Decision) -> None:
        service = self._current(key)
        target = wanted(service, decision) if service else None
        if service is None or target is None:
            return
        namespace, name = split_key(key)
        try:
            await self._client.patch(
                f"/api/v1/namespaces/{namespace}/services/{name}/status", patch(target, service.uid)
            )
            self.written += 1
        except (Conflict, NotFound):  # another Service, or none: the watch tells, and it is decided on then
            return
