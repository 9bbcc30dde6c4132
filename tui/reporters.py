"""One pod of pylb's, asked through the API server's pod proxy: `/state` now and then, `/events` as they come.

A pod that cannot be asked is asked again, more and more seldom; nothing here ends but by being cancelled. A speaker
is called silent only if it was heard before: where the proxy is forbidden, the screen shows less, not an alarm.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from pylb.core import events
from pylb.core.model import Pod
from pylb.core.places import OWN_NAMESPACE
from pylb.kube.client import Client
from pylb.kube.decode import DecodeError
from pylb.kube.errors import ClusterError, Forbidden, Unauthorized
from pylb.tui import decoders
from pylb.tui.facts import ControllerHeard, ControllerSilent, SpeakerHeard, SpeakerSilent
from pylb.tui.seams import Put

COMPONENT = "app.kubernetes.io/component"
PORTS = {"speaker": 7472, "controller": 7473}
SECRET = f"/api/v1/namespaces/{OWN_NAMESPACE}/secrets/pylb-reader"
TOKEN_HEADER = "X-Pylb-Token"  # noqa: S105 - the header's name; a pod proxy strips Authorization
STATE_S = 2.0  # between two looks at a speaker's state; an event makes the next one come at once
CONTROLLER_STATE_S = 5.0  # the same for a controller's, which lists all Services
STATE_DEADLINE_S = 1.5
SETTLE_S = 0.1  # after an event: others follow it
MISSES = 3  # answers that may be missed before a speaker is called silent: its peers usually say so sooner
IDLE_S = 40.0  # a stream of events sends an empty line every 15 s
_PASSING = re.compile(rb'"last_heard_ms": *[0-9]+')  # differs each time, and means nothing to the screen
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # before a stream is tried again


class Token:
    """The readers' token from its Secret; read again when it was refused."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._headers: Mapping[str, str] | None = None

    async def headers(self) -> Mapping[str, str]:
        """What to send along; nothing where the Secret is missing or may not be read."""
        known = self._headers
        if known is None:
            known = self._headers = await self._read()
        return known

    def refused(self) -> None:
        """The token was not taken."""
        self._headers = None

    async def _read(self) -> Mapping[str, str]:
        try:
            raw = await self._client.get(SECRET)
            token = base64.b64decode(raw["data"]["token"], validate=True).decode("ascii").strip()
        except (ClusterError, KeyError, TypeError, AttributeError, ValueError, binascii.Error):
            return {}
        return {TOKEN_HEADER: token} if token else {}


def _mark(raw: bytes) -> bytes:
    """The same for all that means the same to the screen; what stands between is not copied: it may be megabytes."""
    digest, view, first = hashlib.blake2b(digest_size=16), memoryview(raw), 0
    for found in _PASSING.finditer(raw):
        digest.update(view[first : found.start()])
        first = found.end()
    digest.update(view[first:])
    return digest.digest()


class Reporter:
    """Asks one pod for as long as `run` runs."""

    def __init__(self, client: Client, token: Token, pod: Pod, put: Put, now: Callable[[], float]) -> None:
        self._client, self._token, self._put, self._now = client, token, put, now
        self._node, self._pod = str(pod.node or ""), f"{pod.namespace}/{pod.name}"
        self._component = pod.labels.get(COMPONENT, "")
        self._base = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}:{PORTS[self._component]}/proxy"
        self._stirred = asyncio.Event()
        self._known: SpeakerHeard | ControllerHeard | None = None  # what it told last, made of what has this mark
        self._mark = b""
        self._heard = False
        self._missed = 0

    async def run(self) -> None:
        """Hand over what the pod tells until cancelled."""
        pause = STATE_S if self._component == "speaker" else CONTROLLER_STATE_S
        await asyncio.gather(self._watch_state(pause), self._watch_events())

    async def _watch_state(self, pause: float) -> None:
        while True:
            await self._look()
            try:
                await asyncio.wait_for(self._stirred.wait(), pause)
                await asyncio.sleep(SETTLE_S)
            except asyncio.TimeoutError:
                pass
            self._stirred.clear()

    async def _look(self) -> None:
        try:
            headers = await self._token.headers()
            raw = await self._client.text(f"{self._base}/state", headers=headers, deadline=STATE_DEADLINE_S)
            self._hear(raw)
        except (ClusterError, DecodeError) as error:
            self._miss(error)

    def _hear(self, raw: bytes) -> None:
        """Hand over what a pod told of its state; what it told before is not read again. Raises DecodeError."""
        mark = _mark(raw)
        if self._known is None or mark != self._mark:
            self._known, self._mark = self._read(raw), mark
        self._put(replace(self._known, at=self._now()))
        self._heard, self._missed = True, 0

    def _read(self, raw: bytes) -> SpeakerHeard | ControllerHeard:
        told = decoders.loaded(raw)
        if self._component == "speaker":
            return SpeakerHeard(0.0, decoders.snapshot(told))
        return ControllerHeard(0.0, decoders.contests(told), decoders.seat(told, self._pod, self._node))

    def _miss(self, error: Exception) -> None:
        if isinstance(error, (Forbidden, Unauthorized)):
            self._token.refused()
        self._missed += 1
        if not self._heard or self._missed < MISSES:
            return
        if self._component == "speaker":
            self._put(SpeakerSilent(self._now(), self._node, str(error)))
        else:
            self._put(ControllerSilent(self._now(), self._pod, str(error)))

    async def _watch_events(self) -> None:
        """Read the stream from its start each time: a restarted pod counts anew, and the store knows what it knows."""
        failures = 0
        while True:
            try:
                headers = await self._token.headers()
                async with self._client.stream(f"{self._base}/events", idle=IDLE_S, headers=headers) as lines:
                    async for raw in lines:
                        failures = 0
                        self._tell(raw)
            except (Forbidden, Unauthorized):
                self._token.refused()
            except ClusterError:
                pass  # the pod is away: `/state` says so
            await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
            failures += 1

    def _tell(self, raw: object) -> None:
        if isinstance(raw, Mapping):
            self._put(events.decode(raw))
            self._stirred.set()
