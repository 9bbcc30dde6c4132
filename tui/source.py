"""Live facts from a cluster: its objects by list and watch, its pylb pods by the pod proxy, its pulse by `/version`.

Nothing here ends but by being cancelled: what cannot be reached or read is tried again, and told as a fact.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from sys import intern
from typing import TypeVar
from urllib.parse import urlsplit

from pylb.core.history import Entry
from pylb.core.model import Pod
from pylb.kube.client import JSON, Client
from pylb.kube.collection import Collection
from pylb.kube.configuration import OWN_NAMESPACE
from pylb.kube.credentials import Credentials
from pylb.kube.errors import ClusterError, ServerError, Unauthorized, Unreachable
from pylb.kube.listing import object_key
from pylb.runtime.tasks import Nursery, Signal, within
from pylb.tui import decoders, resources, watches
from pylb.tui.facts import Kind, Listed, MovesSeen, ObjectChanged, Offline, Online, Value
from pylb.tui.reporters import COMPONENT, PORTS, Reporter, Token
from pylb.tui.seams import Put
from pylb.tui.settings import Settings, refusal
from pylb.tui.watches import Place, Watched

PULSE_S = 2.0  # between two looks at the API server
PULSE_DEADLINE_S = 3.0
PULSE_PATH = "/version"  # everyone who is let in may read it
RETRY_S = (1.0, 2.0, 4.0, 8.0, 15.0)  # before the next try of an API server that is away
MAX_REPORTERS = 50  # pods asked at once; the client opens 64 streams at most
DOUBT_S = 0.5  # without a list it is asked whether we may have it
ASK_AGAIN_S = 15.0  # and again: rights may be given
DATED = frozenset({Kind.SERVICE, Kind.STATUS})  # kinds of which it matters when an object was made
T = TypeVar("T")


class _Reader:
    """Reads the objects of one kind. What it gives is kept to see by it whether an object became another, no more.

    `value` and `created` are of the object that was read last: a collection tells of it before it reads the next.
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self.value: Value | None = None
        self.created: float | None = None

    def read(self, raw: JSON) -> object | None:
        """What to keep of an object; None for one that is of no interest."""
        self.value = self._watched.read(raw)
        self.created = decoders.created(raw) if self._watched.kind in DATED else None
        if self.value is None:
            return None
        kept = self.value if self.created is None else (self.value, self.created)
        return hash(kept) if self._watched.passing else kept


class ClusterSource:
    """A source of facts: the cluster behind `credentials`; of its Services those of one namespace, if it is named."""

    def __init__(self, credentials: Credentials, *, namespace: str = "", now: Callable[[], float] = time.time) -> None:
        host = urlsplit(credentials.server).netloc.rpartition("@")[2]
        self._name = f"{host}  namespace {namespace}" if namespace else host
        self._credentials = credentials
        self._namespace, self._scope = namespace, f"/namespaces/{namespace}" if namespace else ""
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
            for watched in watches.everything(self._scope):
                collection = self._watch(client, put, watched)
                nursery.start(collection.run(), collection.path)
                nursery.start(
                    _doubted(client, put, watched, collection, self._of(watched.kind)), f"rights to {collection.path}"
                )
            history = _history(client, put)
            nursery.start(history.run(), history.path)
            nursery.start(_doubted(client, put, watches.HISTORY, history), "rights to history")
            nursery.start(Settings(client, put).run(), "configuration")

    def _watch(self, client: Client, put: Put, watched: Watched) -> Collection[object]:
        kind, reader = watched.kind, _Reader(watched)

        def changed(key: str, old: object | None, new: object | None) -> None:
            value, created = (None, None) if new is None else (reader.value, reader.created)
            put(ObjectChanged(kind, key, value, created))
            put(Online(self._now()))
            if kind is Kind.POD:
                self._pod_changed(key, value if isinstance(value, Pod) else None)

        def listed() -> None:
            put(Listed(kind, available=not collection.absent, scope=self._of(kind)))

        collection = Collection(
            client,
            watched.path,
            reader.read,
            key=_service_key if kind is Kind.SERVICE else None,
            query=watched.query,
            on_change=changed,
            on_synced=listed,
        )
        return collection

    def _of(self, kind: Kind) -> str:
        """The namespace of which alone a kind is asked for."""
        return self._namespace if kind is Kind.SERVICE else ""

    def _pod_changed(self, key: str, pod: Pod | None) -> None:
        if pod is not None and pod.namespace == OWN_NAMESPACE and pod.node and pod.labels.get(COMPONENT) in PORTS:
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


async def unreached(credentials: Credentials) -> str:
    """Why the API server does not answer, or does not let us in; "" where it does."""
    async with Client(credentials, user_agent="pylb-tui") as client:
        try:
            await client.get(PULSE_PATH, deadline=PULSE_DEADLINE_S, tries=1)
        except ClusterError as error:
            return str(error) if _is_away(error) else ""
    return ""


def _service_key(raw: JSON) -> str:
    """A Service's key, which stands in memory once, whoever names the Service. Raises ValueError."""
    return intern(object_key(raw))


def _is_away(error: ClusterError) -> bool:
    """Whether this is no answer of an API server that lets us in."""
    return isinstance(error, (Unreachable, Unauthorized, ServerError))


def _history(client: Client, put: Put) -> Collection[tuple[Entry, ...]]:
    """The moves that the speakers wrote down."""

    def changed(key: str, old: tuple[Entry, ...] | None, new: tuple[Entry, ...] | None) -> None:
        put(MovesSeen(new or ()))

    def listed() -> None:
        put(Listed(Kind.HISTORY, available=bool(collection.items)))

    collection = Collection(
        client,
        watches.HISTORY.path,
        resources.moves,
        query=watches.HISTORY.query,
        on_change=changed,
        on_synced=listed,
    )
    return collection


async def _doubted(client: Client, put: Put, watched: Place, collection: Collection[T], scope: str = "") -> None:
    """Say that a kind may not be read, if that is why there is no list of it."""
    with suppress(asyncio.TimeoutError):
        await within(DOUBT_S, collection.wait_synced())
    while not collection.synced:
        why = await refusal(client, watched.path, watched.query)
        if why:
            put(Listed(watched.kind, available=False, denied=why, scope=scope))
        with suppress(asyncio.TimeoutError):
            await within(ASK_AGAIN_S if why else DOUBT_S, collection.wait_synced())
