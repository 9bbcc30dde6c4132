"""The four paths that every daemon of pylb serves: /healthz, /metrics, /state and /events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pylb.runtime.eventlog import EventLog
from pylb.runtime.http import Request, Response, Routes, stream_events
from pylb.runtime.metrics import CONTENT_TYPE, Registry


def routes(registry: Registry, state: Callable[[], Any], events: EventLog) -> Routes:
    """The routes of a daemon: its metrics, its `state` as JSON when it is asked for, and its events."""

    async def healthz(request: Request) -> Any:
        return b"ok\n"

    async def metrics_text(request: Request) -> Any:
        return Response(200, registry.render().encode(), CONTENT_TYPE)

    async def tell_state(request: Request) -> Any:
        return state()

    return {"/healthz": healthz, "/metrics": metrics_text, "/state": tell_state, "/events": stream_events(events)}
