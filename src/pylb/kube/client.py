"""Requests to the API server: raw JSON in and out, typed errors, deadlines, and streams of JSON lines.

It knows verbs and content types, not kinds; retries of a whole exchange are the caller's (see `kube.collection`),
except for a kept-alive connection that turns out to be closed and for a 429 that says when to come back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from pylb.kube.credentials import Credentials
from pylb.kube.errors import ServerError, TooManyRequests, Unreachable, from_answer
from pylb.kube.lines import split_lines
from pylb.kube.tls import make_context
from pylb.kube.transport import Answer, Connection, Endpoint, Headers, connect

DEADLINE = 10.0  # seconds for a request and its whole answer
IDLE = 90.0  # seconds between two reads of a stream: a watch has a bookmark each minute (research/cluster.md section 5)
BODY_MAX = 64 * 1024 * 1024  # bytes of an answer: a page of 500 objects is below 10 MiB unless they are odd
ERROR_BODY_MAX = 1024 * 1024  # bytes of an error's answer
REQUESTS_MAX = 8  # requests under way at once, streams not counted
STREAMS_MAX = 64  # streams open at once
POOL_MAX = 4  # idle connections that are kept
POOL_IDLE = 30.0  # seconds that one is kept; kube-apiserver closes after 90 s
BUSY_TRIES = 4  # tries of a request that is answered with 429

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",  # JSON is YAML
}

Query = Mapping[str, str | int | bool | None]
JSON = Any  # what json.loads gives


class Client:
    """Talks to one API server. Use it in one event loop, and `close` it, or as an async context manager."""

    def __init__(self, credentials: Credentials, *, user_agent: str = "pylb") -> None:
        self._credentials = credentials
        self._agent = user_agent
        url = urlsplit(credentials.server)
        secure = url.scheme == "https"
        tls = make_context(credentials) if secure else None
        self._endpoint = Endpoint(
            url.hostname or "", url.port or (443 if secure else 80), tls, credentials.tls_server_name
        )
        self._host = url.netloc.rpartition("@")[2]
        self._prefix = url.path.rstrip("/")
        self._pool: list[Connection] = []
        self._requests = asyncio.Semaphore(REQUESTS_MAX)
        self._streams = asyncio.Semaphore(STREAMS_MAX)
        self._closed = False

    @property
    def credentials(self) -> Credentials:
        """Whom it talks to and as whom."""
        return self._credentials

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the idle connections; requests under way end as they will."""
        self._closed = True
        while self._pool:
            self._pool.pop().close()

    async def get(self, path: str, query: Query | None = None, **options: Any) -> JSON:
        """Reads a resource. `options`: see `request`."""
        return await self.request("GET", path, query=query, **options)

    async def post(self, path: str, body: JSON, query: Query | None = None, **options: Any) -> JSON:
        """Creates an object in a collection. `options`: see `request`."""
        return await self.request("POST", path, body, query=query, **options)

    async def put(self, path: str, body: JSON, query: Query | None = None, **options: Any) -> JSON:
        """Replaces an object. `options`: see `request`."""
        return await self.request("PUT", path, body, query=query, **options)

    async def delete(self, path: str, body: JSON = None, query: Query | None = None, **options: Any) -> JSON:
        """Deletes an object; `body` may be DeleteOptions. `options`: see `request`."""
        return await self.request("DELETE", path, body, query=query, **options)

    async def patch(
        self,
        path: str,
        body: JSON,
        query: Query | None = None,
        *,
        kind: str = "merge",
        field_manager: str | None = None,
        force: bool = False,
        **options: Any,
    ) -> JSON:
        """Changes an object by a patch of the kind merge, json, strategic or apply (which wants a field manager)."""
        full = dict(query or {})
        if field_manager is not None:
            full["fieldManager"] = field_manager
        if force:
            full["force"] = True
        return await self.request("PATCH", path, body, query=full, content_type=PATCH_TYPES[kind], **options)

    async def request(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        query: Query | None = None,
        deadline: float = DEADLINE,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        tries: int = BUSY_TRIES,
    ) -> JSON:
        """The JSON of the answer. Raises ClusterError; the whole of it takes `deadline` seconds at most.

        A 429 that names its pause is tried again within the deadline, `tries` times in all.
        """
        data = await self.read(
            method, path, body, query=query, deadline=deadline, content_type=content_type, headers=headers, tries=tries
        )
        return _parse(data, method, path)

    async def read(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        query: Query | None = None,
        deadline: float = DEADLINE,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        tries: int = BUSY_TRIES,
    ) -> bytes:
        """The same as `request`, but the answer as it is (logs, metrics)."""
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        until = _now() + deadline
        target = self._target(path, query)
        while True:
            tries -= 1
            try:
                return await self._once(method, target, content, content_type, headers, until)
            except TooManyRequests as error:
                pause = error.retry_after
                if tries <= 0 or pause is None or _now() + pause >= until:
                    raise
                await asyncio.sleep(pause)

    async def lines(
        self,
        path: str,
        query: Query | None = None,
        *,
        idle: float = IDLE,
        deadline: float = DEADLINE,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[JSON]:
        """The JSON values of a stream, one a line (watches, /events); ends when the server ends it.

        Blank lines are skipped. The head of the answer must come within `deadline` seconds, and each read within
        `idle`. Close it (`contextlib.aclosing`) to give the connection back. Raises ClusterError.
        """
        async with self.stream(path, query, idle=idle, deadline=deadline, headers=headers) as values:
            async for value in values:
                yield value

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        query: Query | None = None,
        *,
        idle: float = IDLE,
        deadline: float = DEADLINE,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[AsyncIterator[JSON]]:
        """The same as `lines`, as a context that is entered when the server has said yes."""
        target = self._target(path, query)
        until = _now() + deadline
        async with self._streams:
            connection = await connect(self._endpoint, deadline)  # never a pooled one: it is not given back
            try:
                answer = await self._exchange(connection, "GET", target, b"", "", headers, until)
                if answer.status >= 300:
                    await self._refuse(connection, answer)
                async with aclosing(split_lines(connection.parts())) as parts:
                    yield _values(parts, connection, idle, path)
            finally:
                connection.close()

    def _target(self, path: str, query: Query | None) -> str:
        pairs = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in (query or {}).items()
            if value is not None
        }
        return f"{self._prefix}{path}{'?' if pairs else ''}{urlencode(pairs)}"

    async def _once(
        self, method: str, target: str, body: bytes, content_type: str, headers: Mapping[str, str] | None, until: float
    ) -> bytes:
        """One request; a second time on a new connection if the kept one was closed behind our back."""
        try:
            await asyncio.wait_for(self._requests.acquire(), until - _now())
        except asyncio.TimeoutError as error:
            raise Unreachable("too many requests wait for the API server", reason="Deadline") from error
        try:
            kept = self._kept()
            if kept is not None:
                try:
                    return await self._talk(kept, method, target, body, content_type, headers, until)
                except Unreachable as error:
                    if kept.answered or error.reason == "Deadline" or not _repeatable(method, content_type):
                        raise
            fresh = await connect(self._endpoint, until - _now())
            return await self._talk(fresh, method, target, body, content_type, headers, until)
        finally:
            self._requests.release()

    async def _talk(
        self,
        connection: Connection,
        method: str,
        target: str,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None,
        until: float,
    ) -> bytes:
        try:
            answer = await self._exchange(connection, method, target, body, content_type, headers, until)
            if answer.status >= 300:
                await self._refuse(connection, answer)
            return await connection.body(BODY_MAX)
        finally:
            self._keep(connection)

    async def _exchange(
        self,
        connection: Connection,
        method: str,
        target: str,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None,
        until: float,
    ) -> Answer:
        """Sends the request and gives the head of its answer."""
        connection.set_deadline(until - _now())
        sent: Headers = [("Host", self._host), ("User-Agent", self._agent), ("Accept", "application/json")]
        token = await self._credentials.bearer.token()
        if token is not None:
            sent.append(("Authorization", f"Bearer {token}"))
        if body:
            sent.append(("Content-Type", content_type))
        if body or method in ("POST", "PUT", "PATCH"):
            sent.append(("Content-Length", str(len(body))))
        sent.extend((headers or {}).items())
        await connection.send(method, target, sent, body)
        return await connection.answer()

    async def _refuse(self, connection: Connection, answer: Answer) -> None:
        body = await connection.body(ERROR_BODY_MAX)
        if answer.status == 401:
            self._credentials.bearer.expire()
        if answer.status < 400:
            raise ServerError("a redirect, where an API server never sends one", status=answer.status)
        raise from_answer(answer.status, body, answer.headers.get("retry-after", ""))

    def _kept(self) -> Connection | None:
        """An idle connection that may still be used."""
        while self._pool:
            connection = self._pool.pop()
            if connection.reusable and _now() - connection.idle_since < POOL_IDLE:
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        connection.set_deadline(None)
        if connection.reusable and len(self._pool) < POOL_MAX and not self._closed:
            connection.idle_since = _now()
            self._pool.append(connection)
        else:
            connection.close()


async def _values(lines: AsyncIterator[bytes], connection: Connection, idle: float, path: str) -> AsyncIterator[JSON]:
    connection.set_deadline(idle)
    async for line in lines:
        connection.set_deadline(None)
        if line.strip():
            yield _parse(line, "GET", path)
        connection.set_deadline(idle)


def _parse(data: bytes, method: str, path: str) -> JSON:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ServerError(f"the answer to {method} {path} is not JSON", reason="NotJSON") from error


def _repeatable(method: str, content_type: str) -> bool:
    """Doing it twice is the same as doing it once."""
    return method in ("GET", "PUT", "DELETE") or (method == "PATCH" and content_type != PATCH_TYPES["json"])


def _now() -> float:
    return asyncio.get_running_loop().time()
