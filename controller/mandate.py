"""Whether this controller may write: it holds the Lease of all controllers, or it is said to be the only one.

What is done when is `core.lease`'s matter; here are the clock, the requests and their deadlines, and whom to tell.
"""

from __future__ import annotations

import asyncio
import random as _random
import time
from collections.abc import Callable
from datetime import datetime, timezone

from pylb.controller.state import Seat
from pylb.core import lease
from pylb.core.lease import Claim, Identity, Look, Put, Record, Wait
from pylb.kube import decode
from pylb.kube.backoff import Backoff
from pylb.kube.client import JSON, Client
from pylb.kube.collection import Collection
from pylb.kube.decode import DecodeError
from pylb.kube.errors import AlreadyExists, ClusterError, Conflict, Forbidden, NotFound
from pylb.kube.guard import Guard
from pylb.runtime.log import Logger
from pylb.runtime.tasks import within

NAME = "pylb-controller"
DEADLINE = lease.SEND_FOR  # s for a request: the answer to a renewal that takes longer lets nothing through
CALM = 1.0  # s that the end of the writes under way is waited for, before the Lease is given back
RELEASE = 2.0  # s for all of that; the pod is killed 5 s after SIGTERM
TELL_AGAIN = 60.0  # s until trouble of the same sort is logged again


def now() -> float:
    """Seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Alone:
    """The mandate of a controller that is said to be the only one."""

    leads = True

    def limit(self, client: Client) -> Client:
        """The client to write with."""
        return client

    def seat(self) -> Seat:
        """How it stands."""
        return Seat(leads=True, writes=True)

    async def run(self) -> None:
        """Nothing to do."""

    async def won(self) -> None:
        """At once."""

    async def lost(self) -> None:
        """Never."""
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Nothing to do."""


class Holder:
    """The mandate of a controller that may have others beside it: it holds the Lease, or waits for it."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        identity: Identity,
        log: Logger,
        *,
        clock: Callable[[], float] = now,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._client, self._namespace, self._log, self._clock = client, namespace, log, clock
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._claim = Claim(identity)
        self._guard = Guard(lambda: self._claim.left(self._clock()), lease.FLIGHT)
        self._backoff = Backoff(random)
        self._watch: Collection[Record] = Collection(
            client, self._path, decode.lease, query={"fieldSelector": f"metadata.name={NAME}"}, on_change=self._on_watch
        )
        self._busy = asyncio.Lock()  # one request about the Lease at a time
        self._stirred, self._decided = asyncio.Event(), asyncio.Event()
        self._leads, self._follows = asyncio.Event(), asyncio.Event()
        self._follows.set()
        self._trouble = ""

    @property
    def leads(self) -> bool:
        """It took the Lease, and knows of nobody who did since. It may write only as `limit`'s client lets it."""
        return self._leads.is_set()

    def limit(self, client: Client) -> Client:
        """The client to write with: it sends no write unless it is sure that nobody else can be sending one."""
        return client.guarded(self._guard)

    def seat(self) -> Seat:
        """How it stands."""
        at, claim = self._clock(), self._claim
        return Seat(claim.holds(at), claim.left(at) > 0, str(claim.identity), claim.holder, self._trouble)

    async def run(self) -> None:
        """Take the Lease whenever it is free, and keep it."""
        await asyncio.gather(self._keep(), self._follow())

    async def won(self) -> None:
        """Wait until it leads."""
        await self._leads.wait()

    async def lost(self) -> None:
        """Wait until it does not."""
        await self._follows.wait()

    async def release(self) -> None:
        """Write no more, and give the Lease back once no write is under way; after RELEASE seconds it runs out."""
        self._claim.close()
        try:
            await within(RELEASE, self._give_back())
        except (asyncio.TimeoutError, ClusterError, DecodeError) as error:
            self._log.warning("the Lease was not given back: it runs out", error=str(error))

    async def _give_back(self) -> None:
        async with self._busy:
            put = self._claim.give_back()
            if put is None:
                return
            if not await self._guard.calm(CALM):
                raise asyncio.TimeoutError
            await self._put(put)
        self._log.info("gave the Lease back")

    async def _follow(self) -> None:
        """A watch tells sooner than a look what others do; the first look needs none."""
        await self._decided.wait()
        await self._watch.run()

    def _on_watch(self, key: str, old: Record | None, new: Record | None) -> None:
        self._claim.told(new, self._clock())
        self._stirred.set()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            step = self._claim.plan(self._clock())
            if isinstance(step, Wait):
                await self._rest(step.seconds)
                continue
            await asyncio.sleep(self._backoff.wait(loop.time()))
            async with self._busy:
                step = self._claim.plan(self._clock())
                if not isinstance(step, Wait):
                    self._backoff.started(loop.time())
                    await self._try(step)
            self._tell()

    async def _rest(self, seconds: float) -> None:
        try:
            await within(seconds, self._stirred.wait())
        except asyncio.TimeoutError:
            return
        self._stirred.clear()

    async def _try(self, step: Look | Put) -> None:
        loop = asyncio.get_running_loop()
        try:
            await (self._look() if isinstance(step, Look) else self._put(step))
        except (ClusterError, DecodeError) as error:
            if isinstance(step, Put):
                self._claim.unanswered()
            self._backoff.failed(loop.time(), error.retry_after if isinstance(error, ClusterError) else None)
            self._trouble = _explain(error, self._namespace)
            self._log.every(TELL_AGAIN, type(error).__name__).error(
                "cannot take or keep the Lease", error=self._trouble
            )
        else:
            self._backoff.healthy()
            self._trouble = ""

    async def _look(self) -> None:
        try:
            record = decode.lease(await self._client.get(f"{self._path}/{NAME}", deadline=DEADLINE, tries=1))
        except NotFound:
            record = None
        self._claim.looked(record, self._clock())

    async def _put(self, put: Put) -> None:
        sent_at = self._clock()
        body = _body(put, self._namespace, datetime.now(timezone.utc))
        try:
            if put.version is None:
                raw = await self._client.post(self._path, body, deadline=DEADLINE)
            else:
                raw = await self._client.put(f"{self._path}/{NAME}", body, deadline=DEADLINE)
        except (Conflict, AlreadyExists):
            self._claim.refused()
        except NotFound:
            self._claim.refused()
            if put.version is None:
                raise
        else:
            self._claim.granted(decode.lease(raw), sent_at, self._clock())

    def _tell(self) -> None:
        """Wakes whoever waits for a change of the role."""
        claim = self._claim
        if claim.leads != self._leads.is_set() or not self._decided.is_set():
            self._log.info("leads" if claim.leads else "follows", identity=str(claim.identity), holder=claim.holder)
        if claim.leads:
            self._follows.clear()
            self._leads.set()
        else:
            self._leads.clear()
            self._follows.set()
        self._decided.set()


Mandate = Alone | Holder


def _body(put: Put, namespace: str, at: datetime) -> JSON:
    """The Lease; times in it are for people (metav1.MicroTime)."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    version = {"resourceVersion": put.version} if put.version is not None else {}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": namespace, **version},
        "spec": {
            **({"holderIdentity": put.holder} if put.holder else {}),
            "leaseDurationSeconds": int(lease.DURATION),
            "acquireTime": put.acquired or stamp,
            "renewTime": stamp,
            "leaseTransitions": put.transitions,
        },
    }


def _explain(error: Exception, namespace: str) -> str:
    """What is wrong, and what helps where that is known."""
    if isinstance(error, Forbidden):
        fix = (
            "apply the manifests of this version (Role pylb-controller), or start with --no-lease if it is the only one"
        )
        return f"{error}; {fix}"
    if isinstance(error, NotFound):
        return f"{error}; create the namespace {namespace}, or start with --no-lease if it is the only one"
    return str(error)
