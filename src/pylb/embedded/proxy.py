"""The pod proxy: a request on `/api/v1/namespaces/NS/pods/NAME[:PORT]/proxy/PATH` goes on to the pod and its answer back.

As the real server it drops `Authorization` and hop-by-hop headers and keeps the others. Answers are streamed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import h11

from pylb.embedded.errors import JSON, ApiError, bad_request
from pylb.embedded.http import READ_SIZE
from pylb.embedded.messages import Request, Response

CONNECT_S = 5.0  # to connect, and again for the head of the answer to begin
HEAD_S = 30.0
_DROPPED = frozenset(
    {
        *("authorization", "connection", "keep-alive", "proxy-authorization", "te", "trailer", "upgrade"),
        *("transfer-encoding", "content-length", "host", "accept-encoding", "expect"),
    }
)
_KEPT_OUT = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "content-type", "trailer"})


def split_name(name: str) -> tuple[str, int | None]:
    """(pod, port) of `NAME`, `NAME:PORT` or `http:NAME:PORT`."""
    parts = name.split(":")
    if len(parts) == 3 and parts[0] in ("http", ""):
        parts = parts[1:]
    if len(parts) == 1:
        return parts[0], None
    if len(parts) != 2 or not (parts[1].isascii() and parts[1].isdigit() and 0 < int(parts[1][:6]) < 65_536):
        raise bad_request(f'invalid pod request "{name}": the embedded API server proxies NAME or NAME:PORT over http')
    return parts[0], int(parts[1])


def address(pod: JSON, port: int | None) -> tuple[str, int]:
    """Where the pod listens: its address and the port that was asked for, else its first one."""
    status = pod.get("status") or {}
    host = status.get("podIP")
    if not host:
        raise ApiError(503, "ServiceUnavailable", f'pod "{pod["metadata"]["name"]}" has no address yet')
    if port is None:
        ports = [p["containerPort"] for c in pod["spec"].get("containers") or () for p in c.get("ports") or ()]
        port = int(ports[0]) if ports else 80
    return str(host), port


async def forward(pod: JSON, port: int | None, path: str, request: Request) -> Response:
    """The pod's answer; 503 if it cannot be reached."""
    host, number = address(pod, port)
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, number), CONNECT_S)
    except (OSError, asyncio.TimeoutError) as error:
        text = f"error trying to reach service: dial tcp {host}:{number}: {error or 'timeout'}"
        raise ApiError(503, "ServiceUnavailable", text) from None
    link = Link(reader, writer)
    try:
        head = await asyncio.wait_for(link.ask(_outgoing(request, path, host, number)), HEAD_S)
    except (OSError, asyncio.TimeoutError, h11.ProtocolError, EOFError) as error:
        writer.close()
        raise ApiError(502, "BadGateway", f"error trying to reach service: {error or 'timeout'}") from None
    except BaseException:
        writer.close()
        raise
    headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in head.headers]
    kind = next((v for n, v in headers if n == "content-type"), "application/octet-stream")
    kept = tuple((n, v) for n, v in headers if n not in _KEPT_OUT)
    return Response(head.status_code, content_type=kind, headers=kept, stream=link.body())


def _outgoing(request: Request, path: str, host: str, port: int) -> tuple[h11.Request, bytes]:
    query = request.target.partition("?")[2]
    shown = f"[{host}]" if ":" in host else host
    headers = [(n, v) for n, v in request.headers.items() if n not in _DROPPED]
    headers += [("host", f"{shown}:{port}"), ("content-length", str(len(request.body))), ("connection", "close")]
    target = "/" + path + (f"?{query}" if query else "")
    return h11.Request(method=request.method, target=target, headers=headers), request.body


class Link:
    """One connection to a pod, for one request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer = reader, writer
        self._h11 = h11.Connection(h11.CLIENT)

    async def ask(self, outgoing: tuple[h11.Request, bytes]) -> h11.Response:
        """Send the request; returns the head of the answer."""
        head, body = outgoing
        parts = (head, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._h11.send(part) or b"" for part in parts))
        await self._writer.drain()
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                break
        raise EOFError("the pod closed the connection")

    async def _event(self) -> h11.Event:
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                self._h11.receive_data(await self._reader.read(READ_SIZE))
            elif isinstance(event, h11.Event):
                return event
            else:
                raise EOFError("the pod sent too much")

    async def body(self) -> AsyncGenerator[bytes, None]:
        """The chunks of the answer's body, as they come."""
        try:
            while isinstance(event := await self._event(), h11.Data):
                yield bytes(event.data)
        finally:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
