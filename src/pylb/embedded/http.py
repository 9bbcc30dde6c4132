"""HTTP/1.1 on asyncio streams; h11 parses and frames. It knows requests and responses, and nothing of Kubernetes.

A response is either whole or a stream of chunks, which ends early when the client goes away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from pylb.embedded.messages import Request, Response, as_text

MAX_BODY = 3 * 1024 * 1024  # bytes of a request's body; the real server's bound
MAX_HEAD = 64 * 1024  # bytes of a request's line and headers
READ_SIZE = 64 * 1024
IDLE_S = 300.0  # a connection without a request is closed after this
MAX_CONNECTIONS = 512
MAX_QUERY_FIELDS = 64
AGAIN_S = 0.2  # a task that does not end is cancelled again after this


async def wait_set(event: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set, and set it after so many seconds. Unlike `wait_for`, it loses no cancellation."""
    limit = asyncio.get_running_loop().call_later(max(0.0, seconds), event.set)
    try:
        await event.wait()
    finally:
        limit.cancel()


Handler = Callable[[Request], Awaitable[Response]]


class TooLarge(Exception):
    """A request's body is above `MAX_BODY`."""


class Connection:
    """One client's connection: requests one after the other, each answered by the handler."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler):
        self._reader, self._writer, self._handler = reader, writer, handler
        self._bodiless = False  # the request under way is a HEAD
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    async def run(self) -> None:
        """Serve until the client goes, or breaks the protocol."""
        try:
            while await self._cycle():
                self._h11.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint or 400, f"bad request: {error}")
        except TooLarge:
            await self._refuse(413, f"the body is larger than the {MAX_BODY} bytes that are allowed")
        except (ConnectionError, h11.LocalProtocolError):
            pass  # the client is gone, or was silent for too long
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError, OSError):
                await self._writer.wait_closed()

    async def _refuse(self, status: int, text: str) -> None:
        if self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            with contextlib.suppress(ConnectionError, h11.LocalProtocolError):
                await self._send_whole(as_text(status, text + "\n"), close=True)

    async def _cycle(self) -> bool:
        """One request and its response; whether the connection can take another."""
        request = await self._request()
        if request is None:
            return False
        response = await self._handler(request)
        if response.stream is None:
            await self._send_whole(response)
        else:
            await self._send_stream(response, response.stream)
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    async def _event(self) -> h11.Event:
        while True:
            event = self._h11.next_event()
            if event is h11.PAUSED:
                raise h11.LocalProtocolError("a request before the last was answered")
            if isinstance(event, h11.Event):
                return event
            if self._h11.they_are_waiting_for_100_continue:
                await self._write(self._h11.send(h11.InformationalResponse(status_code=100, headers=[])))
            self._h11.receive_data(await self._read())

    async def _read(self) -> bytes:
        limit = asyncio.get_running_loop().call_later(IDLE_S, self._writer.transport.abort)
        try:
            return await self._reader.read(READ_SIZE)
        finally:
            limit.cancel()

    async def _request(self) -> Request | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        parts: list[bytes] = []
        size = 0
        while isinstance(event := await self._event(), h11.Data):
            size += len(event.data)
            if size > MAX_BODY:
                raise TooLarge
            parts.append(bytes(event.data))
        self._bodiless = head.method == b"HEAD"
        return parse(head, b"".join(parts))

    async def _write(self, data: bytes | None) -> None:
        if data:
            self._writer.write(data)
            await self._writer.drain()

    def _head(self, response: Response, framing: tuple[str, str], *, close: bool = False) -> bytes:
        headers = [("content-type", response.content_type), framing, *response.headers]
        if close:
            headers.append(("connection", "close"))
        return self._h11.send(h11.Response(status_code=response.status, headers=headers)) or b""

    async def _send_whole(self, response: Response, *, close: bool = False) -> None:
        head = self._head(response, ("content-length", str(len(response.body))), close=close)
        body = b"" if self._bodiless else self._h11.send(h11.Data(data=response.body)) or b""
        await self._write(head + body + (self._h11.send(h11.EndOfMessage()) or b""))

    async def _send_stream(self, response: Response, stream: AsyncGenerator[bytes, None]) -> None:
        pump = asyncio.ensure_future(self._pump(response, stream))
        gone = asyncio.ensure_future(self._reader.read(READ_SIZE))
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not pump.done() and gone.result():
                self._h11.receive_data(gone.result())  # the next request came early: it waits
                await asyncio.wait({pump})
            if pump.done():
                pump.result()
                await self._write(self._h11.send(h11.EndOfMessage()))
        finally:
            await end({pump, gone})
            await stream.aclose()

    async def _pump(self, response: Response, stream: AsyncGenerator[bytes, None]) -> None:
        await self._write(self._head(response, ("transfer-encoding", "chunked")))
        async for chunk in stream:
            await self._write(self._h11.send(h11.Data(data=chunk)))


async def end(tasks: set[asyncio.Future[Any]]) -> None:
    """Cancel tasks until they have ended: before Python 3.12, `wait_for` may swallow one cancellation."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=AGAIN_S)


def parse(head: h11.Request, body: bytes) -> Request:
    """A request of h11's events."""
    target = head.target.decode("latin-1")
    parts = urlsplit(target)
    pairs = parse_qsl(parts.query, keep_blank_values=True)[:MAX_QUERY_FIELDS]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return Request(head.method.decode(), unquote(parts.path), dict(pairs), headers, body, target)
