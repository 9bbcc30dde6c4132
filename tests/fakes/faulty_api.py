"""An API server on raw sockets that lists, watches and takes writes, and misbehaves as it is told.

Each behaviour is a coroutine function of an Exchange; set `on_list`, `on_watch` or `on_other` to one of them.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, final
from urllib.parse import parse_qsl, urlsplit

JSON = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A request that came in; `at` is loop time."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Exchange:
    """A request, and the means to answer it."""

    api: FaultyApi
    request: Seen
    writer: asyncio.StreamWriter
    answered: bool = False

    async def raw(self, data: bytes) -> None:
        for part in self.api.cut(data):
            self.writer.write(part)
            await self.writer.drain()
            if len(part) < len(data):
                await asyncio.sleep(0)

    async def json(self, value: Any, status: int = 200, headers: str = "") -> None:
        await self.text(json.dumps(value), status, f"Content-Type: application/json\r\n{headers}")

    async def text(self, body: str, status: int = 200, headers: str = "") -> None:
        data = body.encode()
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
        await self.raw(head.encode() + data)

    async def stream(self) -> None:
        await self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def chunk(self, data: bytes) -> None:
        await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def event(self, kind: str, obj: JSON) -> None:
        await self.chunk(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def abort(self) -> None:
        self.writer.transport.abort()


Behaviour = Callable[[Exchange], Awaitable[None]]


def whole(data: bytes) -> list[bytes]:
    """Cuts nothing."""
    return [data]


def crumbs(size: int) -> Callable[[bytes], Iterable[bytes]]:
    """Cuts what is sent into pieces of so many bytes."""
    return lambda data: [data[start : start + size] for start in range(0, len(data), size)]


def status_object(code: int, reason: str, message: str = "") -> JSON:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def answers(code: int, reason: str = "", headers: str = "") -> Behaviour:
    """Answers with a Status object."""

    async def behave(exchange: Exchange) -> None:
        await exchange.json(status_object(code, reason), code, headers)

    return behave


async def plain_404(exchange: Exchange) -> None:
    await exchange.text("404 page not found\n", 404)


async def closes_at_once(exchange: Exchange) -> None:
    """A watch that is accepted and ended in order."""
    await exchange.stream()
    await exchange.raw(b"0\r\n\r\n")


async def drops(exchange: Exchange) -> None:
    """No answer, the connection is gone."""
    exchange.abort()


async def gone_event(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.event("ERROR", status_object(410, "Expired", "too old resource version"))
    await exchange.raw(b"0\r\n\r\n")


async def silent(exchange: Exchange) -> None:
    """A watch that is accepted, and then nothing: half-open, as far as the client can see."""
    await exchange.stream()
    await asyncio.Event().wait()


async def never_answers(exchange: Exchange) -> None:
    await asyncio.Event().wait()


async def garbage(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.chunk(b'\x00\xff{"type": nonsense\n')
    await exchange.raw(b"0\r\n\r\n")


async def mid_line(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.chunk(b'{"type": "ADDED", "object": {"metadata": {"na')
    exchange.abort()


@final
@dataclass
class FaultyApi:
    """Objects by collection path and key, open watches, and what is wrong with the server."""

    tls: ssl.SSLContext | None = None
    on_list: Behaviour | None = None
    on_watch: Behaviour | None = None
    on_other: Behaviour | None = None
    cut: Callable[[bytes], Iterable[bytes]] = whole
    port: int = 0
    version: int = 100
    connections: int = 0  # accepted so far
    requests: list[Seen] = field(default_factory=list)
    objects: dict[str, dict[str, JSON]] = field(default_factory=dict)
    _history: list[tuple[int, str, str, JSON]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.AbstractServer | None = None
    _tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def __aenter__(self) -> FaultyApi:
        await self.back()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.away()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def back(self) -> None:
        """Listens, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def away(self) -> None:
        """Is gone: nothing listens, and all connections are cut."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = list(self._tasks)
        for task, writer in list(self._tasks.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def put(self, path: str, obj: JSON, *, tell: bool = True) -> JSON:
        """Creates or replaces an object; `tell` says whether watches hear of it."""
        self.version += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        known = self.objects.setdefault(path, {})
        kind = "MODIFIED" if _key(obj) in known else "ADDED"
        known[_key(obj)] = stored
        if tell:
            self._tell(path, kind, stored)
        return stored

    def remove(self, path: str, key: str, *, tell: bool = True) -> None:
        self.version += 1
        gone = self.objects[path].pop(key)
        if tell:
            self._tell(
                path, "DELETED", {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}
            )

    def times(self, path: str | None = None) -> list[float]:
        """When requests (for `path`) came in."""
        return [seen.at for seen in self.requests if path is None or seen.path == path]

    def _tell(self, path: str, kind: str, obj: JSON) -> None:
        self._history.append((self.version, path, kind, obj))
        self._changed.set()
        self._changed = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = writer
        self.connections += 1
        try:
            while True:
                seen = await self._read(reader)
                self.requests.append(seen)
                exchange = Exchange(self, seen, writer)
                await self._behaviour(seen)(exchange)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client, or `away`, ended it
        finally:
            del self._tasks[task]
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> Seen:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        at = asyncio.get_running_loop().time()
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        url = urlsplit(target)
        return Seen(at, method, url.path, dict(parse_qsl(url.query)), headers, body)

    def _behaviour(self, seen: Seen) -> Behaviour:
        if seen.method != "GET":
            return self.on_other or answers(405, "MethodNotAllowed")
        if seen.query.get("watch") == "true":
            return self.on_watch or self._watch
        return self.on_list or self._list

    async def _list(self, exchange: Exchange) -> None:
        query = exchange.request.query
        items = [
            self.objects[exchange.request.path][key] for key in sorted(self.objects.get(exchange.request.path, {}))
        ]
        start = int(query.get("continue", "0"))
        end = start + int(query.get("limit", len(items) or 1))
        metadata: JSON = {"resourceVersion": str(self.version)}
        if end < len(items):
            metadata["continue"] = str(end)
        await exchange.json({"kind": "List", "metadata": metadata, "items": items[start:end]})

    async def _watch(self, exchange: Exchange) -> None:
        seen = int(exchange.request.query["resourceVersion"])
        await exchange.stream()
        while True:
            changed = self._changed
            for version, path, kind, obj in list(self._history):
                if version > seen and path == exchange.request.path:
                    seen = version
                    await exchange.event(kind, obj)
            await changed.wait()


def _key(obj: JSON) -> str:
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def densest(times: list[float], window: float) -> int:
    """The most requests that started in any window of so many seconds."""
    return max((sum(1 for time in times if start <= time < start + window) for start in times), default=0)
