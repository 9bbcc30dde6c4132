"""The connections to one API server: a few that are kept alive for requests, and one of its own for each stream.

It adds the headers that every request has, and turns answers of 300 and above into errors. It does not read JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from pylb.kube.credentials import Credentials
from pylb.kube.dial import Endpoint
from pylb.kube.errors import ServerError, Unreachable, from_answer
from pylb.kube.guard import Guard
from pylb.kube.tls import make_context
from pylb.kube.transport import Answer, Connection, connect

BODY_MAX = 64 * 1024 * 1024  # bytes of an answer: a page of 500 objects is below 10 MiB unless they are odd
ERROR_BODY_MAX = 1024 * 1024  # bytes of an error's answer
REQUESTS_MAX = 8  # requests under way at once; more of them wait, no longer than the others' deadlines
STREAMS_MAX = 64  # streams open at once; one more is refused
KEPT_MAX = 4  # idle connections
KEPT_FOR = 30.0  # seconds that one is kept; kube-apiserver closes after 90 s


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is ready to be sent; `until` is its deadline in loop time.

    `guard` is asked once more at the moment of sending: a process may have stood still since the request was made.
    """

    method: str
    target: str
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]
    until: float
    guard: Guard | None = None

    @property
    def repeatable(self) -> bool:
        """Doing it twice is the same as doing it once."""
        if self.method == "PATCH":
            return self.content_type != "application/json-patch+json"
        return self.method in ("GET", "PUT", "DELETE")


class Pool:
    """Sends calls. Every method raises ClusterError."""

    def __init__(self, credentials: Credentials, user_agent: str) -> None:
        url = urlsplit(credentials.server)
        secure = url.scheme == "https"
        self._endpoint = Endpoint(
            host=url.hostname or "",
            port=url.port or (443 if secure else 80),
            tls=make_context(credentials) if secure else None,
            server_name=credentials.tls_server_name,
        )
        self._prefix = url.path.rstrip("/")
        self._fixed = [
            ("Host", url.netloc.rpartition("@")[2]),
            ("User-Agent", user_agent),
            ("Accept", "application/json"),
        ]
        self._bearer = credentials.bearer
        self._kept: list[Connection] = []
        self._requests = asyncio.Semaphore(REQUESTS_MAX)
        self._streams = 0
        self._closed = False

    def close(self) -> None:
        """Closes the idle connections and keeps no more."""
        self._closed = True
        while self._kept:
            self._kept.pop().close()

    async def request(self, call: Call) -> bytes:
        """The body of the answer; tried once more if a kept connection had been closed behind our back."""
        async with self._requests:
            if _left(call) <= 0:
                raise Unreachable("too many requests wait for the API server", reason="Deadline")
            kept = self._take()
            if kept is not None:
                try:
                    return await self._talk(kept, call)
                except Unreachable as error:
                    if kept.answered or error.reason == "Deadline" or not call.repeatable:
                        raise
            return await self._talk(await connect(self._endpoint, _left(call)), call)

    @asynccontextmanager
    async def stream(self, call: Call, idle: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """The parts of an answer's body as they come, each within `idle` seconds."""
        if self._streams >= STREAMS_MAX:
            raise Unreachable(f"more than {STREAMS_MAX} streams are open", reason="Bound")
        self._streams += 1
        connection = None
        try:
            connection = await connect(self._endpoint, _left(call))  # never a kept one: it is not given back
            await self._exchange(connection, call)
            connection.set_deadline(None)
            async with aclosing(connection.parts(idle)) as parts:
                yield parts
        finally:
            self._streams -= 1
            if connection is not None:
                connection.close()

    async def _talk(self, connection: Connection, call: Call) -> bytes:
        try:
            await self._exchange(connection, call)
            return await connection.body(BODY_MAX)
        finally:
            self._keep(connection)

    async def _exchange(self, connection: Connection, call: Call) -> None:
        """Sends the request, and reads the head of an answer below 300."""
        connection.set_deadline(_left(call))
        headers = await self._headers(call)
        if _left(call) <= 0:
            raise Unreachable("the time for the request was over before it could be sent", reason="Deadline")
        if call.guard is not None:
            call.guard.check()
        await connection.send(call.method, self._prefix + call.target, headers, call.body)
        answer = await connection.answer()
        if answer.status >= 300:
            await self._refuse(connection, answer)

    async def _headers(self, call: Call) -> list[tuple[str, str]]:
        headers = list(self._fixed)
        token = await self._bearer.token()
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        if call.body:
            headers += [("Content-Type", call.content_type), ("Content-Length", str(len(call.body)))]
        return [*headers, *call.headers]

    async def _refuse(self, connection: Connection, answer: Answer) -> None:
        body = await connection.body(ERROR_BODY_MAX)
        if answer.status == 401:
            self._bearer.expire()
        if answer.status < 400:
            raise ServerError(f"HTTP {answer.status}, where an API server never redirects", status=answer.status)
        raise from_answer(answer.status, body, answer.headers.get("retry-after", ""))

    def _take(self) -> Connection | None:
        """An idle connection that may still be used."""
        while self._kept:
            connection = self._kept.pop()
            if connection.reusable and _now() - connection.idle_since < KEPT_FOR:
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        connection.set_deadline(None)
        if connection.reusable and len(self._kept) < KEPT_MAX and not self._closed:
            connection.idle_since = _now()
            self._kept.append(connection)
        else:
            connection.close()


def _left(call: Call) -> float:
    return call.until - _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
