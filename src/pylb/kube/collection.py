"""One kind of objects, kept like the API server has it: list, then watch, for ever, through whatever it does.

It keeps decoded values only, and decides nothing about them. How it survives: pages of 500, bookmarks, watches that
end by themselves after 240 to 300 s, an idle deadline, a new list after 410, and the pace of `kube.backoff`.
"""

from __future__ import annotations

import asyncio
import logging
import random as _random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from pylb.kube.backoff import Backoff, Pace
from pylb.kube.client import JSON, Client, Query
from pylb.kube.errors import ClusterError, Gone, Invalid, NotFound, ServerError, cut
from pylb.kube.listing import BOOKMARK, DELETED, object_key, read_event, read_page
from pylb.kube.refusal import Refusal, told
from pylb.kube.statistics import Statistics

T = TypeVar("T")

PAGE = 500  # objects a page of a list; what client-go's reflectors use too
PAGES_MAX = 400  # pages of one list: 200,000 objects
WATCH_SECONDS = (240, 300)  # seconds after which a watch ends by itself, a new number in between each time
WATCH_IDLE = WATCH_SECONDS[1] + 30.0  # seconds of silence: bookmarks are not owed; `dial` notices hosts that are gone
ABSENT_PAUSE_EARLY = 2.0  # seconds between two looks for a kind that does not exist, in the first minute
ABSENT_PAUSE = 5.0  # seconds, after it
ABSENT_EARLY = 60.0  # seconds
BREATH = 64  # objects after which other tasks get their turn
_LIST_AGAIN = ("NotJSON", "TooLarge")  # reasons of a ServerError after which the same watch would fail again

log = logging.getLogger(__name__)


class Collection(Generic[T]):
    """The objects of one path, decoded, by key.

    `decode` makes a value of an object's JSON, or None for one that is of no interest; whatever it raises is counted,
    logged, and leaves the last value of that object. `on_change(key, old, new)` is called for each change of a value,
    not for equal ones, and `on_synced` once, after the first complete list; what they raise ends `run`. `on_refused` is
    called once if the right to read the kind is missing for REFUSED, before it was read ever. `selector` is
    a label selector, `query` what else is asked (a fieldSelector). Times are seconds.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        decode: Callable[[JSON], T | None],
        *,
        key: Callable[[JSON], str] | None = None,
        selector: str | None = None,
        query: Query | None = None,
        on_change: Callable[[str, T | None, T | None], None] | None = None,
        on_synced: Callable[[], None] | None = None,
        on_refused: Callable[[], None] | None = None,
        idle: float = WATCH_IDLE,
        pace: Pace | None = None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.path = path
        self.items: dict[str, T] = {}
        self.stale_since: float | None = None
        self._client = client
        self._decode = decode
        self._key = key or object_key
        self._query = {**(query or {}), "labelSelector": selector}
        self._on_change = on_change
        self._on_synced, self._on_refused = on_synced, on_refused
        self._idle = idle
        self._random = random
        self._backoff = Backoff(random, pace)
        self._pace = pace or Pace()
        self._version: str | None = None  # resourceVersion to watch from; None: list first
        self._absent_since: float | None = None
        self._refusal = Refusal()
        self._missing_since: float | None = None  # when a kind that had objects was first not found
        self._listed_at = float("-inf")  # when it was read completely
        self._troubled = False  # the outage that lasts was logged
        self._synced = asyncio.Event()
        self._statistics = Statistics()

    @property
    def synced(self) -> bool:
        """The first list is complete (or the kind does not exist); it stays so. See `stale_since` too."""
        return self._synced.is_set()

    @property
    def absent(self) -> bool:
        """The API server does not know the kind (yet)."""
        return self._absent_since is not None

    @property
    def refused(self) -> bool:
        """It was never read, for want of the right to; it is asked for on and on."""
        return self._refusal.believed and not self.synced

    def statistics(self) -> Statistics:
        """A snapshot."""
        return self._statistics

    async def wait_synced(self) -> None:
        """Waits for the first complete list."""
        await self._synced.wait()

    async def run(self) -> None:
        """Lists and watches until it is cancelled. `stale_since` is loop time; None while a watch is open."""
        self.stale_since = _now()
        while True:
            try:
                if self._version is None:
                    self._version = await self._list()
                await self._watch(self._version)
            except NotFound as error:
                if self._is_believed():
                    self._is_absent()
                else:
                    self._failed(error)
            except ClusterError as error:
                self._failed(error)
            await asyncio.sleep(0)

    async def _list(self) -> str:
        """Reads all pages; what is in none of them is gone. Gives the version to watch from."""
        seen: set[str] = set()
        query: dict[str, str | int | None] = {**self._query, "limit": PAGE}
        await self._turn()
        for _ in range(PAGES_MAX):
            page = read_page(await self._client.get(self.path, query, tries=1))
            for number, raw in enumerate(page.items):
                seen.add(self._put(raw) or "")
                if number % BREATH == BREATH - 1:
                    await asyncio.sleep(0)
            if not page.token:
                break
            query["continue"] = page.token
            self._count(requests=1)  # no new attempt, and not waited for: the page before came
        else:
            raise ServerError(f"a list of more than {PAGES_MAX} pages", reason="TooLarge")
        for key in [key for key in self.items if key not in seen]:
            self._set(key, None)
        self._absent_since = self._missing_since = None
        self._listed_at = _now()
        self._count(lists=1)
        self._is_synced()
        return page.version

    async def _watch(self, version: str) -> None:
        """Follows changes until the watch ends, which it does sooner or later, well or badly."""
        low, high = WATCH_SECONDS
        query = {
            **self._query,
            "watch": True,
            "resourceVersion": version,
            "allowWatchBookmarks": True,
            "timeoutSeconds": int(low + (high - low) * self._random()),
        }
        await self._turn()
        async with self._client.stream(self.path, query, idle=self._idle) as events:
            opened = _now()
            self.stale_since = None
            self._count(watches=1)
            try:
                await self._follow(events)
            finally:
                self._ended(opened)
        self._backoff.failed(_now())  # no error, but never again at once: the server may do so for ever

    def _ended(self, opened: float) -> None:
        """The watch is over; one that lived long enough was a good one."""
        self.stale_since = now = _now()
        if now - opened >= self._pace.healthy_after:
            self._backoff.healthy()
            self._troubled = False

    async def _follow(self, events: AsyncIterator[JSON]) -> None:
        number = 0
        async for event in events:
            self._apply(event)
            number += 1
            if number % BREATH == 0:
                await asyncio.sleep(0)

    def _apply(self, raw: JSON) -> None:
        event = read_event(raw)
        if event.kind == BOOKMARK:
            self._count(bookmarks=1)
        else:
            self._count(events=1)
            if event.kind == DELETED:
                self._drop(event.object)
            else:
                self._put(event.object)
        self._version = event.version or self._version

    def _put(self, raw: JSON) -> str | None:
        """Takes an object in; gives its key, if it has one."""
        key = None
        try:
            key = self._key(raw)
            value = self._decode(raw)
        except Exception as error:  # noqa: BLE001 - one object that cannot be read must not hide the others
            self._undecodable(key, error)
            return key
        self._set(key, value)
        return key

    def _drop(self, raw: JSON) -> None:
        try:
            key = self._key(raw)
        except Exception as error:  # noqa: BLE001 - as above
            self._undecodable(None, error)
        else:
            self._set(key, None)

    def _undecodable(self, key: str | None, error: Exception) -> None:
        self._count(undecodable=1)
        fields = {"path": self.path, "key": key, "error": cut(str(error))}
        log.warning("an object cannot be read", extra={"fields": fields})

    def _set(self, key: str, new: T | None) -> None:
        old = self.items.get(key)
        if old == new:
            return
        self._count(changes=1)
        if new is None:
            del self.items[key]
        else:
            self.items[key] = new
        if self._on_change is not None:
            self._on_change(key, old, new)

    async def _turn(self) -> None:
        """Waits until the next list or watch may start."""
        await asyncio.sleep(self._backoff.wait(_now()))
        self._backoff.started(_now())
        self._count(requests=1)

    def _failed(self, error: ClusterError) -> None:
        now = _now()
        forgotten = isinstance(error, Gone) and self._version is not None  # a watch, and not the list
        if isinstance(error, (Gone, Invalid)) or error.reason in _LIST_AGAIN:
            self._version = None
        if self.stale_since is None:
            self.stale_since = now
        if not self._troubled:
            self._troubled = True
            fields = {"path": self.path, "error": str(error), "status": error.status}
            log.warning(f"{told(error)}; trying again", extra={"fields": fields})
        if self._refusal.note(error, now) and not self.synced and self._on_refused is not None:
            self._on_refused()
        if forgotten and now - self._listed_at >= self._pace.healthy_after:
            self._backoff.healthy()  # the API server started anew, and is well: what it wants is a list, not patience
            self._backoff.pause(now, 0.0)
        else:
            self._backoff.failed(now, error.retry_after)
        self._count(failures=1, last_error=str(error))

    def _is_synced(self) -> None:
        first = not self._synced.is_set()
        self._synced.set()
        if first and self._on_synced is not None:
            self._on_synced()

    def _is_believed(self) -> bool:
        """Whether a 404 means that the kind is gone; an API server that starts may not know its CRDs yet."""
        if not self.items:
            return True
        now = _now()
        if self._missing_since is None:
            self._missing_since = now
        return now - self._missing_since >= self._pace.gone_after

    def _is_absent(self) -> None:
        """The kind does not exist: an empty collection, looked for again."""
        now = _now()
        if self._absent_since is None:
            self._absent_since = now
        self._version = None
        for key in list(self.items):
            self._set(key, None)
        self._is_synced()
        self.stale_since = None
        early = now - self._absent_since < ABSENT_EARLY
        self._backoff.healthy()
        self._backoff.pause(now, ABSENT_PAUSE_EARLY if early else ABSENT_PAUSE)

    def _count(self, *, last_error: str | None = None, **by: int) -> None:
        now = self._statistics
        changed: dict[str, Any] = {name: getattr(now, name) + number for name, number in by.items()}
        if last_error is not None:
            changed["last_error"] = last_error
        self._statistics = replace(now, **changed)


def _now() -> float:
    return asyncio.get_running_loop().time()
