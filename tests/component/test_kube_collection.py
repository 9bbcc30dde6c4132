"""A collection against a server that behaves: what it keeps, what it tells, and what it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from fakes.faulty_api import Exchange, FaultyApi, crumbs, gone_event, plain_404
from fakes.following import PACE, PATH, SLACK, eventually, follow, read_value, thing
from pylb.kube.backoff import Pace
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.credentials import Credentials


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


async def test_a_long_list_does_not_wait_between_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page was asked for because the one before came; only attempts are rationed, 20 in 10 s."""
    monkeypatch.setattr("pylb.kube.collection.PAGE", 10)
    async with FaultyApi() as api:
        for number in range(300):
            api.put(PATH, thing(f"o{number:04}"))
        async with follow(api, pace=Pace()) as (collection, _):
            await eventually(lambda: collection.statistics().watches == 1)
            assert len(collection.items) == 300
            assert collection.statistics().requests == 31


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
