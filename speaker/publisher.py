"""Tells the API what this node owns: ServiceL2Status objects, with one write a second at most for each, and reads them.

It never decides who owns: it is told, and catches up; what somebody undoes it does again as `disputes` allows. A slow
or absent API server holds nothing else up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace

from pylb.core.model import L2Status, NodeName, ServiceKey
from pylb.core.ownership.record import RENEWED, Notice
from pylb.core.places import API_VERSION
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
from pylb.speaker.statuses import Account, Holding
from pylb.speaker.sweep import Sweep

DEBOUNCE = 0.05  # s: a fail-over moves many addresses at once
AGAIN = 1.0  # s between two writes of one object, and after a failed one
KIND = "ServiceL2Status"


class Publisher:
    """Keeps this node's ServiceL2Status objects as its account says."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        pod: str,
        node: NodeName,
        account: Callable[[], Account | None],
        log: Logger,
    ) -> None:
        """`pod` is the pod that this process runs in, whose DaemonSet will own the objects; "" where that is not known.

        While `account` gives None nothing is written.
        """
        self._client, self._node, self._account, self._log = client, node, account, log
        self._owner = Owner(client, namespace, pod, maker=True)
        self._disputes, self._sweep = Disputes(), Sweep()
        self._notices: dict[NodeName, Notice] | None = None
        self._path = f"/apis/{API_VERSION}/namespaces/{namespace}/servicel2statuses"
        self._changed = asyncio.Event()
        self._existing: Collection[L2Status] = Collection(
            client, self._path, decode.l2_status, on_change=lambda *_: self._on_change(), on_synced=self._on_change
        )

    def _on_change(self) -> None:
        self._notices = None
        self._changed.set()

    @property
    def notices(self) -> dict[NodeName, Notice] | None:
        """What the nodes tell of their claims; another object once that is something new, None before all was read."""
        if self._notices is None and self._existing.synced:
            self._notices = statuses.notices(self._existing.items.values())
        return self._notices

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
            account = self._account()
            if account is None:
                pause = AGAIN
                continue
            due, pause = self._due(account)
            renewed = False
            try:
                await self._write(due)
                renewed = await self._renew(account)
            except ClusterError as error:
                self._log.warning("cannot write ServiceL2Status", error=str(error))
                self._changed.set()
            if due.write or due.delete or renewed:
                await asyncio.sleep(AGAIN)

    def _due(self, account: Account) -> tuple[statuses.Plan, float | None]:
        """What is to be done now, and seconds until more may be done."""
        existing = tuple(self._existing.items.values())
        todo = statuses.plan(self._node, account, existing)
        strays = statuses.strays(existing, account.known) if account.known is not None else []
        stray, wait = self._sweep.due(strays, _now())
        todo = replace(todo, delete=tuple(dict.fromkeys((*todo.delete, *stray))))
        due, pause = self._disputes.admit(todo, frozenset(status.name for status in existing), _now())
        return due, min((one for one in (wait, pause) if one is not None), default=None)

    async def _renew(self, account: Account) -> bool:
        """Say that all this still holds, where that is to be said, once all of it stands there; whether that was written."""
        found = statuses.carrier(self._node, account, self._existing.items.values())
        if found is None:
            return False
        name, text = found
        with contextlib.suppress(NotFound):
            await self._client.patch(f"{self._path}/{name}", {"metadata": {"annotations": {RENEWED: text}}})
        return True

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
