"""MetalLB's configuration as it stands in the cluster: both namespaces, custom resources and the old ConfigMap.

What the objects mean is decided in `core.config`. An invalid set leaves the last good one in force; a process that never
knew one goes by what `core.salvage` finds valid in it, or in that part of it which it has the right to read. The last
good one stays after the loss of a kind, too: what vanishes with its CustomResourceDefinition was not taken back by
anybody, and an API server that does not know the kinds yet does not say that there are no pools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pylb.core import config, salvage
from pylb.core.config import EMPTY, Config, Problem
from pylb.core.legacy import Converted
from pylb.core.model import ObjectRef
from pylb.kube import decode, kinds
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.errors import ClusterError, Forbidden

OWN_NAMESPACE = "pylb-system"  # where pylb's pods and status objects live
NAMESPACES = (OWN_NAMESPACE, "metallb-system")  # where the configuration is read from
API_VERSION = "metallb.io/v1beta1"
POOL, L2_ADVERTISEMENT = "IPAddressPool", "L2Advertisement"
RESOURCES = {POOL: "ipaddresspools", L2_ADVERTISEMENT: "l2advertisements"}
POOLS, L2_ADVERTISEMENTS = (f"/apis/{API_VERSION}/{name}" for name in RESOURCES.values())
CALM = 0.2  # s without a change, before what vanished, or came back with its kind, is believed
CALM_ROUNDS = 10  # of them at most: somebody may change things all the time
ASK_AGAIN = 1.0  # s until the API server is asked again for the kinds that it knows

_NAMED_CONFIG = {"fieldSelector": f"metadata.name={decode.LEGACY_CONFIG_NAME}"}

JSON = Mapping[str, Any]


class Configuration:
    """Keeps the configuration current; `on_change` is called after each change of what `current` or `problems` say."""

    def __init__(self, client: Client, on_change: Callable[[], None]) -> None:
        self.current: Config = EMPTY
        self.loaded = False  # a good one was read once
        self.salvaged = False  # `current` is what is valid of an invalid one: it lacks what addresses may stand in
        self.problems: tuple[Problem, ...] = ()
        self._client, self._on_change = client, on_change
        self._pools = self._watch(client, POOLS, _ours(POOL), self._on_resource)
        self._adverts = self._watch(client, L2_ADVERTISEMENTS, _ours(L2_ADVERTISEMENT), self._on_resource)
        self._namespaces = self._watch(client, "/api/v1/namespaces", decode.namespace, self._changed)
        self._legacy = [
            self._watch(
                client, f"/api/v1/namespaces/{name}/configmaps", decode.legacy_config, self._changed, _NAMED_CONFIG
            )
            for name in NAMESPACES
        ]
        self._doubted = asyncio.Event()  # it is not known what a change of resources means: nothing is loaded
        self._changes = 0  # of resources
        self._ending: frozenset[str] = frozenset()  # resources that the API server does not take, when it was asked
        self._lost = False

    @property
    def synced(self) -> bool:
        """Whether everything was read once that may be."""
        return all(collection.synced or collection.refused for collection in self._all())

    @property
    def usable(self) -> bool:
        """Whether there is anything to go by; without, `current` is empty, and no address would seem allowed."""
        return self.loaded or self.salvaged

    @property
    def stale(self) -> bool:
        """Whether the last good configuration, or a part, is in force instead of the one that stands there."""
        return bool(self.problems)

    async def run(self) -> None:
        """Keep it current for ever."""
        await asyncio.gather(self._judge(), *(collection.run() for collection in self._all()))

    def _watch(
        self,
        client: Client,
        path: str,
        read: Callable[[JSON], Any],
        on_change: Callable[[str, Any, Any], None],
        query: JSON | None = None,
    ) -> Collection[Any]:
        done = self._reload
        return Collection(client, path, read, on_change=on_change, query=query or {}, on_synced=done, on_refused=done)

    def _all(self) -> Iterator[Collection[Any]]:
        yield from (self._pools, self._adverts, self._namespaces, *self._legacy)

    def _on_resource(self, key: str, old: object, new: object) -> None:
        self._changes += 1
        if self.synced and (new is None or self._lost or self._ending):
            self._doubted.set()
        self._reload()

    def _changed(self, key: str, old: object, new: object) -> None:
        self._reload()

    async def _judge(self) -> None:
        """Find out whether what vanished was deleted, or its kind."""
        while True:
            await self._doubted.wait()
            await self._calm()
            try:
                self._ending = frozenset(RESOURCES.values()) - await kinds.creatable(self._client, API_VERSION)
            except Forbidden:  # somebody took that right from all: then what is gone is gone
                self._ending = frozenset()
            except ClusterError:
                await asyncio.sleep(ASK_AGAIN)
                continue
            self._doubted.clear()
            self._reload()

    async def _calm(self) -> None:
        """Wait until nothing changes any more: an object after the other goes, or comes back."""
        for _ in range(CALM_ROUNDS):
            before = self._changes
            await asyncio.sleep(CALM)
            if self._changes == before:
                return

    def _reload(self) -> None:
        if not self.synced or self._doubted.is_set():
            return
        old: list[Converted] = [made for collection in self._legacy for made in collection.items.values()]
        self._lost = self._is_lost(bool(old))
        if self._lost:
            self.problems = tuple(_unknown(name) for name in sorted(self._missing())) or self.problems
        else:
            self._load(old)
        self._on_change()

    def _load(self, old: list[Converted]) -> None:
        pools = [*self._pools.items.values(), *(raw for made in old for raw in made.pools)]
        adverts = [*self._adverts.items.values(), *(raw for made in old for raw in made.advertisements)]
        namespaces = self._namespaces.items.values()
        loaded = config.load(pools, adverts, namespaces)
        unread = (_unread(one.path) for one in self._all() if one.refused)
        problems = (*unread, *(problem for made in old for problem in made.problems), *loaded.problems)
        if loaded.config is not None and not problems:
            self.current, self.loaded, self.salvaged = loaded.config, True, False
        elif not self.loaded:
            self.current, self.salvaged = salvage.salvage(pools, adverts, namespaces), True
        self.problems = problems

    def _missing(self) -> frozenset[str]:
        """The resources that the API server does not know, as far as that was seen."""
        absent = {one.path.rpartition("/")[2] for one in (self._pools, self._adverts) if one.absent}
        return self._ending | absent

    def _is_lost(self, legacy: bool) -> bool:
        """Whether resources are missing for want of their kind; that lasts until there are some of each kind again."""
        pools = any(pool.ref.kind == POOL for pool in self.current.pools.values())
        adverts = any(one.ref.kind == L2_ADVERTISEMENT for row in self.current.advertisements.values() for one in row)
        if self._missing():
            return pools or adverts or not legacy
        if not self._lost:
            return False
        if not self.loaded:
            return not (self._pools.items or legacy)
        return (pools and not self._pools.items) or (adverts and not self._adverts.items)


def _unknown(resource: str) -> Problem:
    name = f"{resource}.metallb.io"
    ref = ObjectRef("CustomResourceDefinition", "", name, api_version="apiextensions.k8s.io/v1")
    return Problem(ref, "", f"the API server does not know {name}: until it does the last configuration is in force")


def _unread(path: str) -> Problem:
    """A kind that this daemon has no right to read: what stands there is not known, so the rest is a part."""
    _, _, found = path.partition("/namespaces/")
    namespace, _, resource = found.rpartition("/")
    name = resource or path.rpartition("/")[2]
    ref = ObjectRef("ClusterRole", namespace, name, api_version="rbac.authorization.k8s.io/v1")
    where = f" in {namespace}" if namespace else ""
    return Problem(
        ref, "", f"{name}{where} may not be read: a part of the configuration is in force; pylb doctor tells more"
    )


def _ours(kind: str) -> Callable[[JSON], JSON | None]:
    """Reads a resource of MetalLB's API if it stands in one of our namespaces; items of a list do not tell their kind."""

    def read(raw: JSON) -> JSON | None:
        ours = raw["metadata"].get("namespace") in NAMESPACES
        return decode.custom_resource({**raw, "apiVersion": API_VERSION, "kind": kind}) if ours else None

    return read
