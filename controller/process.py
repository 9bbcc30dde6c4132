"""The controller as a process: credentials, the HTTP endpoints, and what to say when it cannot start."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

from pylb.controller import metrics
from pylb.controller.app import Controller
from pylb.controller.mandate import Alone, Holder, Mandate
from pylb.controller.state import describe
from pylb.core.lease import Identity
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.configuration import OWN_NAMESPACE
from pylb.kube.errors import NoCluster
from pylb.runtime import garbage
from pylb.runtime.endpoints import OPEN, routes
from pylb.runtime.eventlog import EventLog
from pylb.runtime.http import Routes, Server
from pylb.runtime.log import Logger
from pylb.runtime.metrics import Registry

FINE, CANNOT_BIND = 0, 2  # exit codes; without a cluster it is `NoCluster.exit_code`
HTTP_PORT = 7473
LIFE_BYTES = 4  # random ones that tell the lives of one name apart


@dataclass(frozen=True, slots=True)
class Settings:
    """The flags of `pylb controller`."""

    bind: str = ""  # where HTTP is served; "" is everywhere
    port: int = HTTP_PORT
    load_balancer_class: str | None = None
    token: str | None = None  # what readers of /metrics, /state and /events show; None: nobody may
    namespace: str = OWN_NAMESPACE  # where status objects are written, and the Lease stands
    pod: str = ""  # the pod that this process runs in
    lease: bool = True  # other controllers may run: only the one that holds the Lease writes


async def serve(settings: Settings, kubeconfig: str | None, stop: asyncio.Event) -> int:
    """Run the controller until `stop`; gives the exit code."""
    garbage.begin()
    try:
        found = credentials.load(kubeconfig)
    except NoCluster as error:
        print(f"pylb controller: {error}", file=sys.stderr)
        return error.exit_code
    log = Logger("controller")
    async with Client(found, user_agent="pylb-controller") as client:
        controller = Controller(
            client,
            EventLog(int(time.time() * 1000)),
            log,
            settings.load_balancer_class,
            namespace=settings.namespace,
            pod=settings.pod,
            mandate=_mandate(settings, client, log),
        )
        server = Server(_routes(controller), token=settings.token, open_paths=OPEN)
        try:
            port = await server.start(settings.bind, settings.port)
        except OSError as error:
            where = f"{settings.bind or '*'}:{settings.port}"
            print(f"pylb controller: cannot listen on {where}: {error.strerror}", file=sys.stderr)
            return CANNOT_BIND
        log.info("started", server=found.server, port=port)
        try:
            await controller.run(stop)
        finally:
            await server.close()
    return FINE


def _mandate(settings: Settings, client: Client, log: Logger) -> Mandate:
    """A pod's name is its own for all its lives, one after the other; a machine's may be several processes'."""
    if not settings.lease:
        return Alone()
    life = secrets.token_hex(LIFE_BYTES)
    identity = Identity(settings.pod or socket.gethostname(), life, unique=bool(settings.pod))
    return Holder(client, settings.namespace, identity, log)


def _routes(controller: Controller) -> Routes:
    registry = Registry()
    metrics.register(registry, controller)

    def state() -> dict[str, Any]:
        configuration = controller.configuration
        contests, now = controller.rivals.contests, asyncio.get_running_loop().time()
        seat, books = controller.mandate.seat(), controller.books
        told = configuration.current, configuration.problems
        return describe(seat, books, *told, contests, now, configuration.salvaged, configuration.warnings)

    return routes(registry, state, controller.events, lambda: controller.ready)
