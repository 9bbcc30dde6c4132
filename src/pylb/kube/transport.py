"""One HTTP/1.1 connection to the API server, by h11 on asyncio streams: send a request, read its answer.

It knows deadlines and nothing of Kubernetes. A deadline aborts the connection: the read that waits ends at once, and
no task is cancelled for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import h11

from pylb.kube.dial import Endpoint, dial
from pylb.kube.errors import ServerError, Unreachable

READ_SIZE = 64 * 1024  # bytes a read
HEAD_MAX = 64 * 1024  # bytes of status line and headers, and of a chunk's head


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer; header names in lower case."""

    status: int
    headers: dict[str, str]


class Connection:
    """One connection; one request at a time. After an exception, always Unreachable or ServerError, it is closed."""

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

    async def send(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
        """Writes a request."""
        self.answered = False
        try:
            self._writer.write(self._encode(method, target, headers, body))
            await self._writer.drain()
        except h11.LocalProtocolError as error:
            self.close()
            raise ServerError(f"cannot send {method} {target}: {error}", reason="BadRequest") from error
        except OSError as error:
            raise self._lost(error) from error

    def _encode(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
        data = self._h11.send(h11.Request(method=method, target=target, headers=headers)) or b""
        if body:
            data += self._h11.send(h11.Data(data=body)) or b""
        return data + (self._h11.send(h11.EndOfMessage()) or b"")

    async def answer(self) -> Answer:
        """The head of the answer to the request that was sent."""
        event = await self._event()
        while isinstance(event, h11.InformationalResponse):
            event = await self._event()
        if not isinstance(event, h11.Response):
            raise self._lost(None)
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

    async def parts(self, idle: float | None = None) -> AsyncGenerator[bytes, None]:
        """The parts of the answer's body as they come, each within `idle` seconds if given.

        After the last one the connection may be used again.
        """
        while True:
            if idle is not None:
                self.set_deadline(idle)
            event = await self._event()
            if idle is not None:
                self.set_deadline(None)
            if isinstance(event, h11.EndOfMessage):
                break
            if not isinstance(event, h11.Data):
                raise self._lost(None)
            yield bytes(event.data)
        self._recycle()

    def _recycle(self) -> None:
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        else:
            self.close()

    async def _event(self) -> object:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(READ_SIZE)
                if self._expired:
                    raise self._lost(None)
                self.answered = self.answered or bool(data)
                self._h11.receive_data(data)
        except (h11.RemoteProtocolError, OSError) as error:
            raise self._lost(error) from error
        return event

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
    """A new connection, within `deadline` seconds. Raises Unreachable."""
    reader, writer = await dial(endpoint, deadline)
    return Connection(reader, writer)
