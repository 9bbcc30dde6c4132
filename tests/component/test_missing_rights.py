"""A daemon that starts without the right to read one kind: it goes by what it may read, or holds, and says which it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from fakes.cluster import advertisement, collection, pool, service
from fakes.quiet import controller, counted
from pylb.core.crds import table as crds
from pylb.embedded.server import Options, Server, serve
from pylb.kube import refusal
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.errors import Forbidden, Unreachable
from pylb.kube.refusal import BELIEVED_AFTER, Refusal
from pylb.speaker.world import World

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ALWAYS = 10_000
LIMIT = 10.0  # s
HELD = 1.5  # s: several times as long as a refusal takes to be believed below


class Place:
    """A cluster with a pool, an advertisement and a Service; a speaker's world on it; some of it may not be read."""

    def __init__(self, server: Server, client: Client) -> None:
        self.server = server
        self.changed = asyncio.Event()
        self.world = World(client, self.changed.set)

    def forbid(self, match: str) -> None:
        self.server.faults.fail_next(ALWAYS, 403, f"GET .*{match}")

    def allow(self) -> None:
        self.server.faults.fail_next(0)

    async def until(self, done: Callable[[], object]) -> None:
        async def changes() -> None:
            while not done():
                self.changed.clear()
                await self.changed.wait()

        await asyncio.wait_for(changes(), LIMIT)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        task = asyncio.ensure_future(self.world.run())
        try:
            yield self.world
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def place(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(refusal, "BELIEVED_AFTER", 0.4)
    async with serve(Options()) as server, Client(Credentials(server.url, source="test")) as client:
        for definition in crds.definitions():
            await client.post(DEFINITIONS, definition)
        await client.post("/api/v1/namespaces", {"metadata": {"name": "metallb-system"}})
        for body in (pool("good", "192.0.2.0/24"), advertisement(), service("default/front")):
            await client.post(collection(body), body)
        status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        await client.patch("/api/v1/namespaces/default/services/front/status", status)
        yield Place(server, client)


@pytest.mark.parametrize("kind", ["pylb-system/configmaps", "namespaces"])
async def test_without_a_kind_that_adds_to_the_configuration_it_goes_by_the_rest(
    place: Place, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As by what is valid of an invalid one: beside those who know the whole it only listens."""
    place.forbid(rf"{kind}\?")
    async with place.running() as world:
        await place.until(lambda: world.synced)
        assert (world.partial, world.ready) == (True, False)
        assert [line.pool for line in world.lines()] == ["good"]
        [problem] = world.configuration.problems
        assert kind.rpartition("/")[2] in problem.text
        assert "pylb doctor" in problem.text
        place.allow()
        await place.until(lambda: world.ready)
        assert not world.configuration.problems
    assert "this kind may not be read: `pylb doctor` tells which right is missing" in caplog.text


async def test_without_pools_there_is_nothing_to_announce_and_that_is_said(place: Place) -> None:
    place.forbid("ipaddresspools")
    async with place.running() as world:
        await place.until(lambda: world.synced)
        assert world.partial
        assert [line.verdict.ranking for line in world.lines()] == [()]
        assert "ipaddresspools" in world.configuration.problems[0].text


@pytest.mark.parametrize("kind", ["services", "nodes", "endpointslices"])
async def test_without_what_all_decisions_rest_on_it_holds(place: Place, kind: str) -> None:
    """Who takes part without them would elect others than everybody else does."""
    place.forbid(rf"{kind}\?")
    async with place.running() as world:
        await asyncio.sleep(HELD)
        assert not world.synced
        place.allow()
        await place.until(lambda: world.ready)


async def test_who_knew_it_all_goes_on_when_a_right_is_taken(place: Place) -> None:
    async with place.running() as world:
        await place.until(lambda: world.ready)
        place.forbid("ipaddresspools")
        place.server.faults.drop_watches()
        await asyncio.sleep(HELD)
        assert world.ready
        assert [line.pool for line in world.lines()] == ["good"]


async def test_a_controller_that_may_not_read_pools_takes_no_address_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal, "BELIEVED_AFTER", 0.4)
    async with counted(pool("good", "192.0.2.0/24"), advertisement(), service("default/front")) as cluster:
        path = "/api/v1/namespaces/default/services/front"
        await cluster.admin.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
        cluster.server.faults.fail_next(ALWAYS, 403, "GET .*ipaddresspools")
        async with controller(cluster) as one:
            while not one.configuration.salvaged:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)
            await cluster.quiet(HELD)
            assert ("PATCH", "services/status") not in cluster.taken()
        status = (await cluster.admin.get(path))["status"]
        assert [one["ip"] for one in status["loadBalancer"]["ingress"]] == ["192.0.2.1"]


def test_an_api_server_that_does_not_know_its_roles_yet_is_given_time() -> None:
    one, no, away = Refusal(), Forbidden("no"), Unreachable("away")
    assert [one.note(no, at) for at in (0.0, 1.0, BELIEVED_AFTER)] == [False, False, True]
    assert one.believed
    assert not one.note(no, BELIEVED_AFTER + 1), "told once"
    other = Refusal()
    assert [other.note(error, at) for error, at in ((no, 0.0), (away, 1.0), (no, BELIEVED_AFTER))] == [False] * 3
