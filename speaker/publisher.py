"""Tells the API what this node owns: ServiceL2Status objects, with one write a second at most for each.

It never decides who owns: it is told, and catches up. A slow or absent API server holds nothing else up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from pylb.core.model import L2Status, NodeName, ServiceKey
from pylb.kube import decode
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound
from pylb.kube.write import put_object
from pylb.runtime.log import Logger
from pylb.speaker import statuses

DEBOUNCE = 0.05  # s: a fail-over moves many addresses at once
AGAIN = 1.0  # s between two writes of one object, and after a failed one
API_VERSION, KIND = "metallb.io/v1beta1", "ServiceL2Status"

Owned = Mapping[ServiceKey, tuple[str, ...]]


class Publisher:
    """Keeps this node's ServiceL2Status objects as `owned` says."""

    def __init__(
        self, client: Client, namespace: str, pod: str, node: NodeName, owned: Callable[[], Owned], log: Logger
    ) -> None:
        """`pod` is the pod that this process runs in, which will own the objects; "" where that is not known."""
        self._client, self._node, self._owned, self._log = client, node, owned, log
        self._pod_path = f"/api/v1/namespaces/{namespace}/pods/{pod}" if pod else ""
        self._owner: Mapping[str, Any] | None = None
        self._path = f"/apis/{API_VERSION}/namespaces/{namespace}/servicel2statuses"
        self._changed = asyncio.Event()
        self._existing: Collection[L2Status] = Collection(
            client, self._path, decode.l2_status, on_change=lambda *_: self._changed.set(), on_synced=self._changed.set
        )

    def changed(self) -> None:
        """What is owned has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Keep the objects current for ever."""
        await asyncio.gather(self._existing.run(), self._follow())

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(DEBOUNCE)
            self._changed.clear()
            if not self._existing.synced:
                continue
            if self._existing.absent:  # nobody installed the kind, so far
                self._changed.set()
                await asyncio.sleep(AGAIN)
                continue
            todo = statuses.plan(self._node, self._owned(), self._existing.items.values())
            try:
                await self._write(todo)
            except ClusterError as error:
                self._log.warning("cannot write ServiceL2Status", error=str(error))
                self._changed.set()
            if todo.write or todo.delete:
                await asyncio.sleep(AGAIN)

    async def _write(self, todo: statuses.Plan) -> None:
        """Do what can be done. One object that is refused keeps no other from being written, and is told at the end."""
        refused: ClusterError | None = None
        if todo.write and self._pod_path and self._owner is None:
            self._owner = await self._read_owner()
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

    async def _put(self, name: str, service: ServiceKey, interfaces: tuple[str, ...]) -> None:
        wanted = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": statuses.metadata(self._node, service, self._owner),
            "spec": {},
            "status": statuses.status(self._node, service, interfaces),
        }
        await put_object(self._client, f"{self._path}/{name}", wanted)

    async def _read_owner(self) -> Mapping[str, Any] | None:
        """The pod as an owner reference: the objects go when it does. None where there is no such pod."""
        try:
            meta = (await self._client.get(self._pod_path))["metadata"]
        except NotFound:
            return None
        return {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
