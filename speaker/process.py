"""The speaker as a process: credentials, the HTTP endpoints, and what to say when it cannot start."""

from __future__ import annotations

import asyncio
import errno
import sys
import time
from collections.abc import Callable
from typing import Any

from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.errors import NoCluster
from pylb.runtime.endpoints import OPEN, routes
from pylb.runtime.eventlog import EventLog
from pylb.runtime.http import Routes, Server
from pylb.runtime.log import Logger
from pylb.runtime.metrics import Registry
from pylb.runtime.secretfile import SecretFile
from pylb.speaker import metrics
from pylb.speaker.app import HANDOVER, Speaker
from pylb.speaker.heartbeat import clock
from pylb.speaker.keyring import MIN_BYTES, Keyring
from pylb.speaker.settings import Settings
from pylb.speaker.state import describe

FINE, CANNOT_BIND = 0, 2  # exit codes; without a cluster it is `NoCluster.exit_code`
PREDECESSOR = HANDOVER + 1.0  # s that the ports of a speaker that ends are waited for
AGAIN = 0.1  # s between two tries


async def serve(settings: Settings, secret: bytes, kubeconfig: str | None, stop: asyncio.Event) -> int:
    """Run the speaker until `stop`; gives the exit code."""
    try:
        found = credentials.load(kubeconfig)
    except NoCluster as error:
        print(f"pylb speaker: {error}", file=sys.stderr)
        return error.exit_code
    log = Logger("speaker")
    async with Client(found, user_agent="pylb-speaker") as client:
        speaker = Speaker(settings, client, Keyring(secret), EventLog(int(time.time() * 1000)), log)
        try:
            server = Server(_routes(speaker), token=_token(settings), open_paths=OPEN)
            await _listen(speaker, server, settings)
        except OSError as error:
            where = f"UDP {settings.beat_port} and TCP {settings.bind or '*'}:{settings.port}"
            print(
                f"pylb speaker: cannot listen on {where}: {error.strerror}; is another speaker running?",
                file=sys.stderr,
            )
            return CANNOT_BIND
        log.info("started", node=settings.node, server=found.server, port=settings.port)
        try:
            await speaker.run(stop, SecretFile(settings.key_file, secret, MIN_BYTES) if settings.key_file else None)
        finally:
            await server.close()
    return FINE


async def _listen(speaker: Speaker, server: Server, settings: Settings) -> None:
    """Take the ports; OSError if they are another's for long: the speaker before this one goes on while it hands over."""
    end = clock() + PREDECESSOR
    while True:
        try:
            speaker.heartbeat.open("0.0.0.0", settings.beat_port)
            await server.start(settings.bind, settings.port)
            return
        except OSError as error:
            speaker.heartbeat.close()
            if error.errno != errno.EADDRINUSE or clock() >= end:
                raise
        await asyncio.sleep(AGAIN)


def _token(settings: Settings) -> Callable[[], str | None]:
    """What readers have to show now: the Secret that it comes from may be another than at the start."""
    if settings.token is None or not settings.token_file:
        return lambda: settings.token
    file = SecretFile(settings.token_file, settings.token.encode())
    return lambda: file.look().decode("utf-8", "replace")


def _routes(speaker: Speaker) -> Routes:
    registry = Registry()
    metrics.register(registry, speaker)

    def state() -> dict[str, Any]:
        return describe(
            speaker.arbiter,
            speaker.announcer.placements,
            speaker.announcer.refused,
            speaker.world.configuration.problems,
            clock(),
            speaker.heartbeat.strangers.nodes(clock()),
            speaker.world.partial,
        )

    return routes(registry, state, speaker.events, lambda: speaker.ready)
