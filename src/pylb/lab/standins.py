"""Stand-ins for what would run in pods: HTTP on TCP ports, one answer a datagram on UDP ports, both `POD from CLIENT`.

A socket belongs to the network namespace of the thread that made it, so one process serves all pods. They know HTTP
as far as a browser, curl and a probe use it: any method, any path, keep-alive and pipelining, no chunked requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import cast

from pylb.lab import namespaces
from pylb.lab.podspec import Port

HEAD_LIMIT = 1 << 16  # bytes of a request's head
BODY_LIMIT = 1 << 24  # bytes of a request's body, read and thrown away
IDLE_S = 60.0  # a connection that says nothing is closed
BACKLOG = 512
DATAGRAM_LIMIT = 512  # bytes of an answer by UDP that are the asker's own words


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request's head matters."""

    keep: bool
    length: int
    head_only: bool


def parse(head: bytes) -> Request:
    """A request's head, ending with its empty line; ValueError if it is none."""
    first, *rest = head.decode("latin-1").split("\r\n")
    method, _target, version = first.split(" ")
    fields = {}
    for line in rest:
        name, mark, value = line.partition(":")
        if mark:
            fields[name.strip().lower()] = value.strip()
    if not version.startswith("HTTP/1.") or "transfer-encoding" in fields:
        raise ValueError(version)
    wish = fields.get("connection", "").lower()
    keep = wish != "close" if version == "HTTP/1.1" else wish == "keep-alive"
    length = int(fields.get("content-length", "0"))
    if not 0 <= length <= BODY_LIMIT:
        raise ValueError(f"content-length {length}")
    return Request(keep, length, method == "HEAD")


def answer(pod: str, client: str, request: Request) -> bytes:
    """The whole response."""
    body = f"{pod} from {client}\n".encode()
    connection = "keep-alive" if request.keep else "close"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: {connection}\r\n\r\n"
    return head.encode() + (b"" if request.head_only else body)


_BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Standin:
    """One pod's listeners."""

    def __init__(self, pod: str, namespace: str) -> None:
        self._pod = pod
        self._namespace = namespace
        self._tcp: dict[Port, asyncio.Server] = {}
        self._udp: dict[Port, asyncio.DatagramTransport] = {}
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def ports(self) -> frozenset[Port]:
        """Where it listens."""
        return frozenset((*self._tcp, *self._udp))

    async def listen(self, ports: frozenset[Port]) -> None:
        """Listen on these ports and no others; OSError if one cannot be had."""
        for port in self.ports - ports:
            self._close(port)
        new = sorted(ports - self.ports)
        bound = namespaces.inside(self._namespace, lambda: [(port, _bind(port)) for port in new])
        for port, made in bound:
            if port.protocol == "UDP":
                loop = asyncio.get_running_loop()
                self._udp[port], _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._pod), sock=made)
            else:
                self._tcp[port] = await asyncio.start_server(self._serve, sock=made, limit=HEAD_LIMIT, backlog=BACKLOG)

    def close(self) -> None:
        """Stop at once; connections break."""
        for port in self.ports:
            self._close(port)
        for talk in self._talks:
            talk.cancel()

    def _close(self, port: Port) -> None:
        if port in self._tcp:
            self._tcp.pop(port).close()
        if port in self._udp:
            self._udp.pop(port).abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
                await self._talk(reader, writer)
            writer.close()
        except asyncio.CancelledError:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")[0]
        keep = True
        while keep:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), IDLE_S)
            try:
                request = parse(head)
            except ValueError:
                writer.write(_BAD)
                return
            await asyncio.wait_for(reader.readexactly(request.length), IDLE_S)
            writer.write(answer(self._pod, client, request))
            await writer.drain()
            keep = request.keep


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, pod: str) -> None:
        self._pod = pod
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # it is none by class before Python 3.12

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        if self._transport is not None:
            self._transport.sendto(f"{self._pod} from {addr[0]}\n".encode() + data[:DATAGRAM_LIMIT], addr)


def _bind(port: Port) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if port.protocol == "UDP" else socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("0.0.0.0", port.number))
    return made
