"""A collection against a server that misbehaves: the request bound, and back in sync soon after its return.

Time is scaled to a twentieth: "2 s after its return" is 0.1 s here, plus what the machine needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fakes.faulty_api import (
    Behaviour,
    Exchange,
    FaultyApi,
    answers,
    closes_at_once,
    crumbs,
    densest,
    drops,
    garbage,
    gone_event,
    mid_line,
    plain_404,
    silent,
)
from pylb.kube.backoff import Pace
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.credentials import Credentials

PATH = "/api/v1/services"
SCALE = 0.05
PACE = Pace().scaled(SCALE)
SLACK = 0.25  # seconds that a busy machine may add to anything here

Change = tuple[str, str | None, str | None]


def thing(name: str, value: str = "x") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "value": value}


def read_value(raw: dict[str, Any]) -> str | None:
    return None if raw["value"] == "boring" else str(raw["value"])


@asynccontextmanager
async def follow(
    api: FaultyApi, *, idle: float = 5.0, pace: Pace = PACE
) -> AsyncIterator[tuple[Collection[str], list[Change]]]:
    """A running collection, and the changes that it told."""
    changes: list[Change] = []
    async with Client(Credentials(api.url, "test")) as client:
        collection = Collection(
            client,
            PATH,
            read_value,
            on_change=lambda key, old, new: changes.append((key, old, new)),
            idle=idle,
            pace=pace,
        )
        task = asyncio.create_task(collection.run())
        try:
            yield collection, changes
        finally:
            if task.done():
                task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def eventually(condition: Callable[[], bool], within: float = 2.0) -> float:
    """Waits for the condition; gives the seconds that it took."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not condition():
        assert loop.time() - start < within, "it did not come true in time"
        await asyncio.sleep(0.002)
    return loop.time() - start


async def test_it_follows_changes() -> None:
    async with FaultyApi() as api:
        api.put(PATH, thing("a"))
        async with follow(api) as (collection, changes):
            await collection.wait_synced()
            api.put(PATH, thing("b", "1"))
            api.put(PATH, thing("b", "2"))
            api.remove(PATH, "default/a")
            await eventually(lambda: "default/a" not in collection.items)
            assert collection.items == {"default/b": "2"}
            assert collection.stale_since is None
            assert changes == [
                ("default/a", None, "x"),
                ("default/b", None, "1"),
                ("default/b", "1", "2"),
                ("default/a", "x", None),
            ]


async def test_equal_values_are_no_change() -> None:
    async with FaultyApi() as api:
        api.put(PATH, thing("a"))
        async with follow(api) as (collection, changes):
            await eventually(lambda: collection.statistics().watches == 1)
            api.put(PATH, thing("a"))
            await eventually(lambda: collection.statistics().events == 1)
            assert len(changes) == 1


async def test_values_of_no_interest_come_and_go() -> None:
    async with FaultyApi() as api:
        api.put(PATH, thing("a", "boring"))
        async with follow(api) as (collection, changes):
            await eventually(lambda: collection.statistics().watches == 1)
            assert collection.items == {}
            api.put(PATH, thing("a", "now"))
            await eventually(lambda: collection.items == {"default/a": "now"})
            api.put(PATH, thing("a", "boring"))
            await eventually(lambda: not collection.items)
            assert changes == [("default/a", None, "now"), ("default/a", "now", None)]


async def test_lists_in_pages() -> None:
    async with FaultyApi() as api:
        for number in range(1234):
            api.put(PATH, thing(f"o{number:04}"))
        async with follow(api) as (collection, _):
            await asyncio.wait_for(collection.wait_synced(), 5)
            assert len(collection.items) == 1234
            assert [seen.query.get("limit") for seen in api.requests[:3]] == ["500"] * 3


async def test_what_a_watch_asks_for() -> None:
    async with FaultyApi() as api, follow(api) as (collection, _):
        await eventually(lambda: collection.statistics().watches == 1)
        query = api.requests[1].query
        assert query["resourceVersion"] == "100"
        assert query["allowWatchBookmarks"] == "true"
        assert 240 <= int(query["timeoutSeconds"]) <= 300


async def test_a_bookmark_moves_the_version() -> None:
    async def bookmarked(exchange: Exchange) -> None:
        await exchange.stream()
        await exchange.event("BOOKMARK", {"metadata": {"resourceVersion": "777"}})
        await exchange.raw(b"0\r\n\r\n")

    async with FaultyApi(on_watch=bookmarked) as api, follow(api) as (collection, _):
        await eventually(lambda: len(api.requests) >= 3)
        assert collection.statistics().lists == 1
        assert api.requests[2].query["resourceVersion"] == "777"


async def test_one_bad_object_hides_no_other() -> None:
    async with FaultyApi() as api:
        api.put(PATH, {"metadata": {"name": "bad", "namespace": "default"}})
        api.put(PATH, thing("good"))
        api.objects[PATH]["nameless"] = {"metadata": {}}
        async with follow(api) as (collection, _):
            await collection.wait_synced()
            assert collection.items == {"default/good": "x"}
            assert collection.statistics().undecodable == 2
            api.put(PATH, {"metadata": {"name": "good", "namespace": "default"}})
            await eventually(lambda: collection.statistics().undecodable == 3)
            assert collection.items == {"default/good": "x"}, "the last good value stays"


FAULTS: list[tuple[str, Behaviour, bool]] = [
    # name, what is wrong, whether the list is wrong too
    ("closes watches at once", closes_at_once, False),
    ("500 on the watch", answers(500), False),
    ("500 on everything", answers(500), True),
    ("410 by HTTP", answers(410, "Expired"), False),
    ("410 by HTTP on everything", answers(410, "Expired"), True),
    ("410 by event", gone_event, False),
    ("drops connections", drops, True),
    ("drops watches in a line", mid_line, False),
    ("garbage", garbage, False),
    ("403", answers(403, "Forbidden"), True),
    ("401", answers(401, "Unauthorized"), True),
    ("429", answers(429, "TooManyRequests", "Retry-After: 1\r\n"), False),
    ("a redirect", answers(302), True),
]


@pytest.mark.parametrize(("name", "fault", "lists"), FAULTS, ids=[name for name, _, _ in FAULTS])
async def test_a_fault_is_met_with_patience_and_its_end_is_noticed(name: str, fault: Behaviour, lists: bool) -> None:
    """2 requests a second over any 10 s, and back in sync within 2 s (both times the scale)."""
    async with FaultyApi(on_watch=fault, on_list=fault if lists else None) as api:
        async with follow(api) as (collection, _):
            await asyncio.sleep(15 * SCALE)
            assert densest(api.times(), 10 * SCALE) <= 20
            assert densest(api.times(), 1 * SCALE) <= 6, "and not in bursts"
            assert len(api.requests) >= (2 if name == "429" else 8), "it goes on trying"
            api.on_list = api.on_watch = None
            api.put(PATH, thing("new"))
            limit = 1.0 if name == "429" else 2 * SCALE  # a Retry-After is obeyed as it is, not scaled
            assert await eventually(lambda: "default/new" in collection.items) < limit + SLACK
            await eventually(lambda: collection.stale_since is None)
        assert densest(api.times(), 10 * SCALE) <= 20


async def test_a_server_that_goes_away_and_comes_back() -> None:
    async with FaultyApi() as api:
        api.put(PATH, thing("old"))
        api.put(PATH, thing("stays"))
        async with follow(api) as (collection, changes):
            await eventually(lambda: collection.statistics().watches == 1)
            await api.away()
            await eventually(lambda: collection.stale_since is not None)
            api.remove(PATH, "default/old", tell=True)
            api.put(PATH, thing("new"))
            await asyncio.sleep(30 * SCALE)
            assert 15 <= collection.statistics().failures <= 60
            assert collection.synced, "what was known stays known"
            assert collection.items == {"default/old": "x", "default/stays": "x"}
            await api.back()
            took = await eventually(lambda: collection.items == {"default/stays": "x", "default/new": "x"})
            assert took < 2 * SCALE + SLACK
            assert ("default/old", "x", None) in changes


async def test_the_real_pace_after_a_real_outage() -> None:
    """Not scaled, and shorter than the 30 s that the back-off's properties cover."""
    async with FaultyApi() as api, follow(api, pace=Pace()) as (collection, _):
        await eventually(lambda: collection.statistics().watches == 1)
        await api.away()
        await asyncio.sleep(4)
        await api.back()
        api.put(PATH, thing("new"))
        assert await eventually(lambda: "default/new" in collection.items) < 2


async def test_a_new_list_tells_what_was_deleted() -> None:
    async with FaultyApi() as api:
        api.put(PATH, thing("old"))
        async with follow(api) as (collection, changes):
            await collection.wait_synced()
            api.remove(PATH, "default/old", tell=False)
            await api.away()
            api.on_watch = answers(410, "Expired")
            await api.back()
            await eventually(lambda: collection.items == {})
            assert changes[-1] == ("default/old", "x", None)


async def test_a_list_whose_continue_token_is_too_old_starts_again() -> None:
    """Nothing is deleted for having been on a page that was not read."""
    second_pages = 0

    async def expires_once(exchange: Exchange) -> None:
        nonlocal second_pages
        if "continue" in exchange.request.query:
            second_pages += 1
            if second_pages == 1:
                await answers(410, "Expired")(exchange)
                return
        await api._list(exchange)

    async with FaultyApi() as api:
        for number in range(700):
            api.put(PATH, thing(f"o{number:04}"))
        api.on_list = expires_once
        async with follow(api) as (collection, changes):
            await asyncio.wait_for(collection.wait_synced(), 5)
            assert len(collection.items) == len(changes) == 700


async def test_a_watch_that_falls_silent_is_given_up() -> None:
    """Half-open: the connection stands, and nothing comes."""
    async with FaultyApi(on_watch=silent) as api, follow(api, idle=0.3) as (collection, _):
        await eventually(lambda: collection.statistics().watches == 1)
        api.on_watch = None
        api.put(PATH, thing("unseen"))
        took = await eventually(lambda: "default/unseen" in collection.items)
        assert took < 0.3 + 2 * SCALE + SLACK


async def test_bookmarks_keep_a_quiet_watch_alive() -> None:
    async def bookmarks(exchange: Exchange) -> None:
        await exchange.stream()
        while True:
            await exchange.event("BOOKMARK", {"metadata": {"resourceVersion": "200"}})
            await asyncio.sleep(0.1)

    async with FaultyApi(on_watch=bookmarks) as api, follow(api, idle=0.3) as (collection, _):
        await asyncio.sleep(1)
        assert collection.statistics().watches == 1


async def test_an_object_above_a_mebibyte_passes() -> None:
    async with FaultyApi() as api, follow(api) as (collection, _):
        await eventually(lambda: collection.statistics().watches == 1)
        api.put(PATH, thing("big", "y" * (3 << 20)))
        await eventually(lambda: len(collection.items.get("default/big", "")) == 3 << 20)
        assert collection.statistics().failures == 0


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_whatever_way_the_stream_is_cut(size: int) -> None:
    async with FaultyApi(cut=crumbs(size)) as api:
        api.put(PATH, thing("a", "ä€🙂"))
        async with follow(api) as (collection, _):
            await eventually(lambda: collection.statistics().watches == 1)
            api.put(PATH, thing("b", "ä€🙂"))
            await eventually(lambda: len(collection.items) == 2)
            assert set(collection.items.values()) == {"ä€🙂"}
            assert collection.statistics().failures == 0


async def test_a_kind_that_does_not_exist_is_empty_and_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pylb.kube.collection.ABSENT_PAUSE_EARLY", 0.2)
    async with FaultyApi(on_list=plain_404) as api, follow(api) as (collection, _):
        await asyncio.wait_for(collection.wait_synced(), 1)
        assert collection.absent
        assert collection.items == {}
        await asyncio.sleep(1)
        assert 4 <= len(api.requests) <= 11
        api.on_list = None
        api.put(PATH, thing("new"))
        assert await eventually(lambda: "default/new" in collection.items) < 0.2 + SLACK
        assert not collection.absent


async def test_a_kind_that_is_deleted_takes_its_objects_along() -> None:
    async with FaultyApi() as api:
        api.put(PATH, thing("a"))
        async with follow(api) as (collection, changes):
            await collection.wait_synced()
            await api.away()
            api.on_list = api.on_watch = plain_404
            await api.back()
            await eventually(lambda: collection.absent)
            assert changes[-1] == ("default/a", "x", None)


async def test_a_mistake_of_the_caller_is_not_swallowed() -> None:
    def explode(key: str, old: object, new: object) -> None:
        raise AssertionError(key)

    async with FaultyApi() as api, Client(Credentials(api.url, "test")) as client:
        api.put(PATH, thing("a"))
        with pytest.raises(AssertionError, match="default/a"):
            await asyncio.wait_for(Collection(client, PATH, read_value, on_change=explode).run(), 2)


async def test_on_synced_is_called_once() -> None:
    calls: list[int] = []
    async with FaultyApi(on_watch=gone_event) as api, Client(Credentials(api.url, "test")) as client:
        collection = Collection(client, PATH, read_value, pace=PACE, on_synced=lambda: calls.append(1), selector="a=b")
        running: Awaitable[None] = asyncio.create_task(collection.run())
        await eventually(lambda: collection.statistics().lists >= 3)
        assert calls == [1]
        assert api.requests[0].query["labelSelector"] == "a=b"
        assert isinstance(running, asyncio.Task)
        running.cancel()
