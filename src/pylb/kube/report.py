"""Tells the API what a component makes of the configuration: its ConfigurationState, current and never unchanged.

What it says is decided in `core.verdicts`. The object is read before it is written, so that one that stands as it
should costs no write, and again once a minute, so that one that somebody deleted or changed comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping

from pylb.core import verdicts
from pylb.core.verdicts import Component
from pylb.kube.client import JSON, Client
from pylb.kube.comparison import merged, would_change
from pylb.kube.configuration import Configuration
from pylb.kube.dial import within
from pylb.kube.errors import ClusterError
from pylb.kube.owners import Owner
from pylb.kube.write import get_or_create, patch_status

DEBOUNCE = 1.0  # s from a change to the write: a manifest of ten objects is ten changes
LOOK_AGAIN = 60.0  # s after which it is read again, though nothing changed: no daemon may watch these objects
AGAIN = 5.0  # s after a failed one, such as while the kind is not installed
TIME = "%Y-%m-%dT%H:%M:%SZ"

log = logging.getLogger(__name__)


class Report:
    """Keeps one component's ConfigurationState."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        pod: str,
        component: Component,
        configuration: Configuration,
        clock: Callable[[], float] = time.time,
        notes: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`pod` will own the object; `clock` gives Unix seconds; `notes` are what else it is to tell, as annotations."""
        self._notes = notes
        self._client, self._component, self._configuration, self._clock = client, component, configuration, clock
        self._owner = Owner(client, namespace, pod)
        self._path = f"/apis/{verdicts.API_VERSION}/namespaces/{namespace}/configurationstates/{component.name}"
        self._due = asyncio.Event()
        self._seen: object = None
        self._failure = ""

    def consider(self) -> None:
        """The configuration may have changed."""
        if not self._configuration.synced:
            return
        seen = (verdicts.summary(self._configuration.problems), frozenset(self._configuration.current.pools))
        if seen != self._seen:
            self._seen = seen
            self._due.set()

    def again(self) -> None:
        """What else it is to tell may have changed."""
        self._due.set()

    async def run(self) -> None:
        """Keep it for ever; once more from the start each time, since another process may have written meanwhile."""
        if self._seen is not None:
            self._due.set()
        while True:
            await self._turn()
            self._due.clear()
            try:
                await self._write()
                self._failure = ""
            except ClusterError as error:
                self._complain(str(error))
                self._due.set()
                await asyncio.sleep(AGAIN)

    async def _turn(self) -> None:
        """Wait for a change; once there was one, not for ever."""
        if self._seen is None:
            await self._due.wait()
        with contextlib.suppress(asyncio.TimeoutError):
            await within(LOOK_AGAIN, self._due.wait())
            await asyncio.sleep(DEBOUNCE)

    async def _write(self) -> None:
        body = verdicts.body(self._component, await self._owner.reference(), self._notes())
        current, created = await get_or_create(self._client, self._path, body)
        if not created and would_change(current, body):
            current = await self._client.patch(self._path, merged(body, {"metadata": _version(current)}))
        now = time.strftime(TIME, time.gmtime(self._clock()))
        standing = current.get("status") or {}
        wanted = verdicts.status(self._component, self._configuration.problems, standing, now)
        version = _version(current).get("resourceVersion")
        await patch_status(self._client, self._path, standing, wanted, version=version)

    def _complain(self, why: str) -> None:
        """Once, as long as it is the same."""
        if why != self._failure:
            self._failure = why
            log.warning("cannot write the ConfigurationState", extra={"fields": {"error": why}})


def _version(current: JSON) -> dict[str, str]:
    """The version that a write is to replace: a late one of a former leader must not stand there for a minute."""
    found = current.get("metadata", {}).get("resourceVersion")
    return {} if found is None else {"resourceVersion": found}
