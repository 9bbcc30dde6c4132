"""MetalLB's configuration as it stands in the cluster: both namespaces, custom resources and the old ConfigMap.

What the objects mean is decided in `core.config`. An invalid set leaves the last good one in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pylb.core import config
from pylb.core.config import EMPTY, Config, Problem
from pylb.core.legacy import Converted
from pylb.kube import decode
from pylb.kube.client import Client
from pylb.kube.collection import Collection

OWN_NAMESPACE = "pylb-system"  # where pylb's pods and status objects live
NAMESPACES = (OWN_NAMESPACE, "metallb-system")  # where the configuration is read from
POOLS = "/apis/metallb.io/v1beta1/ipaddresspools"
L2_ADVERTISEMENTS = "/apis/metallb.io/v1beta1/l2advertisements"

_NAMED_CONFIG = {"fieldSelector": f"metadata.name={decode.LEGACY_CONFIG_NAME}"}

JSON = Mapping[str, Any]


class Configuration:
    """Keeps the configuration current; `on_change` is called after each change of what `current` or `problems` say."""

    def __init__(self, client: Client, on_change: Callable[[], None]) -> None:
        self.current: Config = EMPTY
        self.loaded = False  # a good one was read; without one `current` is empty, and no address would seem allowed
        self.problems: tuple[Problem, ...] = ()
        self._on_change = on_change
        self._pools = self._watch(client, POOLS, _ours("IPAddressPool"))
        self._adverts = self._watch(client, L2_ADVERTISEMENTS, _ours("L2Advertisement"))
        self._namespaces = self._watch(client, "/api/v1/namespaces", decode.namespace)
        self._legacy = [
            self._watch(client, f"/api/v1/namespaces/{name}/configmaps", decode.legacy_config, _NAMED_CONFIG)
            for name in NAMESPACES
        ]

    @property
    def synced(self) -> bool:
        """Whether everything was read once."""
        return all(collection.synced for collection in self._all())

    @property
    def stale(self) -> bool:
        """Whether the last good configuration is in force instead of the one that stands there."""
        return bool(self.problems)

    async def run(self) -> None:
        """Keep it current for ever."""
        await asyncio.gather(*(collection.run() for collection in self._all()))

    def _watch(
        self, client: Client, path: str, read: Callable[[JSON], Any], query: JSON | None = None
    ) -> Collection[Any]:
        return Collection(client, path, read, on_change=self._changed, query=query or {}, on_synced=self._reload)

    def _all(self) -> Iterator[Collection[Any]]:
        yield from (self._pools, self._adverts, self._namespaces, *self._legacy)

    def _changed(self, key: str, old: object, new: object) -> None:
        self._reload()

    def _reload(self) -> None:
        if not self.synced:
            return
        old: list[Converted] = [made for collection in self._legacy for made in collection.items.values()]
        loaded = config.load(
            [*self._pools.items.values(), *(raw for made in old for raw in made.pools)],
            [*self._adverts.items.values(), *(raw for made in old for raw in made.advertisements)],
            self._namespaces.items.values(),
        )
        problems = (*(problem for made in old for problem in made.problems), *loaded.problems)
        if loaded.config is not None and not problems:
            self.current, self.loaded = loaded.config, True
        self.problems = problems
        self._on_change()


def _ours(kind: str) -> Callable[[JSON], JSON | None]:
    """Reads a resource of MetalLB's API if it stands in one of our namespaces; items of a list do not tell their kind."""

    def read(raw: JSON) -> JSON | None:
        ours = raw["metadata"].get("namespace") in NAMESPACES
        return decode.custom_resource({**raw, "apiVersion": "metallb.io/v1beta1", "kind": kind}) if ours else None

    return read
