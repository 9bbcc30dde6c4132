"""Live facts from a cluster: its objects by list and watch, its pylb pods by the pod proxy, its pulse by `/version`.

Nothing here ends but by being cancelled: what cannot be reached or read is tried again, and told as a fact.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from pylb.core.model import Pod
from pylb.kube import decode
from pylb.kube.client import JSON, Client, Query
from pylb.kube.collection import Collection
from pylb.kube.configuration import Configuration
from pylb.kube.credentials import Credentials
from pylb.kube.errors import ClusterError, ServerError, Unauthorized, Unreachable
from pylb.runtime.tasks import Nursery, Signal
from pylb.tui import decoders
from pylb.tui.facts import ConfigSeen, Kind, Listed, ObjectChanged, Offline, Online, Value
from pylb.tui.reporters import COMPONENT, NAMESPACE, PORTS, Reporter, Token
from pylb.tui.seams import Put

PULSE_S = 2.0  # between two looks at the API server
PULSE_DEADLINE_S = 3.0
PULSE_PATH = "/version"  # everyone who is let in may read it
RETRY_S = (1.0, 2.0, 4.0, 8.0, 15.0)  # before the next try of an API server that is away
MAX_REPORTERS = 50  # pods asked at once; the client opens 64 streams at most
OUR_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
STATUSES = "/apis/metallb.io/v1beta1/servicel2statuses"
ABOUT_SERVICES = {"fieldSelector": "involvedObject.kind=Service"}
Read = Callable[[JSON], Value | None]


@dataclass(frozen=True, slots=True)
class _Dated:
    """A decoded object and when it was made."""

    value: Value
    created: float | None


class ClusterSource:
    """A source of facts: the cluster behind `credentials`; of its Services those of one namespace, if it is named."""

    def __init__(self, credentials: Credentials, *, namespace: str = "", now: Callable[[], float] = time.time) -> None:
        host = urlsplit(credentials.server).netloc.rpartition("@")[2]
        self._name = f"{host}  namespace {namespace}" if namespace else host
        self._credentials = credentials
        self._scope = f"/namespaces/{namespace}" if namespace else ""
        self._now = now
        self._hurried = asyncio.Event()
        self._pods = Signal()
        self._known: dict[str, Pod] = {}  # pods of ours that are ready to be asked, by key

    @property
    def name(self) -> str:
        """The API server, and the namespace if there is but one."""
        return self._name

    def hurry(self) -> None:
        """Look at the API server now."""
        self._hurried.set()

    async def run(self, put: Put) -> None:
        """Hand over facts until cancelled."""
        async with Client(self._credentials, user_agent="pylb-tui") as client, Nursery() as nursery:
            nursery.start(self._pulse(client, put), "pulse")
            nursery.start(self._report(client, put, nursery), "reports")
            for collection in self._collections(client, put):
                nursery.start(collection.run(), collection.path)
            nursery.start(_configured(client, put), "configuration")

    def _collections(self, client: Client, put: Put) -> tuple[Collection[_Dated], ...]:
        def watch(kind: Kind, path: str, read: Read, query: Query | None = None) -> Collection[_Dated]:
            return self._watch(client, put, kind, path, read, query)

        return (
            watch(Kind.SERVICE, f"/api/v1{self._scope}/services", decode.service),
            watch(Kind.STATUS, STATUSES, decode.l2_status),
            watch(Kind.NODE, "/api/v1/nodes", decode.node),
            watch(Kind.POD, OUR_PODS, decode.pod),
            watch(Kind.NOTE, f"/api/v1{self._scope}/events", decoders.note, ABOUT_SERVICES),
        )

    def _watch(
        self, client: Client, put: Put, kind: Kind, path: str, read: Read, query: Query | None
    ) -> Collection[_Dated]:
        def dated(raw: JSON) -> _Dated | None:
            value = read(raw)
            return None if value is None else _Dated(value, decoders.created(raw))

        def changed(key: str, old: _Dated | None, new: _Dated | None) -> None:
            value = new.value if new is not None else None
            put(ObjectChanged(kind, key, value, new.created if new is not None else None))
            put(Online(self._now()))
            if kind is Kind.POD:
                self._pod_changed(key, value if isinstance(value, Pod) else None)

        def listed() -> None:
            put(Listed(kind, available=not collection.absent))

        collection = Collection(client, path, dated, query=query, on_change=changed, on_synced=listed)
        return collection

    def _pod_changed(self, key: str, pod: Pod | None) -> None:
        if pod is not None and pod.node and pod.labels.get(COMPONENT) in PORTS:
            self._known[key] = pod
        else:
            self._known.pop(key, None)
        self._pods.set()

    async def _report(self, client: Client, put: Put, nursery: Nursery) -> None:
        """Have one reporter for each pod of ours."""
        token = Token(client)
        tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        while True:
            wanted = {(key, pod.ip): pod for key, pod in islice(self._known.items(), MAX_REPORTERS)}
            for gone in tasks.keys() - wanted.keys():
                tasks.pop(gone).cancel()
            for name in wanted.keys() - tasks.keys():
                reporter = Reporter(client, token, wanted[name], put, self._now)
                tasks[name] = nursery.start(reporter.run(), f"report of {name[0]}")
            await self._pods.wait()

    async def _pulse(self, client: Client, put: Put) -> None:
        """Look at the API server every PULSE_S, and say how it is."""
        failures = 0
        while True:
            pause = PULSE_S
            try:
                await client.get(PULSE_PATH, deadline=PULSE_DEADLINE_S, tries=1)
            except ClusterError as error:
                if _is_away(error):
                    pause = RETRY_S[min(failures, len(RETRY_S) - 1)]
                    failures += 1
                    put(Offline(self._now(), str(error), self._now() + pause))
            else:
                failures = 0
            if not failures:
                put(Online(self._now()))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), pause)
            self._hurried.clear()


def _is_away(error: ClusterError) -> bool:
    """Whether this is no answer of an API server that lets us in."""
    return isinstance(error, (Unreachable, Unauthorized, ServerError))


async def _configured(client: Client, put: Put) -> None:
    """Hand over the configuration whenever it changes."""

    def tell() -> None:
        put(ConfigSeen(configuration.current, tuple(map(str, configuration.problems))))

    configuration = Configuration(client, tell)
    await configuration.run()
