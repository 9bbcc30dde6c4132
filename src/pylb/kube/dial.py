"""Opens TCP and TLS to the API server, tuned so that the kernel notices a host that is gone; it knows no HTTP."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from pylb.kube.errors import Unreachable

CONNECT_DEADLINE = 1.5  # seconds: a lost SYN is sent again with the next attempt, not in TCP's growing intervals
ADDRESSES_MAX = 4  # addresses of a name that are tried
READ_SIZE = 64 * 1024  # bytes; the stream buffers twice as much before it lets the peer wait
# A host that is gone is noticed after 6 s: probed after 3 s of silence, each second; also for data that nobody confirms.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 3, 1, 3  # seconds, seconds, probes
USER_TIMEOUT_MS = 6000  # milliseconds, tcp(7)

T = TypeVar("T")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to connect; without `tls` in the clear."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def dial(endpoint: Endpoint, deadline: float) -> Streams:
    """The streams of a new connection, within `deadline` seconds. Raises Unreachable."""
    loop = asyncio.get_running_loop()
    until = loop.time() + deadline
    try:
        sock = await _connect(endpoint, until)
        return await _wrap(sock, endpoint, until - loop.time())
    except ssl.SSLCertVerificationError as error:
        message = f"the certificate of {endpoint} is not trusted: {error.verify_message}"
        raise Unreachable(message, reason="Certificate") from error
    except (asyncio.TimeoutError, ConnectionAbortedError) as error:  # the latter: asyncio, of a TLS handshake
        raise Unreachable(f"{endpoint} does not answer", reason="Connect") from error
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"cannot connect to {endpoint}: {error}", reason="Connect") from error


async def _connect(endpoint: Endpoint, until: float) -> socket.socket:
    """A connected socket to the first address that accepts."""
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, address in (await _addresses(endpoint, until))[:ADDRESSES_MAX]:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            _tune(sock)
            await within(min(CONNECT_DEADLINE, until - loop.time()), loop.sock_connect(sock, address))
        except (OSError, asyncio.TimeoutError) as error:
            sock.close()
            failure = error if isinstance(error, OSError) else OSError(f"no answer from {address[0]}")
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure or OSError("the name has no address")


async def _addresses(endpoint: Endpoint, until: float) -> list[tuple[int, tuple[Any, ...]]]:
    """(family, address) pairs; a name is resolved in a thread, a literal needs none."""
    try:
        literal = ipaddress.ip_address(endpoint.host)
    except ValueError:
        loop = asyncio.get_running_loop()
        asking = loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        found = await within(until - loop.time(), asking)
        return [(family, address) for family, _, _, _, address in found]
    family = socket.AF_INET if literal.version == 4 else socket.AF_INET6
    return [(family, (endpoint.host, endpoint.port))]


async def _wrap(sock: socket.socket, endpoint: Endpoint, left: float) -> Streams:
    """Streams on the socket, after the TLS handshake if there is to be one."""
    tls: dict[str, Any] = {}
    if endpoint.tls is not None:
        tls = {
            "ssl": endpoint.tls,
            "server_hostname": endpoint.server_name or endpoint.host,
            "ssl_handshake_timeout": max(left, 0.001),
        }
    try:
        return await asyncio.open_connection(sock=sock, limit=READ_SIZE, **tls)
    except BaseException:
        sock.close()
        raise


async def within(seconds: float, work: Awaitable[T]) -> T:
    """The result of `work`, or asyncio.TimeoutError after so many seconds, when it is cancelled.

    Unlike asyncio.wait_for before Python 3.12 it never swallows a cancellation that comes as the work ends.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=max(0.0, seconds))
        if task.done():
            return task.result()
        raise asyncio.TimeoutError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


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
