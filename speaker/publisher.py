"""Tells the API what this node owns: ServiceL2Status objects, with one write a second at most for each.

It never decides who owns: it is told, and catches up; what somebody undoes it does again as `disputes` allows. A slow
or absent API server holds nothing else up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping

from pylb.core.model import L2Status, NodeName, ServiceKey
from pylb.kube import decode
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound
from pylb.kube.owners import Owner
from pylb.kube.write import put_object
from pylb.runtime.log import Logger
from pylb.runtime.tasks import within
from pylb.speaker import statuses
from pylb.speaker.disputes import Disputes
from pylb.speaker.statuses import Holding

DEBOUNCE = 0.05  # s: a fail-over moves many addresses at once
AGAIN = 1.0  # s between two writes of one object, and after a failed one
API_VERSION, KIND = "metallb.io/v1beta1", "ServiceL2Status"

Owned = Mapping[ServiceKey, Holding]


class Publisher:
    """Keeps this node's ServiceL2Status objects as `owned` says."""

    def __init__(
        self, client: Client, namespace: str, pod: str, node: NodeName, owned: Callable[[], Owned | None], log: Logger
    ) -> None:
        """`pod` is the pod that this process runs in, which will own the objects; "" where that is not known.

        While `owned` gives None nothing is written.
        """
        self._client, self._node, self._owned, self._log = client, node, owned, log
        self._owner = Owner(client, namespace, pod)
        self._disputes = Disputes()
        self._path = f"/apis/{API_VERSION}/namespaces/{namespace}/servicel2statuses"
        self._changed = asyncio.Event()
        self._existing: Collection[L2Status] = Collection(
            client, self._path, decode.l2_status, on_change=lambda *_: self._changed.set(), on_synced=self._changed.set
        )

    @property
    def recorded(self) -> dict[ServiceKey, L2Status]:
        """What the API says of who announces each Service; the newest term where several say so."""
        standing = sorted(self._existing.items.values(), key=lambda status: status.term)
        return {status.service: status for status in standing}

    def changed(self) -> None:
        """What is owned has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Keep the objects current for ever."""
        await asyncio.gather(self._existing.run(), self._follow())

    async def _wait(self, pause: float | None) -> None:
        """Wait for a change, but no longer than `pause` seconds."""
        if pause is None:
            await self._changed.wait()
            return
        with contextlib.suppress(asyncio.TimeoutError):
            await within(pause, self._changed.wait())

    async def _follow(self) -> None:
        pause: float | None = None  # s until what is put off may be done; None: until something changes
        while True:
            await self._wait(pause)
            await asyncio.sleep(DEBOUNCE)
            self._changed.clear()
            pause = None
            if not self._existing.synced:
                continue
            if self._existing.absent:  # nobody installed the kind, so far
                pause = AGAIN
                continue
            due, pause = self._due()
            try:
                await self._write(due)
            except ClusterError as error:
                self._log.warning("cannot write ServiceL2Status", error=str(error))
                self._changed.set()
            if due.write or due.delete:
                await asyncio.sleep(AGAIN)

    def _due(self) -> tuple[statuses.Plan, float | None]:
        """What is to be done now, and seconds until more may be done."""
        owned = self._owned()
        if owned is None:
            return statuses.Plan(), None
        todo = statuses.plan(self._node, owned, self._existing.items.values())
        standing = frozenset(status.name for status in self._existing.items.values())
        return self._disputes.admit(todo, standing, _now())

    async def _write(self, todo: statuses.Plan) -> None:
        """Do what can be done. One object that is refused keeps no other from being written, and is told at the end."""
        refused: ClusterError | None = None
        deletions, puts = (self._delete(name) for name in todo.delete), (self._put(*one) for one in todo.write)
        for work in itertools.chain(deletions, puts):
            try:
                await work
            except (Conflict, Forbidden, Invalid) as error:
                refused = error
        if refused is not None:
            raise refused

    async def _delete(self, name: str) -> None:
        with contextlib.suppress(NotFound):
            await self._client.delete(f"{self._path}/{name}")
        self._disputes.deleted(name, _now())

    async def _put(self, name: str, service: ServiceKey, holding: Holding) -> None:
        wanted = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": statuses.metadata(self._node, service, await self._owner.reference(), holding),
            "spec": {},
            "status": statuses.status(self._node, service, holding.interfaces),
        }
        await put_object(self._client, f"{self._path}/{name}", wanted)
        self._disputes.wrote(name, _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
