"""Watch streams: from a version on, each change that concerns the watcher, one JSON object a line.

A watcher holds no queue, only the last version that it has told; who falls behind the ring is told 410.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from pylb.embedded import tables
from pylb.embedded.errors import JSON, expired
from pylb.embedded.history import ADDED, DELETED, MODIFIED, Change
from pylb.embedded.http import wait_set
from pylb.embedded.messages import JSON_TYPE, Request, Response
from pylb.embedded.reads import Target, check_initial, selection, version_of
from pylb.embedded.store import Store

DEFAULT_TIMEOUT_S = 1800.0  # of a watch that names none; the real server takes 30 to 60 minutes
BATCH = 256  # changes put into one chunk
BOOKMARK = "BOOKMARK"
INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(slots=True)
class Gate:
    """What all watches share: bookmarks come every `bookmark_every` seconds; the rest are switches for tests.

    `epoch` counts how often all watches were dropped; while `frozen`, watches stay open and say nothing.
    """

    bookmark_every: float = 60.0
    epoch: int = 0
    frozen: bool = False
    wakers: set[asyncio.Event] = field(default_factory=set)

    def wake(self) -> None:
        """Have all watches look again."""
        for waker in self.wakers:
            waker.set()


@dataclass(slots=True)
class Watch:
    """One watch: its target, and what it has told so far."""

    store: Store
    gate: Gate
    target: Target
    request: Request
    match: Callable[[JSON], bool]
    told: int
    columns_told: bool = False

    def line(self, what: str, obj: JSON) -> bytes:
        """One event as it stands on the wire."""
        if tables.wanted(self.request) and what not in (BOOKMARK, "ERROR"):
            version = obj["metadata"]["resourceVersion"]
            obj = tables.table(self.target.resource, [obj], version, self.store.clock(), self.request)
            if self.columns_told:
                obj = {**obj, "columnDefinitions": None}
            self.columns_told = True
        return json.dumps({"type": what, "object": obj}, separators=(",", ":")).encode() + b"\n"

    def bookmark(self, annotations: JSON | None = None) -> bytes:
        """A bookmark at the version that was told last."""
        resource = self.target.resource
        meta = {
            "resourceVersion": str(self.told),
            "creationTimestamp": None,
            **({"annotations": annotations} if annotations else {}),
        }
        parts: JSON = {} if resource.custom else {"spec": {}, "status": {}}
        return self.line(
            BOOKMARK, {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta, **parts}
        )

    def initial(self) -> bytes:
        """What is there already, each object as ADDED."""
        resource = self.target.resource
        found = filter(self.match, self.store.objects(resource, self.target.namespace))
        return b"".join(self.line(ADDED, resource.view(obj)) for obj in found)

    def news(self) -> bytes | None:
        """The changes since the last look, a batch at most; None if they are no longer known."""
        history = self.store.history
        if not history.knows(self.told) or self.told < self.store.registry.born.get(self.target.resource.key, 0):
            return None
        lines: list[bytes] = []
        for change in history.since(self.told):
            self.told = change.version
            if change.resource == self.target.resource.key and (what := self.kind(change)):
                lines.append(self.line(what, self.target.resource.view(change.new)))
                if len(lines) == BATCH:
                    break
        return b"".join(lines)

    def kind(self, change: Change) -> str:
        """What a change is to this watcher: an object that enters a selector is ADDED, one that leaves is DELETED."""
        after = change.type != DELETED and self.match(change.new)
        before = change.old is not None and self.match(change.old)
        if after:
            return MODIFIED if before else ADDED
        return DELETED if before else ""


def watch(store: Store, gate: Gate, target: Target, request: Request) -> Response:
    """The response of a watch; a version that is too old gets an ERROR event of code 410 within a 200."""
    match = selection(target, request)
    version = version_of(request)
    check_initial(request, watching=True)
    state = Watch(store, gate, target, request, match, store.version if version is None else version)
    return Response(200, content_type=JSON_TYPE, stream=_stream(state, from_start=version is None))


def _seconds(request: Request) -> float:
    text = request.query.get("timeoutSeconds", "")
    return float(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else DEFAULT_TIMEOUT_S


async def _stream(state: Watch, *, from_start: bool) -> AsyncGenerator[bytes, None]:
    asked = state.request.flag("sendInitialEvents")
    silent = state.request.query.get("sendInitialEvents", "").lower() in ("false", "0")
    if (from_start and not silent) or asked:
        state.told = state.store.version
        first = state.initial()
        if asked and state.request.flag("allowWatchBookmarks"):
            first += state.bookmark(INITIAL_END)
        if first:
            yield first
    waker = asyncio.Event()
    stop = state.store.listen(state.target.resource.key, lambda change: waker.set())
    state.gate.wakers.add(waker)
    try:
        async for chunk in _follow(state, waker):
            yield chunk
    finally:
        stop()
        state.gate.wakers.discard(waker)


async def _follow(state: Watch, waker: asyncio.Event) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    end = loop.time() + _seconds(state.request)
    marks = state.request.flag("allowWatchBookmarks")
    mark_at = loop.time() + state.gate.bookmark_every
    epoch = state.gate.epoch
    while epoch == state.gate.epoch and (now := loop.time()) < end:
        waker.clear()
        news = b"" if state.gate.frozen else state.news()
        if news is None:
            oldest = max(state.store.history.oldest(), state.store.registry.born.get(state.target.resource.key, 0))
            yield state.line("ERROR", expired(f"too old resource version: {state.told} ({oldest})").body())
            return
        if news:
            yield news
            continue
        if marks and now >= mark_at and not state.gate.frozen:
            mark_at = now + state.gate.bookmark_every
            yield state.bookmark()
        await wait_set(waker, min(end, mark_at if marks else end) - now)
    if marks and epoch == state.gate.epoch and not state.gate.frozen:
        yield state.bookmark()
