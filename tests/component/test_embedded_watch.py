"""Watches of the embedded API server, as far as no real one can be asked: its ring, its faults, its bookmarks.

What both promise stands in tests/conformance.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.rest import Rest
from pylb.embedded.history import RING
from pylb.embedded.resources import LEASES
from pylb.embedded.server import Options, Server, serve

CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that made no mistake of its own by the end of the test."""
    async with serve(Options(bookmark_every=0.05)) as running:
        yield running
        assert running.problems == []


@pytest.fixture
def rest(server: Server) -> Rest:
    """A client of it."""
    return Rest(server.url)


def config(name: str, **labels: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"metadata": {"name": name, "labels": labels}}


async def take(events: AsyncIterator[tuple[str, Any]], count: int) -> list[tuple[str, str]]:
    """The next events as (type, name)."""
    found = [await anext(events) for _ in range(count)]
    return [(what, obj.get("metadata", {}).get("name", "")) for what, obj in found]


async def version(rest: Rest) -> str:
    """The version of a list."""
    return str((await rest.get(CONFIGS)).json["metadata"]["resourceVersion"])


async def test_a_version_that_is_too_old_is_an_error_event_within_a_200(server: Server, rest: Rest) -> None:
    """Expired, code 410; then the stream ends."""
    since = await version(rest)
    await rest.post(CONFIGS, config("a"))
    server.faults.compact()
    async with rest.watch(f"{CONFIGS}?watch=1&resourceVersion={since}") as events:
        what, status = await anext(events)
        assert (what, status["code"], status["reason"]) == ("ERROR", 410, "Expired")
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    async with rest.watch(f"{CONFIGS}?watch=1&resourceVersion={await version(rest)}") as events:
        await rest.post(CONFIGS, config("b"))
        assert await take(events, 1) == [("ADDED", "b")], "the present version is not too old"


async def test_the_ring_is_bounded_and_overrun_is_410(server: Server, rest: Rest) -> None:
    """A watch from before the ring's first change is told to list again."""
    since = await version(rest)
    lease = server.store.create(LEASES, "default", {"metadata": {"name": "l"}, "spec": {}})
    for turn in range(RING):
        spec = {"leaseTransitions": turn}
        lease = server.store.update(LEASES, "default", "l", lambda old, spec=spec: {**old, "spec": spec})
    async with rest.watch(f"{CONFIGS}?watch=1&resourceVersion={since}") as events:
        assert (await anext(events))[1]["code"] == 410
    edge = int(lease["metadata"]["resourceVersion"]) - RING
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    async with rest.watch(f"{leases}?watch=1&resourceVersion={edge}&timeoutSeconds=5") as events:
        assert (await anext(events))[0] == "MODIFIED", "the oldest change that is kept is still told"


async def test_bookmarks_come_when_asked_and_carry_the_version(rest: Rest) -> None:
    """And move on with changes of other kinds."""
    await rest.post("/api/v1/namespaces", {"metadata": {"name": "n"}})
    target = f"{CONFIGS}?watch=1&resourceVersion={await version(rest)}"
    async with rest.watch(f"{target}&allowWatchBookmarks=true") as events:
        what, first = await anext(events)
        assert (what, first["kind"]) == ("BOOKMARK", "ConfigMap")
        made = await rest.post("/api/v1/namespaces", {"metadata": {"name": "m"}})
        wanted = made.json["metadata"]["resourceVersion"]
        while (await anext(events))[1]["metadata"]["resourceVersion"] != wanted:
            pass
    async with rest.watch(f"{target}&timeoutSeconds=1") as events:
        assert [event async for event in events] == [], "not asked for"


async def test_timeouts_and_drops_end_a_watch_in_order(server: Server, rest: Rest) -> None:
    """The stream is complete either way: the client may go on from its version."""
    async with rest.watch(f"{CONFIGS}?watch=1&timeoutSeconds=1&allowWatchBookmarks=1") as events:
        assert [what async for what, _ in events][-1] == "BOOKMARK", "the last word before the end"
    async with rest.watch(f"{CONFIGS}?watch=1&resourceVersion={await version(rest)}") as events:
        await asyncio.sleep(0.05)
        server.faults.drop_watches()
        assert [event async for event in events] == []


async def test_a_frozen_watch_is_silent_and_catches_up(server: Server, rest: Rest) -> None:
    """As a half-open connection: open, and nothing comes."""
    async with rest.watch(f"{CONFIGS}?watch=1") as events:
        server.faults.freeze_watches()
        await rest.post(CONFIGS, config("a"))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(first := asyncio.ensure_future(anext(events))), 0.2)
        server.faults.freeze_watches(False)
        assert (await first)[1]["metadata"]["name"] == "a"


async def test_a_watcher_that_goes_away_is_forgotten(server: Server, rest: Rest) -> None:
    """Listeners are gone soon after the client."""
    before = sum(len(found) for found in server.store.listeners.values())
    for _ in range(3):
        async with rest.watch(f"{CONFIGS}?watch=1&resourceVersion={await version(rest)}"):
            pass
    for _ in range(100):
        if sum(len(found) for found in server.store.listeners.values()) == before:
            return
        await asyncio.sleep(0.02)
    pytest.fail("watches are still held")


async def test_a_future_version_waits(rest: Rest) -> None:
    """No error and no event until the version has come."""
    future = int(await version(rest)) + 2
    async with rest.watch(f"{CONFIGS}?watch=1&resourceVersion={future}") as events:
        for name in "abc":
            await rest.post(CONFIGS, config(name))
        assert await take(events, 1) == [("ADDED", "c")]
