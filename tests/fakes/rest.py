"""A small REST client for tests of HTTP servers that speak Kubernetes: one connection a request, h11, no retries."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import h11

LIMIT_S = 10.0  # for one answer, or for the next line of a stream
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


class Answer:
    """What a server answered."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Rest:
    """A client for one server."""

    def __init__(self, url: str, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._url, self._token, self._tls = urlsplit(url), token, tls

    async def ask(
        self, method: str, target: str, body: Any = None, kind: str = "application/json", **headers: str
    ) -> Answer:
        """One request; `body` is sent as it is if it is bytes, else as JSON."""
        async with self.open(method, target, body, kind, **headers) as (head, chunks):
            found = b"".join([chunk async for chunk in chunks])
        return Answer(head.status_code, {n.decode(): v.decode() for n, v in head.headers}, found)

    async def get(self, target: str, **headers: str) -> Answer:
        """GET."""
        return await self.ask("GET", target, **headers)

    async def post(self, target: str, body: Any, **headers: str) -> Answer:
        """POST of JSON."""
        return await self.ask("POST", target, body, **headers)

    async def put(self, target: str, body: Any) -> Answer:
        """PUT of JSON."""
        return await self.ask("PUT", target, body)

    async def patch(self, target: str, body: Any, kind: str = MERGE) -> Answer:
        """PATCH of a type."""
        return await self.ask("PATCH", target, body, kind)

    async def delete(self, target: str, body: Any = None) -> Answer:
        """DELETE."""
        return await self.ask("DELETE", target, body)

    @contextlib.asynccontextmanager
    async def open(
        self, method: str, target: str, body: Any = None, kind: str = "application/json", **headers: str
    ) -> AsyncIterator[tuple[h11.Response, AsyncIterator[bytes]]]:
        """The head of an answer and the chunks of its body as they come."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        host, port = self._url.hostname or "", self._url.port or 80
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port, ssl=self._tls), LIMIT_S)
        sent = {"host": host, "content-length": str(len(raw)), "content-type": kind, **headers}
        if self._token:
            sent.setdefault("authorization", f"Bearer {self._token}")
        connection = h11.Connection(h11.CLIENT)
        parts = (
            h11.Request(method=method, target=target, headers=[*sent.items()]),
            h11.Data(data=raw),
            h11.EndOfMessage(),
        )
        writer.write(b"".join(connection.send(part) or b"" for part in parts))
        events = _events(connection, reader)
        try:
            head = await anext(events)
            assert isinstance(head, h11.Response)
            yield head, (bytes(event.data) async for event in events if isinstance(event, h11.Data))
        finally:
            await events.aclose()  # type: ignore[attr-defined]  # it is a generator
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @contextlib.asynccontextmanager
    async def watch(self, target: str, **headers: str) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """The (type, object) pairs of a watch."""
        async with self.open("GET", target, **headers) as (head, chunks):
            assert head.status_code == 200, head
            yield _pairs(chunks)


async def _events(connection: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[h11.Event]:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await asyncio.wait_for(reader.read(65_536), LIMIT_S))
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            return
        elif isinstance(event, h11.Event):
            yield event


async def _pairs(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, Any]]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            found = json.loads(line)
            yield found["type"], found["object"]
