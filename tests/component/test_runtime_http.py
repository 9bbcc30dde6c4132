"""The daemons' HTTP server over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime import http
from pylb.runtime.http import EventLog, Request, Response, Server, stream_events

TOKEN = "t0ken"


async def health(_: Request) -> bytes:
    return b"ok\n"


async def state(request: Request) -> dict[str, Any]:
    return {"query": dict(request.query)}


async def fails(_: Request) -> bytes:
    raise AssertionError("s3cret")


async def counts(_: Request) -> AsyncIterator[int]:
    async def values() -> AsyncIterator[int]:
        for number in range(1, 4):
            yield number

    return values()


async def odd(_: Request) -> Response:
    return Response(418, b"teapot", "text/x-teapot", (("X-Odd", "1"),))


async def hangs(_: Request) -> bytes:
    await asyncio.Event().wait()
    return b""


ROUTES = {"/healthz": health, "/state": state, "/fails": fails, "/counts": counts, "/odd": odd, "/hangs": hangs}


@asynccontextmanager
async def serving(**more: Any) -> AsyncIterator[tuple[Server, int]]:
    server = Server({**ROUTES, **more}, token=TOKEN)
    port = await server.start("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.close()


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def get(port: int, target: str, *, method: str = "GET", token: str = TOKEN) -> tuple[int, str, bytes]:
    """(status, head, body)"""
    answer = await ask(port, f"{method} {target} HTTP/1.1\r\nHost: x\r\nX-Pylb-Token: {token}\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), body


@pytest.mark.parametrize(
    ("target", "method", "token", "status", "body"),
    [
        ("/healthz", "GET", "", 200, b"ok\n"),
        ("/healthz", "HEAD", "", 200, b""),
        ("/state?a=b", "GET", TOKEN, 200, b'{"query":{"a":"b"}}\n'),
        ("/state", "GET", "wrong", 401, b"a token is wanted\n"),
        ("/none", "GET", TOKEN, 404, b"no such path\n"),
        ("/state", "POST", TOKEN, 405, b"read-only\n"),
        ("/fails", "GET", TOKEN, 500, b"internal error; see the log\n"),
        ("/odd", "GET", TOKEN, 418, b"teapot"),
    ],
)
async def test_answers(target: str, method: str, token: str, status: int, body: bytes) -> None:
    async with serving() as (_, port):
        found = await get(port, target, method=method, token=token)
        assert (found[0], found[2]) == (status, body)
        assert "connection: close" in found[1].lower()


async def test_a_stream_of_lines_as_the_client_reads_it() -> None:
    async with serving() as (_, port), Client(Credentials(f"http://127.0.0.1:{port}", "test")) as client:
        lines = client.lines("/counts", headers={"X-Pylb-Token": TOKEN})
        assert [value async for value in lines] == [1, 2, 3]


async def test_events_of_the_past_and_the_present() -> None:
    events = EventLog()
    events.add({"kind": "a"})
    events.add({"kind": "b"})
    async with serving(**{"/events": stream_events(events)}) as (_, port):
        async with Client(Credentials(f"http://127.0.0.1:{port}", "test")) as client:
            async with client.stream("/events", {"since": 1}, headers={"X-Pylb-Token": TOKEN}) as stream:
                assert await anext(stream) == {"kind": "b", "id": 2}
                events.add({"kind": "c"})
                assert await anext(stream) == {"kind": "c", "id": 3}
                assert len(events._readers) == 1
            await eventually(lambda: not events._readers)
        assert (await get(port, "/events?since=x"))[0] == 400


async def test_a_silent_stream_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the client's idle deadline is not met by a healthy stream."""
    monkeypatch.setattr(http, "HEARTBEAT", 0.05)
    events = EventLog()
    async with (
        serving(**{"/events": stream_events(events)}) as (_, port),
        Client(Credentials(f"http://127.0.0.1:{port}", "test")) as client,
        client.stream("/events", idle=0.2, headers={"X-Pylb-Token": TOKEN}) as stream,
    ):
        asyncio.get_running_loop().call_later(0.6, events.add, {"kind": "late"})
        assert (await anext(stream))["kind"] == "late"


async def test_too_many_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pylb.runtime.eventlog.READERS_MAX", 0)
    async with serving(**{"/events": stream_events(EventLog())}) as (_, port):
        assert (await get(port, "/events"))[0] == 503


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"garbage\r\n\r\n", 400),
        (b"\x00" * 1000 + b"\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 50_000 + b"\r\n\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    ],
)
async def test_what_is_no_request(request_: bytes, status: int) -> None:
    async with serving() as (_, port):
        answer = await ask(port, request_)
        assert answer == b"" or int(answer.split()[1]) == status, "a reset may come before the answer is read"
        assert (await get(port, "/healthz"))[0] == 200


async def test_a_handler_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HANDLER_DEADLINE", 0.05)
    async with serving() as (_, port):
        assert (await get(port, "/hangs"))[0] == 504


async def test_a_client_that_sends_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_DEADLINE", 0.05)
    async with serving() as (server, port):
        assert await ask(port, b"GET /hea") == b""
        assert not server._tasks


async def test_a_client_that_reads_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WRITE_DEADLINE", 0.1)

    async def big(_: Request) -> bytes:
        return b"x" * (64 << 20)

    async with serving(**{"/big": big}) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /big HTTP/1.1\r\nHost: x\r\nX-Pylb-Token: {TOKEN}\r\n\r\n".encode())
        await asyncio.sleep(0.05)
        assert server._tasks
        await eventually(lambda: not server._tasks)
        writer.transport.abort()


async def test_idlers_cannot_lock_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECTIONS_MAX", 3)
    async with serving() as (server, port):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        await eventually(lambda: server.refused == 2)
        await eventually(lambda: len(server._tasks) == 3)
        assert (await get(port, "/healthz"))[0] == 200
        for _, writer in idle:
            writer.transport.abort()


async def test_more_than_the_bound_of_busy_ones_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECTIONS_MAX", 2)
    async with serving() as (server, port):
        busy = [asyncio.create_task(get(port, "/hangs")) for _ in range(2)]
        await eventually(lambda: len(server._tasks) == 2 and not server._reading)
        assert (await get(port, "/healthz"))[0] == 503
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def test_close_ends_streams() -> None:
    events = EventLog()
    async with serving(**{"/events": stream_events(events)}) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /events HTTP/1.1\r\nHost: x\r\nX-Pylb-Token: {TOKEN}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(server.close(), 2)
        writer.close()
        assert not events._readers


async def test_a_hundred_clients_at_once() -> None:
    async with serving() as (_, port):
        found = await asyncio.gather(*(get(port, "/state") for _ in range(http.CONNECTIONS_MAX - 4)))
        assert {status for status, _, _ in found} == {200}
        assert all(json.loads(body) == {"query": {}} for _, _, body in found)


async def eventually(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), 5)
