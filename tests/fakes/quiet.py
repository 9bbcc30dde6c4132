"""A cluster whose writes are counted, and the daemons' writing halves on it, in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from fakes.cluster import collection
from pylb.controller.app import Controller
from pylb.core import notices, verdicts
from pylb.core.crds import table as crds
from pylb.core.model import NodeName, Service, ServiceKey
from pylb.core.ownership.record import Renewal
from pylb.core.ranges import parse_address
from pylb.embedded.messages import Request, Response
from pylb.embedded.server import Options, Server, serve
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.recorder import EventRecorder
from pylb.kube.report import Report
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger
from pylb.speaker import statuses
from pylb.speaker.herald import Herald
from pylb.speaker.publisher import Publisher
from pylb.speaker.statuses import Account, Holding, Known
from pylb.speaker.world import World

OURS = "pylb-system"
NAMESPACES = (OURS, "metallb-system")
PODS = f"/api/v1/namespaces/{OURS}/pods"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
LOOK_EVERY, PATIENCE = 0.02, 30.0  # s

Writes = Counter[tuple[str, str]]  # (method, resource) as in ("PATCH", "services/status")


class Counted:
    """A cluster; `writes` are those that were asked for by pylb, in order, with their loop time."""

    def __init__(self, server: Server, admin: Client) -> None:
        self.server, self.admin = server, admin
        self.log: list[tuple[float, str, str]] = []
        self._next, server.handler = server.handler, self

    async def __call__(self, request: Request) -> Response:
        ours = "pylb" in request.headers.get("user-agent", "")
        if ours and request.method != "GET":
            self.log.append((asyncio.get_running_loop().time(), request.method, _resource(request)))
        return await self._next(request)

    def client(self) -> Client:
        """One of pylb's own: what it writes is counted."""
        return Client(Credentials(self.server.url, "test"), user_agent="pylb-test")

    def taken(self) -> Writes:
        """What was written since the last time."""
        found = Counter((method, resource) for _, method, resource in self.log)
        self.log.clear()
        return found

    async def create(self, *bodies: Any) -> None:
        """Objects of a user's."""
        for body in bodies:
            await self.admin.post(collection(body), body)

    async def quiet(self, seconds: float) -> None:
        """Waits until nothing was written for so long, in turns of the loop: a busy machine's take longer."""
        end = asyncio.get_running_loop().time() + PATIENCE
        seen, turns = len(self.log), 0
        while turns * LOOK_EVERY < seconds:
            assert asyncio.get_running_loop().time() < end, f"it does not come to rest: {self.log[-5:]}"
            await asyncio.sleep(LOOK_EVERY)
            seen, turns = len(self.log), turns + 1 if seen == len(self.log) else 0


def _resource(request: Request) -> str:
    parts = request.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    parts = parts[2:] if parts[0] == "namespaces" and len(parts) > 2 else parts
    return "/".join([parts[0], *parts[2:]])


@contextlib.asynccontextmanager
async def counted(*bodies: Any) -> AsyncIterator[Counted]:
    """A cluster with pylb's definitions, and these objects."""
    async with serve(Options()) as server, Client(Credentials(server.url, "test"), user_agent="admin") as admin:
        for definition in crds.definitions():
            await admin.post(DEFINITIONS, definition)
        for name in NAMESPACES:
            await admin.post("/api/v1/namespaces", {"metadata": {"name": name}})
        one = Counted(server, admin)
        await one.create(*bodies)
        yield one
        assert server.problems == []


@contextlib.asynccontextmanager
async def running(*work: Any) -> AsyncIterator[None]:
    """Coroutines that run during the block; none of them may end."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
        assert not [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def controller(cluster: Counted, pod: str = "") -> AsyncIterator[Controller]:
    """The controller, whole."""
    async with cluster.client() as client:
        made = Controller(client, EventLog(), Logger("test"), pod=pod)
        stop = asyncio.Event()
        async with running(made.run(stop)):
            yield made


class Voice:
    """All that a speaker writes; what it owns is the test's word."""

    def __init__(self, client: Client, node: str, pod: str = "") -> None:
        name, log = NodeName(node), Logger("test")
        self.owned: dict[ServiceKey, Holding] | None = None  # it takes no part yet
        self.renewal: Renewal | None = None
        self.spared: frozenset[NodeName] = frozenset()
        self.known: Known | None = None
        self.recorder = EventRecorder(client, notices.SPEAKER)
        self.world = World(client, self._on_world)
        self.herald = Herald(name, EventLog(), self.recorder, self.world.services.items, log)
        self.publisher = Publisher(client, OURS, pod, name, self._account, log)
        self.report = Report(client, OURS, pod, verdicts.speaker(name), self.world.configuration)

    def work(self) -> Iterator[Any]:
        """What has to run."""
        yield from (self.world.run(), self.recorder.run(), self.publisher.run(), self.report.run())

    def own(self, services: Iterable[Service], term: int = 1) -> None:
        """It announces these from now on, by claims of this term."""
        found = list(services)
        self.owned = {one.key: Holding((), term, statuses.moment(time.time())) for one in found}
        self.herald.announced({(one.key, parse_address(text)) for one in found for text in one.ingress})
        self.publisher.changed()

    def _account(self) -> Account | None:
        return None if self.owned is None else Account(self.owned, self.renewal, self.spared, self.known)

    def _on_world(self) -> None:
        self.report.consider()


@contextlib.asynccontextmanager
async def speaker(cluster: Counted, node: str, pod: str = "") -> AsyncIterator[Voice]:
    """A speaker's writing half."""
    async with cluster.client() as client:
        voice = Voice(client, node, pod)
        async with running(*voice.work()):
            yield voice
