"""The configuration as facts: as the daemons load it, or, where a part of it may not be read, what the rest says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pylb.core.config import loader as config
from pylb.core.config.loader import Objects
from pylb.core.config.objects import L2_ADVERTISEMENT, POOL
from pylb.kube import decode
from pylb.kube.client import JSON, Client, Query
from pylb.kube.collection import Collection
from pylb.kube.configuration import (
    API_VERSION,
    L2_ADVERTISEMENTS,
    NAMESPACES,
    POOLS,
    Configuration,
)
from pylb.kube.errors import ClusterError, Forbidden
from pylb.tui.facts import ConfigSeen, Kind, Listed
from pylb.tui.seams import Put

DOUBT_S = 0.5  # without a configuration it is asked what may be read of it
AGAIN_S = 2.0
LEGACY = tuple(f"/api/v1/namespaces/{name}/configmaps" for name in NAMESPACES)
NAMED = {"fieldSelector": f"metadata.name={decode.LEGACY_CONFIG_NAME}"}
SPACES = "/api/v1/namespaces"
WHOLE = (POOLS, L2_ADVERTISEMENTS, SPACES)  # what is listed as it is


async def refusal(client: Client, path: str, query: Query | None = None) -> str:
    """Why a list may not be read; "" where it may, or where that could not be found out."""
    try:
        await client.get(path, {**(query or {}), "limit": 1}, tries=1)
    except Forbidden as error:
        return str(error)
    except ClusterError:
        return ""
    return ""


class Settings:
    """Hands over the configuration whenever it changes, for as long as `run` runs."""

    def __init__(self, client: Client, put: Put) -> None:
        self._client, self._put = client, put

    async def run(self) -> None:
        """As the daemons do, unless something of it may not be read."""
        whole = Configuration(self._client, lambda: self._tell(whole))
        task = asyncio.ensure_future(whole.run())
        denied: dict[str, str] = {}
        try:
            await asyncio.sleep(DOUBT_S)
            while not whole.synced and not denied:
                denied = await self._denied()
                await asyncio.sleep(0.0 if denied else AGAIN_S)
            if not denied:
                await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._in_part(denied)

    def _tell(self, whole: Configuration) -> None:
        self._put(ConfigSeen(whole.current, tuple(map(str, whole.problems)), tuple(map(str, whole.warnings))))
        self._put(Listed(Kind.CONFIG))

    async def _denied(self) -> dict[str, str]:
        """What of it may not be read, and why."""
        asked = [refusal(self._client, path) for path in WHOLE]
        asked += [refusal(self._client, path, NAMED) for path in LEGACY]
        told = await asyncio.gather(*asked)
        return {path: why for path, why in zip((*WHOLE, *LEGACY), told, strict=True) if why}

    async def _in_part(self, denied: dict[str, str]) -> None:
        """What may be read of it; problems are for those who may read all to find."""
        self._put(Listed(Kind.CONFIG, available=POOLS not in denied, denied=next(iter(denied.values()))))
        parts: dict[str, Collection[JSON]] = {}

        def tell() -> None:
            if POOLS in parts and all(part.synced for part in parts.values()):
                found = {path: list(part.items.values()) for path, part in parts.items()}
                namespaces = map(decode.namespace, found.get(SPACES, ()))
                loaded = config.load(
                    Objects(pools=found[POOLS], advertisements=found.get(L2_ADVERTISEMENTS, ())), namespaces
                )
                self._put(ConfigSeen(loaded.config))

        parts.update((path, self._part(path, tell)) for path in WHOLE if path not in denied)
        await asyncio.gather(*(part.run() for part in parts.values()))

    def _part(self, path: str, tell: Callable[[], None]) -> Collection[JSON]:
        kind = {POOLS: POOL, L2_ADVERTISEMENTS: L2_ADVERTISEMENT}.get(path)

        def read(raw: JSON) -> JSON | None:
            if kind is None:
                return raw
            ours = raw["metadata"].get("namespace") in NAMESPACES
            return decode.custom_resource({**raw, "apiVersion": API_VERSION, "kind": kind}) if ours else None

        return Collection(self._client, path, read, on_change=lambda key, old, new: tell(), on_synced=tell)
