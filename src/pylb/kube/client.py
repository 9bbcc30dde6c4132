"""Requests to the API server: raw JSON in and out, typed errors, deadlines, and streams of JSON lines.

It knows verbs and content types, not kinds; retries of a whole exchange are the caller's (see `kube.collection`),
except for a kept-alive connection that turns out to be closed and for a 429 that says when to come back.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, final
from urllib.parse import urlencode

from pylb.kube.credentials import Credentials
from pylb.kube.errors import ServerError, TooManyRequests
from pylb.kube.guard import Guard
from pylb.kube.lines import split_lines
from pylb.kube.pool import Call, Pool

DEADLINE = 10.0  # seconds for a request and its whole answer
IDLE = 90.0  # seconds between two reads of a stream; streams of ours say something each 15 s
BUSY_TRIES = 4  # tries of a request that is answered with 429

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",  # JSON is YAML
}
JSON_TYPE = "application/json"

Query = Mapping[str, str | int | bool | None]
Headers = Mapping[str, str]
JSON = Any  # what json.loads gives


@final
class Client:
    """Talks to one API server, in one event loop. `close` it, or use it as an async context manager.

    Every request raises ClusterError and takes `deadline` seconds at most, whatever happens. A 429 that names its
    pause is tried again within the deadline, `tries` times in all.
    """

    def __init__(self, credentials: Credentials, *, user_agent: str = "pylb") -> None:
        self._credentials = credentials
        self._pool = Pool(credentials, user_agent)
        self._guard: Guard | None = None

    def guarded(self, guard: Guard) -> Client:
        """The same client, on the same connections, but for its writes: they raise Withheld where `guard` says so."""
        made = copy.copy(self)
        made._guard = guard
        return made

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
        self._pool.close()

    async def get(
        self,
        path: str,
        query: Query | None = None,
        *,
        deadline: float = DEADLINE,
        headers: Headers | None = None,
        tries: int = BUSY_TRIES,
    ) -> JSON:
        """Reads a resource."""
        return await self._json("GET", path, None, query, deadline, headers, tries=tries)

    async def post(self, path: str, body: JSON, query: Query | None = None, *, deadline: float = DEADLINE) -> JSON:
        """Creates an object in a collection."""
        return await self._json("POST", path, body, query, deadline)

    async def put(self, path: str, body: JSON, query: Query | None = None, *, deadline: float = DEADLINE) -> JSON:
        """Replaces an object."""
        return await self._json("PUT", path, body, query, deadline)

    async def delete(
        self, path: str, body: JSON = None, query: Query | None = None, *, deadline: float = DEADLINE
    ) -> JSON:
        """Deletes an object; `body` may be DeleteOptions."""
        return await self._json("DELETE", path, body, query, deadline)

    async def patch(
        self,
        path: str,
        body: JSON,
        query: Query | None = None,
        *,
        kind: str = "merge",
        field_manager: str | None = None,
        force: bool = False,
        deadline: float = DEADLINE,
    ) -> JSON:
        """Changes an object by a patch of the kind merge, json, strategic or apply (which wants a field manager)."""
        full = {**(query or {}), "fieldManager": field_manager, "force": True if force else None}
        return await self._json("PATCH", path, body, full, deadline, content_type=PATCH_TYPES[kind])

    async def text(
        self,
        path: str,
        query: Query | None = None,
        *,
        deadline: float = DEADLINE,
        headers: Headers | None = None,
    ) -> bytes:
        """The same as `get`, but the answer as it is (logs, metrics)."""
        return await self._bytes("GET", path, None, query, deadline, headers)

    async def lines(
        self,
        path: str,
        query: Query | None = None,
        *,
        idle: float = IDLE,
        deadline: float = DEADLINE,
        headers: Headers | None = None,
    ) -> AsyncGenerator[JSON, None]:
        """The JSON values of a stream, one a line (watches, /events); ends when the server ends it.

        Blank lines are skipped. The head of the answer must come within `deadline` seconds, and each read within
        `idle`. Close it (`contextlib.aclosing`) to give the connection back.
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
        headers: Headers | None = None,
    ) -> AsyncIterator[AsyncIterator[JSON]]:
        """The same as `lines`, as a context that is entered when the server has said yes."""
        call = self._call("GET", path, None, query, deadline, headers, JSON_TYPE)
        async with (
            self._pool.stream(call, idle) as parts,
            aclosing(split_lines(parts)) as lines,
            aclosing(_values(lines, path)) as values,
        ):
            yield values

    async def _json(
        self,
        method: str,
        path: str,
        body: JSON,
        query: Query | None,
        deadline: float,
        headers: Headers | None = None,
        content_type: str = JSON_TYPE,
        tries: int = BUSY_TRIES,
    ) -> JSON:
        if method == "GET" or self._guard is None:
            data = await self._bytes(method, path, body, query, deadline, headers, content_type, tries)
        else:
            with self._guard.write() as left:
                limit = min(deadline, left)
                data = await self._bytes(method, path, body, query, limit, headers, content_type, tries, self._guard)
        return _parse(data, f"{method} {path}")

    async def _bytes(
        self,
        method: str,
        path: str,
        body: JSON,
        query: Query | None,
        deadline: float,
        headers: Headers | None = None,
        content_type: str = JSON_TYPE,
        tries: int = BUSY_TRIES,
        guard: Guard | None = None,
    ) -> bytes:
        call = self._call(method, path, body, query, deadline, headers, content_type, guard)
        while True:
            tries -= 1
            try:
                return await self._pool.request(call)
            except TooManyRequests as error:
                pause = error.retry_after
                if tries <= 0 or pause is None or _now() + pause >= call.until:
                    raise
                await asyncio.sleep(pause)

    def _call(
        self,
        method: str,
        path: str,
        body: JSON,
        query: Query | None,
        deadline: float,
        headers: Headers | None,
        content_type: str,
        guard: Guard | None = None,
    ) -> Call:
        return Call(
            method=method,
            target=_target(path, query),
            body=b"" if body is None else json.dumps(body, separators=(",", ":")).encode(),
            content_type=content_type,
            headers=tuple((headers or {}).items()),
            until=_now() + deadline,
            guard=guard,
        )


async def _values(lines: AsyncIterator[bytes], path: str) -> AsyncGenerator[JSON, None]:
    async for line in lines:
        if line.strip():
            yield _parse(line, f"GET {path}")


def _target(path: str, query: Query | None) -> str:
    pairs = {name: _query_text(value) for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _query_text(value: str | int | bool | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parse(data: bytes, what: str) -> JSON:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ServerError(f"the answer to {what} is not JSON", reason="NotJSON") from error


def _now() -> float:
    return asyncio.get_running_loop().time()
