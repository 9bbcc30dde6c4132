"""What a speaker knows of the cluster, against the embedded API server: enough to elect, or not yet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from fakes.cluster import advertisement, collection, pool, service
from pylb.core.crds import table as crds
from pylb.embedded.server import Options, serve
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.speaker.world import World

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POOLS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"
GOOD, OVERLAPPING = pool("good", "192.0.2.0/24"), pool("second", "192.0.2.128/25")
LIMIT = 5.0  # s


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A cluster with a pool, an advertisement and a Service."""
    async with serve(Options()) as server, Client(Credentials(server.url, source="test")) as client:
        for definition in crds.definitions():
            await client.post(DEFINITIONS, definition)
        await client.post("/api/v1/namespaces", {"metadata": {"name": "metallb-system"}})
        for body in (GOOD, advertisement(), service("default/front")):
            await client.post(collection(body), body)
        status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        await client.patch("/api/v1/namespaces/default/services/front/status", status)
        yield client


class Watched:
    """A world that is kept current, and waited for."""

    def __init__(self, client: Client) -> None:
        self.changed = asyncio.Event()
        self.world = World(client, self.changed.set)

    async def until(self, done: Callable[[World], object]) -> None:
        """Wait until something is so."""

        async def changes() -> None:
            while not done(self.world):
                self.changed.clear()
                await self.changed.wait()

        await asyncio.wait_for(changes(), LIMIT)


@contextlib.asynccontextmanager
async def watched(client: Client) -> AsyncIterator[Watched]:
    one = Watched(client)
    running = asyncio.ensure_future(one.world.run())
    try:
        yield one
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_keeps_the_last_good_configuration(client: Client) -> None:
    async with watched(client) as one:
        await one.until(lambda world: world.synced)
        await client.post(POOLS, OVERLAPPING)
        await one.until(lambda world: world.configuration.problems)
        assert one.world.synced
        [line] = one.world.lines()
        assert (str(line.address), line.pool) == ("192.0.2.1", "good")


async def test_who_never_knew_a_good_one_goes_by_a_part_and_knows_it(client: Client) -> None:
    await client.post(POOLS, OVERLAPPING)
    async with watched(client) as one:
        await one.until(lambda world: world.synced)
        assert (one.world.partial, one.world.ready, one.world.configuration.loaded) == (True, False, False)
        assert [line.pool for line in one.world.lines()] == ["good"]
        await client.delete(f"{POOLS}/second")
        await one.until(lambda world: world.ready)
        assert not one.world.partial
        assert [line.pool for line in one.world.lines()] == ["good"]
