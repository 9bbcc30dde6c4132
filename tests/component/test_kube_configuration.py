"""The configuration through the loss of its kinds: what vanishes with a definition was not taken back by anybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import pytest

from fakes.faulty_api import Exchange, FaultyApi, answers, plain_404
from fakes.following import eventually
from pylb.core.model import PoolName
from pylb.kube import configuration, pace, refusal
from pylb.kube.client import Client
from pylb.kube.configuration import API_VERSION, BGP, L2_ADVERTISEMENTS, POOLS, RESOURCES, Configuration
from pylb.kube.credentials import Credentials

SOON_S = 5.0  # an absent kind is looked for each 1 to 2 s
SETTLED_S = 2 * configuration.CALM + 0.2
DISCOVERY = f"/apis/{API_VERSION}"


def resource(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "metallb-system"}, "spec": spec}


class Served(FaultyApi):
    """An API server on which the kinds can be deleted: their objects go first, then whoever watches them is cut off."""

    known = True
    absent: Collection[str] = ()
    forbidden: Collection[str] = ()
    discovery_fails = False

    async def answer(self, exchange: Exchange) -> None:
        path = exchange.request.path
        if path == DISCOVERY:
            names = RESOURCES.values() if self.known else ()
            rows = [{"name": name, "verbs": ["get", "list", "create"]} for name in names]
            await (answers(500)(exchange) if self.discovery_fails else exchange.json({"resources": rows}))
        elif path in self.absent or (path in (POOLS, L2_ADVERTISEMENTS) and not self.known):
            await plain_404(exchange)
        elif path in self.forbidden:
            await answers(403, "Forbidden")(exchange)
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
async def served(
    *,
    known: bool = True,
    bgp: Mapping[str, list[dict[str, Any]]] = MappingProxyType({}),
    absent: Collection[str] = (),
    forbidden: Collection[str] = (),
) -> AsyncIterator[tuple[Served, Configuration, list[set[str]]]]:
    """A server, the configuration that follows it, and the pools that were in force, one after the other."""
    api = Served()
    api.known, api.on_list, api.on_watch = known, api.answer, api.answer
    api.absent, api.forbidden = absent, forbidden
    for name, items in bgp.items():
        for item in items:
            api.put(AT[name], item)
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


ONE = PoolName("one")
ROUTER: dict[str, Any] = {"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.254"}
AT = {name: f"/apis/{version}/{plural}" for name, (_, version, plural) in BGP.items()}


def wrong(made: Configuration) -> list[tuple[str, str]]:
    return [(problem.ref.kind, problem.field) for problem in made.problems]


async def test_objects_of_bgp_are_read_besides() -> None:
    async with served() as (api, made, _):
        api.put(AT["peers"], resource("router", **ROUTER, bfdProfile="quick", password="x"))
        api.put(AT["profiles"], resource("quick", detectMultiplier=5))
        api.put(AT["communities"], resource("names", communities=[{"name": "blue", "value": "64512:7"}]))
        api.put(AT["bgp_advertisements"], resource("all", communities=["blue"]))
        await eventually(lambda: bool(made.current.peers and made.current.bgp_advertisements.get(ONE)), SOON_S)
        await eventually(lambda: bool(made.current.profiles and made.current.communities), SOON_S)
        assert made.current.peers["router"].ref.api_version == "metallb.io/v1beta2"
        [advert] = made.current.bgp_advertisements[ONE]
        assert [str(one) for one in advert.communities] == ["64512:7"]
        assert not made.problems
        assert [one.text for one in made.warnings if one.ref.kind != "BGPPeer"] == []


async def test_what_is_wrong_with_bgp_holds_back_nothing_of_layer_2() -> None:
    """The last good of BGP stays, and a new pool serves; mended, all is as it is wanted."""
    async with served() as (api, made, _):
        api.put(AT["peers"], resource("router", **ROUTER))
        await eventually(lambda: "router" in made.current.peers, SOON_S)
        api.put(AT["peers"], resource("bad", myASN=0))
        api.put(POOLS, resource("three", addresses=["198.51.100.0/24"]))
        await eventually(lambda: "three" in made.current.pools and bool(made.problems), SOON_S)
        assert wrong(made) == [("BGPPeer", f"spec.{name}") for name in ("myASN", "peerASN", "peerAddress")]
        assert (made.stale, made.loaded, made.salvaged) == (True, True, False)
        assert set(made.current.peers) == {"router"}
        api.put(AT["peers"], resource("bad", **{**ROUTER, "peerAddress": "192.0.2.253"}))
        await eventually(lambda: set(made.current.peers) == {"router", "bad"}, SOON_S)
        assert not made.problems


async def test_whoever_never_knew_a_good_one_of_bgp_goes_by_what_is_valid_of_it() -> None:
    async with served(bgp={"peers": [resource("bad", myASN=0), resource("router", **ROUTER)]}) as (_, made, seen):
        await eventually(lambda: set(made.current.peers) == {"router"}, SOON_S)
        assert (made.loaded, made.salvaged, made.stale) == (True, False, True)
        assert all(pools == {"one", "two"} for pools in seen)


async def test_a_pool_that_is_wrong_holds_back_bgp_too() -> None:
    async with served() as (api, made, _):
        api.put(POOLS, resource("bad", addresses=["x"]))
        await eventually(lambda: wrong(made) == [("IPAddressPool", "spec.addresses[0]")], SOON_S)
        api.put(AT["peers"], resource("router", **ROUTER))
        await asyncio.sleep(0.1)
        assert not made.current.peers
        api.remove(POOLS, "metallb-system/bad")
        await eventually(lambda: "router" in made.current.peers, SOON_S)


async def test_kinds_of_bgp_that_are_not_there_or_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the definitions there is none of BGP; without the right layer 2 goes on, and the problem says it."""
    monkeypatch.setattr(refusal, "BELIEVED_AFTER", 0.2)
    async with served(bgp={}, absent={AT["profiles"]}, forbidden={AT["peers"]}) as (_, made, _):
        assert set(made.current.pools) == {"one", "two"}
        await eventually(lambda: bool(made.problems), SOON_S)
        [problem] = made.problems
        assert "bgppeers may not be read" in problem.text
        assert (made.loaded, made.salvaged) == (True, False)


async def test_a_burst_of_changes_is_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at a large configuration takes time that beats and probes need; 300 of them took minutes."""
    looks = 0
    load = configuration.config.load

    def slow(*args: Any) -> Any:
        nonlocal looks
        looks += 1
        time.sleep(2 * pace.SHORT_S)
        return load(*args)

    monkeypatch.setattr(pace, "MAX_REST_S", 0.2)
    async with served() as (server, found, _):
        monkeypatch.setattr(configuration.config, "load", slow)
        for number in range(300):
            server.put(POOLS, resource(f"p{number}", addresses=[f"198.51.{number % 100}.{number // 100}/32"]))
        await eventually(lambda: len(found.current.pools) == 302)
    assert looks < 100
