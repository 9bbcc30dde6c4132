"""The server as a whole: its parts put together, listening, and ended in order.

`async with serve(Options()) as server:` is all that a test needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from pylb.embedded import resources
from pylb.embedded.admission import Admission
from pylb.embedded.allocation import Networks
from pylb.embedded.api import Api
from pylb.embedded.controllers import Controllers, Settings
from pylb.embedded.faults import Faults
from pylb.embedded.http import MAX_CONNECTIONS, Connection, Handler, end
from pylb.embedded.resources import Registry
from pylb.embedded.store import Store
from pylb.embedded.watches import Gate

INSTANT, EXTERNAL = "instant", "external"
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


@dataclass(frozen=True, slots=True)
class Options:
    """How a server runs. Without `listen` and `sockets` it takes a free port of 127.0.0.1.

    `kubelet`: `instant` makes placed pods Running at once, `external` leaves their status to a kubelet outside.
    `node_grace`: seconds after which a Node whose Lease is not renewed counts as not ready.
    `pod_grace`: seconds that a deleted pod may take until the external kubelet confirms; then it goes anyway.
    """

    listen: tuple[tuple[str, int], ...] = ()
    sockets: tuple[socket.socket, ...] = ()
    token: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    kubelet: str = INSTANT
    node_grace: float = 40.0
    pod_grace: float = 1.0
    service_networks: tuple[str, ...] = ("10.96.0.0/16", "fd00:96::/112")
    pod_networks: tuple[str, ...] = ("10.244.0.0/16",)
    bookmark_every: float = 60.0


@dataclass(slots=True)
class Server:
    """A server that serves. `faults` breaks things on purpose; `handler` answers, and a test may put one before it."""

    url: str
    store: Store
    faults: Faults
    api: Api
    addresses: list[tuple[str, int]]
    handler: Handler
    token: str = ""
    _connections: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def problems(self) -> list[str]:
        """Tracebacks of the server's own mistakes; a test may assert that there are none."""
        return self.api.problems

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            await Connection(reader, writer, self.handler).run()
        except asyncio.CancelledError:  # the server ends
            writer.transport.abort()
        finally:
            self._connections.discard(task)

    async def drop_connections(self) -> None:
        """Cut all connections, as a server that dies does."""
        await end({*self._connections})


def new_store(options: Options) -> Store:
    """A store with what every cluster has."""
    networks = Networks(tuple(ip_network(text) for text in options.service_networks))
    grace = options.pod_grace if options.kubelet == EXTERNAL else 0.0
    store = Store(Registry(), Admission(networks), time.time, grace)
    for name in NAMESPACES:
        store.create(resources.NAMESPACES, "", {"metadata": {"name": name}})
    store.create(resources.SERVICES, "default", _own_service(networks))
    return store


def _own_service(networks: Networks) -> dict[str, Any]:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    first = str(networks.by_family[networks.first][1])
    ports = [{"name": "https", "port": 443, "targetPort": 6443}]
    return {"metadata": {"name": "kubernetes", "labels": labels}, "spec": {"clusterIP": first, "ports": ports}}


def _tls(options: Options) -> ssl.SSLContext | None:
    if not options.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert, options.tls_key or None)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _listen(options: Options, server: Server) -> list[asyncio.AbstractServer]:
    tls = _tls(options)
    wanted: list[Awaitable[asyncio.AbstractServer]] = [
        asyncio.start_server(server.handle, sock=sock, ssl=tls) for sock in options.sockets
    ]
    listen = options.listen or (() if options.sockets else (("127.0.0.1", 0),))
    wanted += [asyncio.start_server(server.handle, host, port, ssl=tls) for host, port in listen]
    return [await one for one in wanted]


@contextlib.asynccontextmanager
async def serve(options: Options | None = None) -> AsyncIterator[Server]:
    """A server for the time of the block."""
    options = options or Options()
    store = new_store(options)
    gate = Gate(options.bookmark_every)
    faults = Faults(store, gate)
    api = Api(store, gate, faults, options.token)
    server = Server("", store, faults, api, [], api, options.token)
    settings = Settings(options.kubelet == INSTANT, options.node_grace, options.pod_grace, options.pod_networks)
    controllers = Controllers(store, settings)
    sockets = await _listen(options, server)
    server.addresses = [one.getsockname()[:2] for s in sockets for one in getattr(s, "sockets", ())]
    scheme = "https" if options.tls_cert else "http"
    server.url = f"{scheme}://{_shown(*server.addresses[0])}"
    running = asyncio.ensure_future(controllers.run())
    try:
        yield server
    finally:
        for one in sockets:
            one.close()
        await server.drop_connections()
        await end({running})
        for one in sockets:
            await one.wait_closed()


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
