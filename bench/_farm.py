"""An embedded API server with thousands of Services on loopback, and a controller that starts, dies and starts again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench._processes import PROC, memory, processor
from bench._program import until
from bench.results import FOLDER
from pylb.core.crds import table as crds
from pylb.core.model import Service
from pylb.kube import credentials, decode
from pylb.kube.client import Client
from pylb.kube.collection import Collection

ROOT = FOLDER.parent.parent
AT_ONCE = 4  # creates under way
ALL_WITHIN = 600.0  # s until all have an address, whatever it takes
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POOLS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"
SERVICES = "/api/v1/namespaces/default/services"
POD = "pylb-controller-0"  # a pod's name: whoever starts under it again is the same holder of the Lease
TOKEN = "token"  # noqa: S105 - of a server on loopback that lives as long as the measurement

Json = dict[str, Any]


def body(name: str) -> Json:
    """A Service without NodePorts."""
    spec = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True, slots=True)
class Spent:
    """A span of time: s on the wall, of the API server's and of the controller's processor time, and of decisions."""

    wall: float
    api: float
    controller: float
    decide: float
    settle: float


class Farm:
    """The two processes."""

    def __init__(self, home: Path, api: subprocess.Popen[str], client: Client) -> None:
        self.client = client
        self._home, self._api = home, api
        self._controller: subprocess.Popen[bytes] | None = None
        self._addressed: set[str] = set()
        self._seen: Collection[Service] = Collection(client, SERVICES, decode.service, on_change=self._on_change)

    def _on_change(self, key: str, old: Service | None, new: Service | None) -> None:
        if new is not None and new.ingress:
            self._addressed.add(key)

    async def follow(self) -> None:
        """See who has an address, for ever."""
        await self._seen.run()

    async def create(self, names: Sequence[str]) -> float:
        """Create these Services; s that it took."""
        gate, began = asyncio.Semaphore(AT_ONCE), time.monotonic()

        async def one(name: str) -> None:
            async with gate:
                await self.client.post(SERVICES, body(name), deadline=60.0)

        await asyncio.gather(*map(one, names))
        return time.monotonic() - began

    def start(self) -> None:
        """Start the controller."""
        words = ["-m", "bench._timed", str(self._told), "controller", "--kubeconfig", str(self._home / "kubeconfig")]
        words += ["--bind", "127.0.0.1", "--port", "0", "--pod", POD]
        self._told.unlink(missing_ok=True)
        with (self._home / "controller.log").open("ab") as log:
            self._controller = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, cwd=ROOT)

    def kill(self) -> None:
        """Kill it, as the kernel does where memory is short."""
        if self._controller is not None:
            self._controller.send_signal(signal.SIGKILL)
            self._controller.wait()
            self._controller = None

    async def wait_addressed(self, names: Sequence[str]) -> None:
        """Wait until all of these have an address."""
        await until(f"{len(names)} Services have an address", lambda: self._have(names), ALL_WITHIN)

    def _have(self, names: Sequence[str]) -> bool:
        return len(self._addressed) >= len(names) and all(f"default/{name}" in self._addressed for name in names)

    async def served(self, names: Sequence[str]) -> Spent:
        """Start the controller; what passes until all of these have an address."""
        api, began = processor(self._api.pid), time.monotonic()
        self.start()
        await self.wait_addressed(names)
        wall, api = time.monotonic() - began, processor(self._api.pid) - api
        await asyncio.sleep(0.5)  # for its last round to be told
        told = json.loads(self._told.read_text())
        return Spent(wall, api, processor(self._pid), told["decide"], told["settle"])

    def sizes(self) -> tuple[float, float]:
        """MiB of the controller: what it has now, and the most it had."""
        rows = dict(row.split(":", 1) for row in (PROC / str(self._pid) / "status").read_text().splitlines())
        return memory(self._pid)[0], int(rows["VmHWM"].split()[0]) / 1024

    @property
    def _told(self) -> Path:
        return self._home / "decisions.json"

    @property
    def _pid(self) -> int:
        assert self._controller is not None
        return self._controller.pid


@contextlib.asynccontextmanager
async def farm(home: Path, pools: Sequence[Json]) -> AsyncIterator[Farm]:
    """A server with these pools and no Service, and no controller yet."""
    api = _server(home)
    assert api.stdout is not None
    found: Farm | None = None
    following: asyncio.Future[None] | None = None
    try:
        (home / "kubeconfig").write_text(json.dumps(_kubeconfig(api.stdout)))
        async with Client(credentials.load(str(home / "kubeconfig")), user_agent="bench") as client:
            await _furnish(client, pools)
            found = Farm(home, api, client)
            following = asyncio.ensure_future(found.follow())
            yield found
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    finally:
        if found is not None:
            found.kill()
        api.kill()
        api.wait()


def _server(home: Path) -> subprocess.Popen[str]:
    token = home / "token"
    token.write_text(TOKEN)
    words = ["-m", "pylb.embedded", "--listen", "127.0.0.1:0", "--token-file", str(token)]
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)


def _kubeconfig(out: IO[str]) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "clusters": [{"name": "bench", "cluster": {"server": json.loads(out.readline())["serving"]}}],
        "users": [{"name": "bench", "user": {"token": TOKEN}}],
    }


async def _furnish(client: Client, pools: Sequence[Json]) -> None:
    for name in ("pylb-system", "metallb-system"):
        await client.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for definition in crds.definitions():
        await client.post(DEFINITIONS, definition)
    for pool in pools:
        await client.post(POOLS, pool)
