"""A collection against a server that misbehaves: the request bound, and back in sync soon after its return.

Time is scaled to a twentieth: "2 s after its return" is 0.1 s here, plus what the machine needs.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fakes.faulty_api import (
    Behaviour,
    Exchange,
    FaultyApi,
    answers,
    closes_at_once,
    densest,
    drops,
    garbage,
    gone_event,
    mid_line,
    plain_404,
    silent,
)
from fakes.following import PACE, PATH, SCALE, SLACK, eventually, follow, thing
from pylb.kube.backoff import Pace

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


async def test_a_list_follows_a_410_at_once_but_not_if_it_was_read_just_now() -> None:
    """An API server that started anew is well: what the watch waited for is not waited for a second time."""
    patient = replace(PACE, first=0.6, early_limit=0.6, healthy_after=0.2)  # it waits for 0.3 s at least
    async with FaultyApi() as api, follow(api, pace=patient) as (collection, _):
        await collection.wait_synced()
        await asyncio.sleep(patient.healthy_after)
        await api.away()
        api.on_watch = gone_event
        await api.back()
        await eventually(lambda: collection.statistics().lists == 3)
    lists = [seen.at for seen in api.requests if "watch" not in seen.query]
    watches = [seen.at for seen in api.requests if "watch" in seen.query]
    assert lists[1] - watches[1] < patient.first / 4
    assert lists[2] - watches[2] >= patient.first / 2


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


async def test_a_kind_that_is_missing_for_a_moment_keeps_its_objects() -> None:
    """An API server that starts may not know its CRDs yet; taking every address away for that would be worse."""
    async with FaultyApi() as api:
        api.put(PATH, thing("a"))
        async with follow(api) as (collection, changes):
            await collection.wait_synced()
            await api.away()
            api.on_list = api.on_watch = plain_404
            await api.back()
            await asyncio.sleep(PACE.gone_after / 3)
            assert list(collection.items) == ["default/a"]
            assert not collection.absent
            api.on_list = api.on_watch = None
            await eventually(lambda: collection.stale_since is None)
            assert changes == [("default/a", None, "x")]
