"""Writes the pools' counters into their status: once a second at most, for all Services of a burst together.

What they should say is asked for at the moment of writing. A pool's status is read once, then known: this process is
the only one that writes it. What a former leader has sent may still arrive: a write names the version that was read, and
all are read once more when nothing of that sort can come any more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pylb.controller.fullness import Status
from pylb.core import lease
from pylb.core.model import ObjectRef
from pylb.kube.client import JSON, Client
from pylb.kube.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound
from pylb.kube.write import patch_status
from pylb.runtime.log import Logger

DEBOUNCE = 1.0  # s from the first change to the write that tells of all until then
AGAIN = 5.0  # s after a failed one
TRIES = 2  # of a write that somebody else's comes before
LATE = lease.DURATION  # s after which nothing of what a former leader sent is on its way (core.lease)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a pool's status says, and the version of the pool; None where that is not known."""

    status: JSON
    version: str | None


class PoolWriter:
    """Keeps the status of the pools as `wanted` says."""

    def __init__(self, client: Client, wanted: Callable[[], Mapping[ObjectRef, Status]], log: Logger) -> None:
        self._client, self._wanted, self._log = client, wanted, log
        self._standing: dict[ObjectRef, Standing] = {}
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
        late = asyncio.get_running_loop().call_later(LATE, self._look_again)
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(DEBOUNCE)
                self._changed.clear()
                if not await self._write_all():
                    self._changed.set()
                    await asyncio.sleep(AGAIN)
        finally:
            late.cancel()

    def _look_again(self) -> None:
        """Read what was read already; what was not is read late enough."""
        if self._standing:
            self._standing.clear()
            self._changed.set()

    async def _write_all(self) -> bool:
        """False if some have to be written again."""
        wanted, failure = self._wanted(), ""
        self._standing = {ref: found for ref, found in self._standing.items() if ref in wanted}
        for ref, status in wanted.items():
            if ref in self._standing and self._standing[ref].status == status:
                continue
            try:
                if not await self._write(ref, status):
                    failure = f"somebody else keeps writing the IPAddressPool {ref.name}"
            except (NotFound, Conflict, Invalid):  # gone, or another one of that name: the watch tells
                self._standing[ref] = Standing(status, None)
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

    async def _write(self, ref: ObjectRef, status: Status) -> bool:
        """False if somebody wrote it meanwhile, twice."""
        path = f"/apis/{ref.api_version}/namespaces/{ref.namespace}/ipaddresspools/{ref.name}"
        for _ in range(TRIES):
            known = self._standing.pop(ref, None)
            found = known if known is not None and known.version is not None else await self._read(ref, path)
            with contextlib.suppress(Conflict):
                made = await patch_status(self._client, path, found.status, status, uid=ref.uid, version=found.version)
                self.written += made is not None
                version = found.version if made is None else made["metadata"]["resourceVersion"]
                self._standing[ref] = Standing(status, version)
                return True
        return False

    async def _read(self, ref: ObjectRef, path: str) -> Standing:
        """What stands there; Conflict if that is another pool by now."""
        raw = await self._client.get(path)
        if raw["metadata"]["uid"] != ref.uid:
            raise Conflict("another one of that name")
        return Standing(raw.get("status"), raw["metadata"]["resourceVersion"])
