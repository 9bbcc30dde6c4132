"""Connections: kept, bounded, given up in time, and never trusted after their server closed them."""

from __future__ import annotations

import asyncio
import socket

import pytest

from fakes.asking import PATH, connected, echo
from fakes.faulty_api import Exchange, FaultyApi, answers, drops, never_answers
from pylb.kube import pool
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.errors import ClusterError, Unreachable


async def test_a_connection_is_kept() -> None:
    async with FaultyApi(on_list=echo) as api, connected(api) as client:
        for _ in range(5):
            await client.get(PATH)
        assert api.connections == 1


async def test_a_connection_is_kept_after_a_refusal() -> None:
    async with FaultyApi(on_list=answers(403, "Forbidden")) as api, connected(api) as client:
        for _ in range(3):
            with pytest.raises(ClusterError):
                await client.get(PATH)
        assert api.connections == 1


async def test_no_more_connections_are_kept_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "KEPT_MAX", 2)
    async with FaultyApi(on_list=echo) as api, connected(api) as client:
        await asyncio.gather(*(client.get(PATH) for _ in range(20)))
        assert api.connections <= pool.REQUESTS_MAX + 12
        assert len(client._pool._kept) == 2


async def test_at_most_so_many_requests_at_once() -> None:
    now = most = 0

    async def slow(exchange: Exchange) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        await exchange.json({})

    async with FaultyApi(on_list=slow) as api, connected(api) as client:
        await asyncio.gather(*(client.get(PATH) for _ in range(40)))
        assert most == pool.REQUESTS_MAX


@pytest.mark.parametrize(("method", "works"), [("get", True), ("put", True), ("post", False)])
async def test_a_kept_connection_that_was_closed_behind_our_back(method: str, works: bool) -> None:
    """What may be repeated is; a POST is not, since the server may have done it."""
    count = 0

    async def dies_second(exchange: Exchange) -> None:
        nonlocal count
        count += 1
        await (drops if count == 2 else echo)(exchange)

    async with FaultyApi(on_list=dies_second, on_other=dies_second) as api, connected(api) as client:
        await client.get(PATH)
        body = () if method == "get" else ({},)
        if works:
            assert await getattr(client, method)(PATH, *body)
        else:
            with pytest.raises(Unreachable):
                await getattr(client, method)(PATH, *body)


async def test_a_server_that_restarted_costs_no_error() -> None:
    async with FaultyApi(on_list=echo, on_other=echo) as api, connected(api) as client:
        await client.get(PATH)
        await api.away()
        await api.back()
        await asyncio.sleep(0.01)
        assert await client.post(PATH, {})


async def test_nobody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        client = Client(Credentials(f"http://127.0.0.1:{sock.getsockname()[1]}", "test"))
        with pytest.raises(Unreachable, match="cannot connect to 127"):
            await client.get(PATH)


async def test_the_deadline_holds_whatever_the_server_does() -> None:
    loop = asyncio.get_running_loop()

    async def half(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await never_answers(exchange)

    for behaviour in (never_answers, half):
        async with FaultyApi(on_list=behaviour) as api, connected(api) as client:
            start = loop.time()
            with pytest.raises(Unreachable, match="within the deadline"):
                await client.get(PATH, deadline=0.2)
            assert loop.time() - start < 1
            api.on_list = echo
            assert await client.get(PATH), "and the next request is fine"


async def test_requests_that_wait_behind_others_keep_their_deadline() -> None:
    async with FaultyApi(on_list=never_answers) as api, connected(api) as client:
        outcomes = await asyncio.gather(*(client.get(PATH, deadline=0.2) for _ in range(20)), return_exceptions=True)
        assert all(isinstance(outcome, Unreachable) for outcome in outcomes)


async def test_a_cancelled_request_leaves_no_connection_in_the_pool() -> None:
    async with FaultyApi(on_list=never_answers) as api, connected(api) as client:
        task = asyncio.create_task(client.get(PATH))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        api.on_list = echo
        assert (await client.get(PATH))["method"] == "GET"
        assert api.connections == 2
