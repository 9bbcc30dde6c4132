"""MetalLB's configuration as it stands in the cluster: both namespaces, custom resources and the old ConfigMap.

What the objects mean is decided in `core.config.loader`. An invalid set leaves the last good one in force; a process that never
knew one goes by what `core.config.salvage` finds valid in it, or in that part of it which it has the right to read. The last
good one stays after the loss of a kind, too: what vanishes with its CustomResourceDefinition was not taken back by
anybody, and an API server that does not know the kinds yet does not say that there are no pools. Objects of BGP hold
back nothing of layer 2, whatever is wrong with them: then the last good ones of BGP stay; a kind of BGP that the API
server does not know has no objects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pylb.core import places
from pylb.core.config import loader as config
from pylb.core.config import salvage
from pylb.core.config.loader import EMPTY, Config, Loaded, Objects, Problem
from pylb.core.config.objects import BGP_ADVERTISEMENT, COMMUNITY, L2_ADVERTISEMENT, PEER, POOL, PROFILE
from pylb.core.legacy import twins as legacy_twins
from pylb.core.legacy.conversion import Converted
from pylb.core.model import ObjectRef
from pylb.kube import decode, kinds
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.errors import ClusterError, Forbidden, NotFound
from pylb.kube.listing import object_key, read_page
from pylb.kube.pace import Pace

API_VERSION = places.API_VERSION
NAMESPACES = places.NAMESPACES
OWN_NAMESPACE = places.OWN_NAMESPACE
PEER_VERSION = "metallb.io/v1beta2"
RESOURCES = {POOL: "ipaddresspools", L2_ADVERTISEMENT: "l2advertisements"}
POOLS, L2_ADVERTISEMENTS = (f"/apis/{API_VERSION}/{name}" for name in RESOURCES.values())
BGP = {  # field of core.config.loader's Objects: kind, version, resource
    "bgp_advertisements": (BGP_ADVERTISEMENT, API_VERSION, "bgpadvertisements"),
    "peers": (PEER, PEER_VERSION, "bgppeers"),
    "profiles": (PROFILE, API_VERSION, "bfdprofiles"),
    "communities": (COMMUNITY, API_VERSION, "communities"),
}
CALM = 0.2  # s without a change, before what vanished, or came back with its kind, is believed
CALM_ROUNDS = 10  # of them at most: somebody may change things all the time
LAG_ROUNDS = 60  # of ASK_AGAIN at most until a watch is believed that shows less; one that broke comes back within 30 s
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
        self.warnings: tuple[Problem, ...] = ()  # what is odd, and holds nothing back
        self._client, self._on_change = client, on_change
        self._pace = Pace(self._look)
        self._pools = self._watch(client, POOLS, _ours(POOL, API_VERSION), self._on_resource)
        self._adverts = self._watch(client, L2_ADVERTISEMENTS, _ours(L2_ADVERTISEMENT, API_VERSION), self._on_resource)
        self._bgp = {
            name: self._watch(client, f"/apis/{version}/{resource}", _ours(kind, version), self._changed)
            for name, (kind, version, resource) in BGP.items()
        }
        self._bgp_loaded = False  # a good one of BGP was read once
        self._namespaces = self._watch(client, "/api/v1/namespaces", decode.namespace, self._changed)
        self._legacy = [
            self._watch(
                client, f"/api/v1/namespaces/{name}/configmaps", decode.legacy_config, self._on_legacy, _NAMED_CONFIG
            )
            for name in NAMESPACES
        ]
        self._doubted = asyncio.Event()  # it is not known what a change of resources means: nothing is loaded
        self._changes = 0  # of resources
        self._ending: frozenset[str] = frozenset()  # resources that the API server does not take, when it was asked
        self._lost = False

    @property
    def synced(self) -> bool:
        """Whether everything was read once that may be, and that layer 2 needs."""
        return all(collection.synced or collection.refused for collection in self._all())

    @property
    def usable(self) -> bool:
        """Whether there is anything to go by; without, `current` is empty, and no address would seem allowed."""
        return self.loaded or self.salvaged

    @property
    def stale(self) -> bool:
        """Whether the last good configuration, or a part, is in force instead of the one that stands there."""
        return bool(self.problems)

    @property
    def collections(self) -> tuple[Collection[Any], ...]:
        """All that is followed."""
        return (*self._all(), *self._bgp.values())

    async def run(self) -> None:
        """Keep it current for ever."""
        await asyncio.gather(self._judge(), *(one.run() for one in self.collections))

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

    def _on_legacy(self, key: str, old: object, new: object) -> None:
        if self.synced and old is not None:  # resources may have taken its place that are on their way here
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
                await self._catch_up()
                self._ending = frozenset(RESOURCES.values()) - await kinds.creatable(self._client, API_VERSION)
            except Forbidden:  # somebody took that right from all: then what is gone is gone
                self._ending = frozenset()
            except ClusterError:
                await asyncio.sleep(ASK_AGAIN)
                continue
            self._doubted.clear()
            self._reload()

    async def _catch_up(self) -> None:
        """Wait until the watches show what the API server has: a ConfigMap's end may be seen before its successors."""
        behind = [one for one in (self._pools, self._adverts, *self._bgp.values()) if not one.refused]
        for _ in range(LAG_ROUNDS):
            behind = [one for one in behind if await self._lags(one)]
            if not behind:
                return
            await asyncio.sleep(ASK_AGAIN)

    async def _lags(self, collection: Collection[Any]) -> bool:
        """Whether there are resources that its watch has not shown yet."""
        try:
            page = read_page(await self._client.get(collection.path, {"limit": config.MAX_OBJECTS}))
        except NotFound:
            return False
        keys = {object_key(raw) for raw in page.items if raw["metadata"].get("namespace") in NAMESPACES}
        return not keys <= collection.items.keys()

    async def _calm(self) -> None:
        """Wait until nothing changes any more: an object after the other goes, or comes back."""
        for _ in range(CALM_ROUNDS):
            before = self._changes
            await asyncio.sleep(CALM)
            if self._changes == before:
                return

    def _reload(self) -> None:
        """Look at it all, soon: each object of a burst is a change, and the last look at it says what all of them say."""
        self._pace.ask()

    def _look(self) -> None:
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
        objects, namespaces = self._objects(old), self._namespaces.items.values()
        loaded = config.load(objects, namespaces)
        unread = [_unread(one.path) for one in self._all() if one.refused]
        held = (*unread, *(problem for made in old for problem in made.problems))  # these are about layer 2, too
        bgp = tuple(_unread(one.path) for one in self._bgp.values() if one.refused)
        layer2 = loaded.config or loaded.layer2
        if layer2 is not None and not held:
            self._put(loaded.config if loaded.config and not bgp else self._with_last_bgp(loaded, layer2, objects))
            self._bgp_loaded = self._bgp_loaded or bool(loaded.config and not bgp and self._bgp_read)
            self.loaded, self.salvaged = True, False
        elif not self.loaded:
            self._put(salvage.salvage(objects, namespaces))
            self.salvaged = True
        self.problems, self.warnings = (*held, *bgp, *loaded.problems), loaded.warnings

    @property
    def _bgp_read(self) -> bool:
        """Whether all of BGP was read that may be."""
        return all(one.synced or one.refused for one in self._bgp.values())

    def _objects(self, old: list[Converted]) -> Objects:
        """What stands there; of BGP nothing, until all of it was read that may be."""
        found = {"pools": self._pools, "advertisements": self._adverts}
        if self._bgp_read:
            found |= self._bgp
        standing = {name: list(one.items.values()) for name, one in found.items()}
        rest = [legacy_twins.unmatched(made, standing) for made in old]
        return Objects(**{name: [*rows, *_converted(rest, name)] for name, rows in standing.items()})

    def _with_last_bgp(self, loaded: Loaded, layer2: Config, objects: Objects) -> Config:
        """With what was last good of BGP, or, where none was, with what is valid of it."""
        if self._bgp_loaded:
            return layer2.with_bgp_of(self.current)
        return loaded.config or layer2.with_bgp_of(salvage.salvage_bgp(objects))

    def _put(self, made: Config) -> None:
        """Whoever follows `current` goes by the object, and takes another one for a change."""
        if made != self.current:
            self.current = made

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


def _converted(old: list[Converted], name: str) -> Iterator[JSON]:
    """What ConfigMaps say, of a field of Objects."""
    for made in old:
        yield from getattr(made, name)


def _ours(kind: str, version: str) -> Callable[[JSON], JSON | None]:
    """Reads a resource of MetalLB's API if it stands in one of our namespaces; items of a list do not tell their kind."""

    def read(raw: JSON) -> JSON | None:
        ours = raw["metadata"].get("namespace") in NAMESPACES
        return decode.custom_resource({**raw, "apiVersion": version, "kind": kind}) if ours else None

    return read
