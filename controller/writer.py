"""Writes Services' addresses: one patch of the status subresource that carries the annotation too, as MetalLB's does.

Nothing is written that stands there already. What to write is asked for at the moment of writing, first time or again,
so that no old decision comes back. What the API server refuses for good is not written again: whoever decides is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from pylb.controller.reconcile import Wanted
from pylb.core.model import ServiceKey, split_key
from pylb.core.requests import ALLOCATED_FROM
from pylb.kube.client import Client
from pylb.kube.errors import ClusterError, Conflict, Invalid, NotFound, Withheld
from pylb.runtime.log import Logger

WRITERS = 4  # writes under way at once; a Service is only ever in one of them
AGAIN = 1.0  # s that a writer rests after a failure: so many requests a second at most at an API server in trouble
AGAIN_WITHHELD = 0.1  # s after a write that was not sent, and so cost nothing

Target = Callable[[ServiceKey], "tuple[str, Wanted] | None"]
Refusal = Callable[[ServiceKey, Wanted, str], None]


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
    """Makes the Services say what is decided on them."""

    def __init__(self, client: Client, target: Target, refused: Refusal, log: Logger) -> None:
        """`target` gives a Service's uid and what it should say; None where there is nothing to write.

        `refused` is told what the API server will not take (422), and why.
        """
        self._client, self._target, self._refused, self._log = client, target, refused, log
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
        try:
            await self._patch(key)
        except Conflict:  # the object changed under the patch, or is another one: once more, if it is the same
            if await self._is_same(key):
                with contextlib.suppress(Conflict):  # the change comes by the watch, and is decided on then
                    await self._patch(key)

    async def _patch(self, key: ServiceKey) -> None:
        found = self._target(key)
        if found is None:
            return
        uid, target = found
        try:
            await self._client.patch(f"{_path(key)}/status", patch(target, uid))
            self.written += 1
        except NotFound:  # the watch tells
            pass
        except Invalid as error:  # repeating that does not help
            self.failed += 1
            self._log.warning(
                "the Service's status is refused", service=key, ingress=list(target.ingress), error=str(error)
            )
            self._refused(key, target, str(error))

    async def _is_same(self, key: ServiceKey) -> bool:
        """Whether the Service that stands there is the one that was decided on."""
        found = self._target(key)
        try:
            return found is not None and (await self._client.get(_path(key)))["metadata"]["uid"] == found[0]
        except NotFound:
            return False


def _path(key: ServiceKey) -> str:
    namespace, name = split_key(key)
    return f"/api/v1/namespaces/{namespace}/services/{name}"
