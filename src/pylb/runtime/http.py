"""A small HTTP server, read-only, by which a daemon tells how it is. What it tells, the handlers know.

It answers GET and HEAD on a few paths, closes after each answer, and has a bound for everything that a client could
make large or long. All paths but the open ones want a token.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import h11

from pylb.runtime.eventlog import EventLog, TooManyReaders
from pylb.runtime.gate import Request, Response, Token, admit
from pylb.runtime.tasks import within

__all__ = ["Answer", "EventLog", "Handler", "Request", "Response", "Routes", "Server", "stream_events"]

CONNECTIONS_MAX = 64  # more are told 503
HEAD_MAX = 16 * 1024  # bytes of the request line and headers
READ_DEADLINE = 10.0  # seconds for a whole request
WRITE_DEADLINE = 10.0  # seconds for a client to take what is written to it
HANDLER_DEADLINE = 10.0  # seconds for a handler to answer; a stream may last
HEARTBEAT = 15.0  # seconds of silence after which a stream sends an empty line, so that both sides notice a dead one
READ_SIZE = 16 * 1024  # bytes

Answer = Any  # bytes, Response, an async iterator of JSON values (a stream of lines), or a JSON value
Handler = Callable[[Request], Awaitable[Answer]]
Routes = Mapping[str, Handler]

log = logging.getLogger(__name__)


class Server:
    """Serves `routes`, a mapping from path to handler.

    `token` is what the protected paths want, or a function that gives it now; without one they are closed.
    """

    def __init__(
        self, routes: Routes, *, token: Token = None, open_paths: frozenset[str] = frozenset({"/healthz"})
    ) -> None:
        self._routes = routes
        self._token = token
        self._open = open_paths
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading: dict[asyncio.Task[None], None] = {}  # those whose request is not complete, the oldest first
        self.refused = 0  # connections that CONNECTIONS_MAX cost

    async def start(self, host: str, port: int) -> int:
        """Listens; gives the port (a free one for 0). Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=READ_SIZE)
        return int(self._server.sockets[0].getsockname()[1])

    async def run(self, host: str, port: int) -> None:
        """Listens and serves until it is cancelled. Raises OSError."""
        await self.start(host, port)
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Stops listening and ends all connections, streams too."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has a task
        self._tasks.add(task)
        writer.transport.set_write_buffer_limits(high=0)  # a drain ends when the kernel has everything
        try:
            await self._serve(_Exchange(reader, writer), task)
            writer.close()
        except (OSError, asyncio.TimeoutError, h11.ProtocolError):
            pass  # the client is gone, slow, or speaks no HTTP: its loss
        except asyncio.CancelledError:
            pass  # by close() or _make_room(); streams.py of Python 3.10 and 3.11 would log it as an error
        finally:
            self._tasks.discard(task)
            if not writer.is_closing():
                writer.transport.abort()

    async def _serve(self, exchange: _Exchange, task: asyncio.Task[None]) -> None:
        if len(self._tasks) > CONNECTIONS_MAX and not self._make_room():
            await exchange.refuse(Response(503, b"too many connections\n"))
            return
        self._reading[task] = None
        try:
            request = await within(READ_DEADLINE, exchange.request())
        except h11.RemoteProtocolError as error:
            await exchange.refuse(Response(error.error_status_hint, f"{error}\n".encode()))
            return
        finally:
            del self._reading[task]
        denied = admit(request, self._routes, self._open, self._token)
        await exchange.answer(request, denied if denied is not None else await self._handle(request))

    def _make_room(self) -> bool:
        """Ends the connection that has been sending its request for longest, so that idlers cannot lock others out."""
        self.refused += 1
        oldest = next(iter(self._reading), None)
        if oldest is None:
            return False
        oldest.cancel()
        return True

    async def _handle(self, request: Request) -> Answer:
        try:
            return await within(HANDLER_DEADLINE, self._routes[request.path](request))
        except asyncio.TimeoutError:
            return Response(504, b"no answer in time\n")
        except TooManyReaders as error:
            return Response(503, f"{error}\n".encode())
        except ValueError as error:  # of the query
            return Response(400, f"{error}\n".encode())
        except Exception:
            log.exception("a request could not be answered", extra={"fields": {"path": request.path}})
            return Response(500, b"internal error; see the log\n")


class _Exchange:
    """One request and its answer, on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX)

    async def request(self) -> Request:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self.reader.read(READ_SIZE))
        if not isinstance(event, h11.Request):
            raise ConnectionError("the client went away")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        return Request.of(event.method.decode("latin-1"), event.target.decode("latin-1"), headers)

    async def refuse(self, response: Response) -> None:
        """Answers what is no request, or is not even read."""
        head = (
            f"HTTP/1.1 {response.status} Refused\r\nContent-Length: {len(response.body)}\r\nConnection: close\r\n\r\n"
        )
        self.writer.write(head.encode() + response.body)
        await self._drain()

    async def answer(self, request: Request, answer: Answer) -> None:
        if isinstance(answer, AsyncIterator):
            await self._stream(request, answer)
            return
        response = _response(answer)
        head = [("Content-Type", response.content_type), ("Content-Length", str(len(response.body)))]
        self._send(
            h11.Response(status_code=response.status, headers=[*head, *response.headers, ("Connection", "close")])
        )
        if request.method != "HEAD":
            self._send(h11.Data(data=response.body))
        self._send(h11.EndOfMessage())
        await self._drain()

    async def _stream(self, request: Request, values: AsyncIterator[Any]) -> None:
        head = [("Content-Type", "application/x-ndjson"), ("Connection", "close")]
        self._send(h11.Response(status_code=200, headers=head))
        if request.method != "HEAD":
            await self._drain()
            gone = asyncio.ensure_future(self.reader.read(1))  # a client that reads a stream has nothing more to say
            async with aclosing(_lines(values, gone)) as lines:
                async for line in lines:
                    self._send(h11.Data(data=line))
                    await self._drain()
        self._send(h11.EndOfMessage())
        await self._drain()

    def _send(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        self.writer.write(self._http.send(event))

    async def _drain(self) -> None:
        await within(WRITE_DEADLINE, self.writer.drain())


async def _lines(values: AsyncIterator[Any], gone: asyncio.Future[bytes]) -> AsyncGenerator[bytes, None]:
    """The values as lines until `gone`, and an empty line after each HEARTBEAT of silence."""
    following: asyncio.Future[Any] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(_next(values))
            await asyncio.wait({following, gone}, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                return
            if not following.done():
                yield b"\n"
                continue
            value, following = following.result(), None
            if value is None:
                return
            yield json.dumps(value, separators=(",", ":")).encode() + b"\n"
    finally:
        await _end([future for future in (following, gone) if future is not None])
        close = getattr(values, "aclose", None)
        if close is not None:
            await close()


async def _end(futures: list[asyncio.Future[Any]]) -> None:
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)


async def _next(values: AsyncIterator[Any]) -> Any:
    """The next value; None at the end."""
    async for value in values:
        return value
    return None


def _response(answer: Answer) -> Response:
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, bytes):
        return Response(200, answer)
    return Response(200, json.dumps(answer, separators=(",", ":")).encode() + b"\n", "application/json")


def stream_events(events: EventLog) -> Handler:
    """The handler of /events: the kept events after `?since=ID`, and then each as it happens."""

    async def handle(request: Request) -> Answer:
        since = request.query.get("since")
        if since is not None and not since.isdecimal():
            raise ValueError(f"since is the number of an event, not {since!r}")
        return events.stream(None if since is None else int(since))

    return handle
