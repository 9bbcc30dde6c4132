"""One HTTP/1.1 connection to the API server, by h11 on asyncio streams: send a request, read its answer.

It knows deadlines, TLS and half-open TCP, and nothing of Kubernetes. A deadline aborts the connection: the read that
waits ends at once, and no task is cancelled for it (wait_for on Python 3.10 can lose a cancellation).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import h11

from pylb.kube.errors import ServerError, Unreachable

READ_SIZE = 64 * 1024  # bytes a read
HEAD_MAX = 64 * 1024  # bytes of status line and headers, and of a chunk's head
CONNECT_DEADLINE = 1.5  # seconds: a lost SYN is sent again with the next attempt, not in TCP's growing intervals
# A host that is gone is noticed after 6 s: probed after 3 s of silence, each second; also for data that nobody confirms.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 3, 1, 3  # seconds, seconds, probes
USER_TIMEOUT_MS = 6000  # milliseconds, tcp(7)

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to connect."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer; header names in lower case."""

    status: int
    headers: dict[str, str]


class Connection:
    """One connection; one request at a time. Every method raises Unreachable or ServerError, and is then closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX)
        self._expired = False
        self._timer: asyncio.TimerHandle | None = None
        self.answered = False  # a part of the current answer has come
        self.idle_since = 0.0  # loop time; kept by the pool

    @property
    def reusable(self) -> bool:
        """It may carry another request."""
        fresh = self._h11.our_state is h11.IDLE and self._h11.their_state is h11.IDLE
        return fresh and not self._writer.is_closing() and not self._reader.at_eof()

    def close(self) -> None:
        """Ends the connection without waiting for the other side."""
        self.set_deadline(None)
        self._writer.transport.abort()

    def set_deadline(self, seconds: float | None) -> None:
        """From now on everything has to be done within so many seconds; None for no deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._expire)

    async def send(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        """Writes a request."""
        self.answered = False
        try:
            data = self._h11.send(h11.Request(method=method, target=target, headers=headers)) or b""
            if body:
                data += self._h11.send(h11.Data(data=body)) or b""
            data += self._h11.send(h11.EndOfMessage()) or b""
            self._writer.write(data)
            await self._writer.drain()
        except h11.LocalProtocolError as error:
            self.close()
            raise ServerError(f"cannot send {method} {target}: {error}", reason="BadRequest") from error
        except OSError as error:
            raise self._lost(error) from error

    async def answer(self) -> Answer:
        """The head of the answer to the request that was sent."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                return Answer(event.status_code, headers)

    async def body(self, limit: int) -> bytes:
        """The whole body of the answer. Raises ServerError(reason=TooLarge) above `limit` bytes."""
        data = bytearray()
        async for part in self.parts():
            data += part
            if len(data) > limit:
                self.close()
                raise ServerError(f"an answer of more than {limit} bytes", reason="TooLarge")
        return bytes(data)

    async def parts(self) -> AsyncIterator[bytes]:
        """The parts of the answer's body as they come; after the last one the connection may be used again."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                raise self._lost(None)
        self._recycle()

    def _recycle(self) -> None:
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        else:
            self.close()

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(READ_SIZE)
                if self._expired:
                    raise self._lost(None)
                self.answered = self.answered or bool(data)
                self._h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise self._lost(error) from error
        except OSError as error:
            raise self._lost(error) from error
        return event  # type: ignore[return-value]  # h11's sentinels are classes; NEED_DATA is excluded above

    def _lost(self, error: Exception | None) -> Unreachable:
        self.close()
        if self._expired:
            return Unreachable("no answer within the deadline", reason="Deadline")
        if isinstance(error, h11.RemoteProtocolError):
            return Unreachable(f"the connection broke off: {error}", reason="Broken")
        return Unreachable(f"the connection was lost{f': {error}' if error else ''}", reason="Lost")

    def _expire(self) -> None:
        self._expired = True
        self._writer.transport.abort()


async def connect(endpoint: Endpoint, deadline: float) -> Connection:
    """A new connection. Raises Unreachable after CONNECT_DEADLINE or `deadline` seconds, whichever is shorter."""
    name = (endpoint.server_name or endpoint.host) if endpoint.tls else None
    opening = asyncio.open_connection(
        endpoint.host, endpoint.port, ssl=endpoint.tls, server_hostname=name, limit=READ_SIZE
    )
    try:
        reader, writer = await asyncio.wait_for(opening, min(deadline, CONNECT_DEADLINE))
    except asyncio.TimeoutError as error:
        raise Unreachable(f"{endpoint.host}:{endpoint.port} does not answer", reason="Connect") from error
    except ssl.SSLCertVerificationError as error:
        message = f"the certificate of {endpoint.host}:{endpoint.port} is not trusted: {error.verify_message}"
        raise Unreachable(message, reason="Certificate") from error
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"cannot connect to {endpoint.host}:{endpoint.port}: {error}", reason="Connect") from error
    _tune(writer.get_extra_info("socket"))
    return Connection(reader, writer)


def _tune(sock: socket.socket) -> None:
    """Lets the kernel notice a peer that is gone, where the system has the options."""
    wanted = {
        "TCP_KEEPIDLE": KEEPALIVE_IDLE,
        "TCP_KEEPINTVL": KEEPALIVE_INTERVAL,
        "TCP_KEEPCNT": KEEPALIVE_COUNT,
        "TCP_USER_TIMEOUT": USER_TIMEOUT_MS,
        "TCP_NODELAY": 1,
    }
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in wanted.items():
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
