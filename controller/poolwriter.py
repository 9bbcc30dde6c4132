"""Writes the pools' counters into their status: once a second at most, for all Services of a burst together.

What they should say is asked for at the moment of writing. A pool's status is read once, then known: this process is
the only one that writes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from pylb.controller.fullness import Status
from pylb.core.model import ObjectRef
from pylb.kube.client import JSON, Client
from pylb.kube.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound
from pylb.kube.write import patch_status
from pylb.runtime.log import Logger

DEBOUNCE = 1.0  # s from the first change to the write that tells of all until then
AGAIN = 5.0  # s after a failed one


class PoolWriter:
    """Keeps the status of the pools as `wanted` says."""

    def __init__(self, client: Client, wanted: Callable[[], Mapping[ObjectRef, Status]], log: Logger) -> None:
        self._client, self._wanted, self._log = client, wanted, log
        self._standing: dict[ObjectRef, JSON] = {}
        self._changed = asyncio.Event()
        self._failure = ""
        self.written = 0

    def changed(self) -> None:
        """A pool, or what is given out of one, may have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Keep them for ever, from the next change on; what stands there is read anew, since another process may have
        written meanwhile."""
        self._standing.clear()
        self._changed.clear()
        while True:
            await self._changed.wait()
            await asyncio.sleep(DEBOUNCE)
            self._changed.clear()
            if not await self._write_all():
                self._changed.set()
                await asyncio.sleep(AGAIN)

    async def _write_all(self) -> bool:
        """False if some have to be written again."""
        wanted, failure = self._wanted(), ""
        self._standing = {ref: status for ref, status in self._standing.items() if ref in wanted}
        for ref, status in wanted.items():
            if self._standing.get(ref) == status:
                continue
            try:
                await self._write(ref, status)
            except (NotFound, Conflict, Invalid):  # gone, or another one of that name: the watch tells
                self._standing[ref] = status
            except Forbidden as error:
                failure = str(error)
            except ClusterError as error:  # nor would the others get through
                self._standing.pop(ref, None)  # it may have been done
                failure = str(error)
                break
        if failure and failure != self._failure:
            self._log.warning("cannot write the pools' status", error=failure)
        self._failure = failure
        return not failure

    async def _write(self, ref: ObjectRef, status: Status) -> None:
        path = f"/apis/{ref.api_version}/namespaces/{ref.namespace}/ipaddresspools/{ref.name}"
        if ref not in self._standing:
            self._standing[ref] = (await self._client.get(path)).get("status")
        if await patch_status(self._client, path, self._standing[ref], status, uid=ref.uid):
            self.written += 1
        self._standing[ref] = status
