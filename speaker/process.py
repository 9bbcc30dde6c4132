"""The speaker as a process: credentials, the HTTP endpoints, and what to say when it cannot start."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.errors import NoCluster
from pylb.runtime.endpoints import routes
from pylb.runtime.eventlog import EventLog
from pylb.runtime.http import Routes, Server
from pylb.runtime.log import Logger
from pylb.runtime.metrics import Registry
from pylb.speaker import metrics
from pylb.speaker.app import Speaker
from pylb.speaker.heartbeat import Keys, clock
from pylb.speaker.settings import Settings
from pylb.speaker.state import describe

FINE, CANNOT_BIND, UNREACHABLE = 0, 2, 3  # exit codes


async def serve(settings: Settings, secret: bytes, kubeconfig: str | None, stop: asyncio.Event) -> int:
    """Run the speaker until `stop`; gives the exit code."""
    try:
        found = credentials.load(kubeconfig)
    except NoCluster as error:
        print(f"pylb speaker: {error}", file=sys.stderr)
        return UNREACHABLE
    log = Logger("speaker")
    async with Client(found, user_agent="pylb-speaker") as client:
        speaker = Speaker(settings, client, Keys(secret), EventLog(int(time.time() * 1000)), log)
        try:
            speaker.heartbeat.open("0.0.0.0", settings.beat_port)
            server = Server(_routes(speaker), token=settings.token)
            await server.start(settings.bind, settings.port)
        except OSError as error:
            where = f"UDP {settings.beat_port} and TCP {settings.bind or '*'}:{settings.port}"
            print(
                f"pylb speaker: cannot listen on {where}: {error.strerror}; is another speaker running?",
                file=sys.stderr,
            )
            return CANNOT_BIND
        log.info("started", node=settings.node, server=found.server, port=settings.port)
        try:
            await speaker.run(stop)
        finally:
            await server.close()
    return FINE


def _routes(speaker: Speaker) -> Routes:
    registry = Registry()
    metrics.register(registry, speaker)

    def state() -> dict[str, Any]:
        return describe(
            speaker.membership,
            speaker.ownership.lines.values(),
            speaker.announcer.placements,
            speaker.announcer.refused,
            speaker.world.configuration.problems,
            clock(),
        )

    return routes(registry, state, speaker.events)
