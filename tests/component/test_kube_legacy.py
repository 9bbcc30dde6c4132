"""The end of an old ConfigMap, as a daemon sees it: what took its place may be on its way in another watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fakes.faulty_api import Exchange, FaultyApi
from fakes.following import eventually
from pylb.kube import configuration
from pylb.kube.client import Client
from pylb.kube.configuration import API_VERSION, L2_ADVERTISEMENTS, POOLS, RESOURCES, Configuration
from pylb.kube.credentials import Credentials

MAPS = "/api/v1/namespaces/metallb-system/configmaps"
TEXT = "address-pools:\n- name: lan\n  protocol: layer2\n  addresses: [192.0.2.0/24]\n"
SETTLED_S = 2 * configuration.CALM + 0.2


class Served(FaultyApi):
    """An API server that knows the kinds."""

    async def answer(self, exchange: Exchange) -> None:
        if exchange.request.path == f"/apis/{API_VERSION}":
            rows = [{"name": name, "verbs": ["get", "list", "create"]} for name in RESOURCES.values()]
            await exchange.json({"resources": rows})
        else:
            await self._list(exchange)


def resource(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "metallb-system"}, "spec": spec}


@asynccontextmanager
async def following() -> AsyncIterator[tuple[Served, Configuration, list[list[str]]]]:
    """A daemon that goes by a ConfigMap, and the pools of each change that it saw."""
    seen: list[list[str]] = []
    async with Served() as server, Client(Credentials(server.url, "test")) as client:
        server.on_list = server.answer
        server.put(MAPS, {**resource("config"), "data": {"config": TEXT}})
        held = Configuration(client, lambda: seen.append(list(held.current.pools)))
        task = asyncio.create_task(held.run())
        try:
            await eventually(lambda: list(held.current.pools) == ["lan"])
            await eventually(lambda: {POOLS, MAPS} <= {one.path for one in server.requests if "watch" in one.query})
            yield server, held, seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("emptied", [False, True], ids=["deleted", "emptied"])
async def test_its_end_is_not_believed_before_its_successors_are_seen(monkeypatch: Any, emptied: bool) -> None:
    """A watch that broke comes back after up to 30 s: until then the pools seem to be gone, and with them all addresses."""
    monkeypatch.setattr(configuration, "ASK_AGAIN", 0.05)
    async with following() as (server, held, seen):
        server.put(POOLS, resource("lan", addresses=["192.0.2.0/24"]), tell=False)
        server.put(L2_ADVERTISEMENTS, resource("l2advertisement1", ipAddressPools=["lan"]), tell=False)
        if emptied:
            server.put(MAPS, {**resource("config"), "data": {"config": "address-pools: []\n"}})
        else:
            server.remove(MAPS, "metallb-system/config")
        await asyncio.sleep(SETTLED_S)
        server.put(POOLS, resource("lan", addresses=["192.0.2.0/24"]))
        server.put(L2_ADVERTISEMENTS, resource("l2advertisement1", ipAddressPools=["lan"]))
        await eventually(lambda: any(pool.ref.kind == "IPAddressPool" for pool in held.current.pools.values()))
        assert all(pools == ["lan"] for pools in seen)
        assert held.problems == ()


async def test_its_end_is_believed_where_nothing_takes_its_place(monkeypatch: Any) -> None:
    monkeypatch.setattr(configuration, "ASK_AGAIN", 0.05)
    async with following() as (server, held, _):
        server.remove(MAPS, "metallb-system/config")
        await eventually(lambda: not held.current.pools)
        assert held.problems == ()


async def test_a_watch_that_never_catches_up_is_believed_in_the_end(monkeypatch: Any) -> None:
    monkeypatch.setattr(configuration, "ASK_AGAIN", 0.02)
    monkeypatch.setattr(configuration, "LAG_ROUNDS", 3)
    async with following() as (server, held, _):
        server.put(POOLS, resource("lan", addresses=["192.0.2.0/24"]), tell=False)
        server.remove(MAPS, "metallb-system/config")
        await eventually(lambda: not held.current.pools)


async def test_a_resource_that_says_the_same_takes_the_place_of_its_entry() -> None:
    async with following() as (server, held, seen):
        server.put(POOLS, resource("lan", addresses=["192.0.2.0/24"], autoAssign=True, avoidBuggyIPs=False))
        await eventually(lambda: any(pool.ref.kind == "IPAddressPool" for pool in held.current.pools.values()))
        assert all(pools == ["lan"] for pools in seen)
        assert held.problems == ()
        assert [len(row) for row in held.current.advertisements.values()] == [1]
