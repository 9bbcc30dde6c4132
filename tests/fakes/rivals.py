"""Controllers that share a Lease, in one process with the API server that they write to: who asked it for what is known.

Their clocks are the test's to turn, so that no Lease has to be waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from fakes.cluster import advertisement, pool
from fakes.rest import Rest
from pylb.controller.app import Controller
from pylb.controller.mandate import NAME, Holder
from pylb.core.crds import table as crds
from pylb.core.lease import Identity
from pylb.embedded.errors import ApiError
from pylb.embedded.messages import Request, Response, as_json
from pylb.embedded.server import Server, serve
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger

PATIENCE_S = 10.0
LOOK_S = 0.005
SERVICES = "/api/v1/namespaces/default/services"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/pylb-system/leases/{NAME}"
RANGE = "10.0.0.0/22"

JSON = dict[str, Any]


@dataclass
class Stage:
    """An API server with pylb's kinds, a pool, and a record of the writes: (who, method, path)."""

    server: Server
    rest: Rest
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    refuses: Callable[[str, Request], int] = lambda who, request: 0  # the status to refuse a request with; 0: none

    async def __call__(self, request: Request) -> Response:
        who = request.headers.get("user-agent", "")
        status = self.refuses(who, request)
        if status:
            return as_json(status, ApiError(status, "Forbidden", "a test refuses it").body(), ())
        if request.method != "GET":
            self.writes.append((who, request.method, request.path))
        return await self.server.api(request)

    async def forward(self, request: Request) -> Response:
        """What the API server itself answers."""
        return await self.server.api(request)

    def written_by(self, who: str, *, leases: bool = False) -> list[str]:
        """What somebody wrote, the Lease aside unless it is asked for."""
        return [f"{verb} {path}" for one, verb, path in self.writes if one == who and ("/leases" in path) == leases]

    async def create(self, *names: str) -> None:
        """Services of type LoadBalancer."""
        for name in names:
            spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
            answer = await self.rest.post(SERVICES, {"metadata": {"name": name}, "spec": spec})
            assert answer.status == 201, answer.body

    async def addresses(self) -> dict[str, str]:
        """The Services that have an address."""
        items = (await self.rest.get(SERVICES)).json["items"]
        told = {one["metadata"]["name"]: one["status"]["loadBalancer"].get("ingress") or [] for one in items}
        return {name: found[0]["ip"] for name, found in told.items() if found}

    async def served(self, *names: str) -> dict[str, str]:
        """All addresses, as soon as these Services have one; no two have the same."""
        found: dict[str, str] = {}

        async def look() -> bool:
            found.update(await self.addresses())
            return set(names) <= found.keys()

        await until(look)
        assert len(set(found.values())) == len(found), "an address was given twice"
        return found


class Served(Protocol):
    """What is reached at a URL."""

    @property
    def url(self) -> str: ...


class Ground(Protocol):
    """Where controllers live: an API server."""

    @property
    def server(self) -> Served: ...


class Rival:
    """A controller that runs until it is ended, one way or the other."""

    def __init__(self, stage: Ground, name: str, pod: str = "", machine: str = "") -> None:
        self.name, self._stage = name, stage
        self.ahead = 0.0  # s that its clock is turned
        self._client = Client(Credentials(stage.server.url, "test"), user_agent=name)
        identity = Identity(pod or machine or name, name, unique=bool(pod))
        self.holder = Holder(self._client, "pylb-system", identity, Logger(name), clock=self._clock)
        self.controller = Controller(self._client, EventLog(), Logger(name), mandate=self.holder)
        self._stop = asyncio.Event()
        self._task = asyncio.ensure_future(self.controller.run(self._stop))

    def _clock(self) -> float:
        return time.monotonic() + self.ahead

    def turn(self, seconds: float) -> None:
        """Its clock goes on by so many seconds, as if it had stood still."""
        self.ahead += seconds
        self.holder._stirred.set()  # a timer would go off

    async def leads(self) -> Rival:
        """Wait until it leads."""
        await until(lambda: self.holder.leads and self.holder.seat().leads)
        return self

    async def follows(self) -> Rival:
        """Wait until it knows that another leads."""
        await until(lambda: not self.holder.leads and self.holder.seat().holder)
        return self

    async def end(self) -> None:
        """SIGTERM."""
        self._stop.set()
        await self._task
        await self._client.close()

    async def crash(self) -> None:
        """SIGKILL: nothing is given back."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._client.close()


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """A stage, whose API server made no mistake of its own by its end."""
    async with serve() as server:
        made = Stage(server, Rest(server.url))
        server.handler = made
        for name in ("pylb-system", "metallb-system"):
            await made.rest.post("/api/v1/namespaces", {"metadata": {"name": name}})
        for definition in crds.definitions():
            await made.rest.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        place = "/apis/metallb.io/v1beta1/namespaces/metallb-system"
        await made.rest.post(f"{place}/ipaddresspools", pool("p", RANGE))
        await made.rest.post(f"{place}/l2advertisements", advertisement())
        yield made
        assert server.problems == []


async def until(look: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """What `look` finds, as soon as that is something."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        found = await found if asyncio.iscoroutine(found) else found
        if found:
            return found
        assert time.monotonic() < end, f"gave up after {seconds:.0f} s"
        await asyncio.sleep(LOOK_S)
