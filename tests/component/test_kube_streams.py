"""Streams: values by line, an error at every bad end, and bounds on silence and number."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from fakes.asking import PATH, connected
from fakes.faulty_api import Exchange, FaultyApi, answers, garbage, mid_line, silent
from pylb.kube import pool
from pylb.kube.errors import ClusterError, ServerError, Unreachable


async def test_lines() -> None:
    async def speak(exchange: Exchange) -> None:
        await exchange.stream()
        await exchange.chunk(b'{"a": 1}\n\n{"a"')
        await exchange.chunk(b": 2}\n")
        await exchange.raw(b"0\r\n\r\n")

    async with FaultyApi(on_list=speak) as api, connected(api) as client:
        assert [value async for value in client.lines(PATH)] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [(garbage, ServerError), (mid_line, Unreachable), (silent, Unreachable), (answers(403), ClusterError)],
)
async def test_streams_end_with_an_error(behaviour: Any, kind: type[ClusterError]) -> None:
    async with FaultyApi(on_list=behaviour) as api, connected(api) as client:
        with pytest.raises(kind):
            async for _ in client.lines(PATH, idle=0.2):
                pass


async def test_the_idle_deadline_counts_from_read_to_read() -> None:
    async def slow(exchange: Exchange) -> None:
        await exchange.stream()
        for _ in range(8):
            await asyncio.sleep(0.1)
            await exchange.chunk(b"1")
        await exchange.chunk(b"\n")
        await exchange.raw(b"0\r\n\r\n")

    async with FaultyApi(on_list=slow) as api, connected(api) as client:
        assert [value async for value in client.lines(PATH, idle=0.4)] == [11111111]


async def test_a_stream_that_is_left_ends_its_connection() -> None:
    async with FaultyApi() as api, connected(api) as client:
        stream = client.lines(PATH, {"watch": True, "resourceVersion": "1"})
        async with aclosing(stream) as values:
            task = asyncio.create_task(anext(values))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert client._pool._streams == 0


async def test_streams_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "STREAMS_MAX", 1)
    async with FaultyApi(on_list=silent) as api, connected(api) as client, client.stream(PATH):
        with pytest.raises(Unreachable, match="more than 1 streams"):
            async for _ in client.lines(PATH):
                pass
