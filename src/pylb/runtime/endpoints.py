"""The paths that every daemon of pylb serves: /healthz (it lives), /readyz (it can do its work), and, for who shows a
token, /metrics, /state and /events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pylb.runtime.eventlog import EventLog
from pylb.runtime.http import Request, Response, Routes, stream_events
from pylb.runtime.metrics import CONTENT_TYPE, Registry

OPEN = frozenset({"/healthz", "/readyz"})  # want no token: the kubelet has none
NOT_READY = b"no good configuration was read yet\n"


def routes(registry: Registry, state: Callable[[], Any], events: EventLog, ready: Callable[[], bool]) -> Routes:
    """The routes of a daemon: its metrics, its `state` as JSON when it is asked for, its events, and whether it is
    `ready`: it has read everything, a good configuration included (one without pools is good)."""

    async def healthz(request: Request) -> Any:
        return b"ok\n"

    async def readyz(request: Request) -> Any:
        return b"ok\n" if ready() else Response(503, NOT_READY)

    async def metrics_text(request: Request) -> Any:
        return Response(200, registry.render().encode(), CONTENT_TYPE)

    async def tell_state(request: Request) -> Any:
        return state()

    own = {"/metrics": metrics_text, "/state": tell_state, "/events": stream_events(events)}
    return {"/healthz": healthz, "/readyz": readyz, **own}
