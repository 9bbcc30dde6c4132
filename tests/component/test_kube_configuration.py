"""The configuration through the loss of its kinds: what vanishes with a definition was not taken back by anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fakes.faulty_api import Exchange, FaultyApi, answers, plain_404
from fakes.following import eventually
from pylb.kube import configuration
from pylb.kube.client import Client
from pylb.kube.configuration import API_VERSION, L2_ADVERTISEMENTS, POOLS, RESOURCES, Configuration
from pylb.kube.credentials import Credentials

SOON_S = 5.0  # an absent kind is looked for each 1 to 2 s
SETTLED_S = 2 * configuration.CALM + 0.2
DISCOVERY = f"/apis/{API_VERSION}"


def resource(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "metallb-system"}, "spec": spec}


class Served(FaultyApi):
    """An API server on which the kinds can be deleted: their objects go first, then whoever watches them is cut off."""

    known = True
    discovery_fails = False

    async def answer(self, exchange: Exchange) -> None:
        path = exchange.request.path
        if path == DISCOVERY:
            names = RESOURCES.values() if self.known else ()
            rows = [{"name": name, "verbs": ["get", "list", "create"]} for name in names]
            await (answers(500)(exchange) if self.discovery_fails else exchange.json({"resources": rows}))
        elif path in (POOLS, L2_ADVERTISEMENTS) and not self.known:
            await plain_404(exchange)
        elif exchange.request.query.get("watch"):
            await self._watch(exchange)
        else:
            await self._list(exchange)

    def fill(self) -> None:
        self.put(POOLS, resource("one", addresses=["192.0.2.0/25"]))
        self.put(POOLS, resource("two", addresses=["192.0.2.128/25"]))
        self.put(L2_ADVERTISEMENTS, resource("all"))

    def watched(self) -> set[str]:
        """What was asked to be told of."""
        return {seen.path for seen in self.requests if "watch" in seen.query}

    async def lose_kinds(self) -> None:
        self.known = False
        for path in (POOLS, L2_ADVERTISEMENTS):
            for key in list(self.objects[path]):
                self.remove(path, key)
        await asyncio.sleep(0.1)
        await self.away()
        await self.back()


@asynccontextmanager
async def served(*, known: bool = True) -> AsyncIterator[tuple[Served, Configuration, list[set[str]]]]:
    """A server, the configuration that follows it, and the pools that were in force, one after the other."""
    api = Served()
    api.known, api.on_list, api.on_watch = known, api.answer, api.answer
    if known:
        api.fill()
    seen: list[set[str]] = []
    async with api, Client(Credentials(api.url, "test")) as client:
        made = Configuration(client, lambda: seen.append(set(made.current.pools)))
        task = asyncio.create_task(made.run())
        try:
            await eventually(lambda: made.synced, SOON_S)
            yield api, made, seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_what_goes_with_its_kind_stays_in_force_until_it_is_back() -> None:
    async with served() as (api, made, seen):
        await eventually(lambda: {POOLS, L2_ADVERTISEMENTS} <= api.watched())
        await api.lose_kinds()
        await eventually(lambda: bool(made.problems), SOON_S)
        assert {problem.ref.name.partition(".")[0] for problem in made.problems} <= set(RESOURCES.values())
        api.requests.clear()
        api.known = True
        await eventually(lambda: {POOLS, L2_ADVERTISEMENTS} <= api.watched(), SOON_S)
        await asyncio.sleep(SETTLED_S)
        assert made.stale, "the kinds are there, and empty"
        api.fill()
        await eventually(lambda: not made.problems, SOON_S)
        assert all(pools == {"one", "two"} for pools in seen[1:])
        assert made.current.advertisements


async def test_a_pool_that_is_deleted_is_gone_soon() -> None:
    async with served() as (api, made, _):
        api.remove(POOLS, "metallb-system/two")
        await eventually(lambda: set(made.current.pools) == {"one"}, SETTLED_S)
        api.remove(POOLS, "metallb-system/one")
        await eventually(lambda: not made.current.pools, SETTLED_S)
        assert not made.problems


async def test_nothing_is_taken_back_while_the_api_server_cannot_say_what_it_knows() -> None:
    async with served() as (api, made, _):
        api.discovery_fails = True
        api.remove(POOLS, "metallb-system/two")
        await asyncio.sleep(SETTLED_S)
        assert set(made.current.pools) == {"one", "two"}
        api.discovery_fails = False
        await eventually(lambda: set(made.current.pools) == {"one"}, configuration.ASK_AGAIN + SETTLED_S)


async def test_kinds_that_nobody_installed_yet_are_no_empty_configuration() -> None:
    """Else all addresses that Services have would seem forbidden; and pools that come one by one come at once."""
    async with served(known=False) as (api, made, seen):
        assert not made.loaded
        assert made.stale
        api.known = True
        api.fill()
        await eventually(lambda: made.loaded, SOON_S)
        assert {frozenset(pools) for pools in seen} == {frozenset(), frozenset({"one", "two"})}
