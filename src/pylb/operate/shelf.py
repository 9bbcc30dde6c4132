"""The configuration of a cluster as import and export read and write it: resources, old ConfigMaps, Services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pylb.addon.names import VIEWER
from pylb.core.config.objects import GROUP, KINDS, PEER, Objects
from pylb.core.crds import table as crds
from pylb.core.legacy.conversion import API_VERSION, PEER_VERSION
from pylb.core.legacy.numbers import MANAGER
from pylb.core.model import Namespace, Service
from pylb.kube import decode
from pylb.kube.client import Client
from pylb.kube.configuration import NAMESPACES
from pylb.kube.errors import AlreadyExists, Conflict, Forbidden, NotFound
from pylb.kube.listing import read_page
from pylb.operate.orders import WrongInput

JSON = Mapping[str, Any]
PAGE = 500  # objects of one answer
PAGES_MAX = 400  # of one list: 200,000 objects
BACKUP = "config-before-import"  # the ConfigMap that keeps the old one's text, where nobody reads it
MAX_BACKUPS = 20  # of one namespace
CONFIGMAPS = "/api/v1/namespaces/{}/configmaps"


class Unseen(Exception):
    """The right to read a kind is missing; the message names what gives it."""

    def __init__(self, what: str, refused: Forbidden) -> None:
        super().__init__(f"the cluster lets no {what} be read: bind yourself to the ClusterRole {VIEWER} ({refused})")


class Shelf:
    """Every method raises ClusterError where the cluster does not answer, or does not let us write; Unseen where it does
    not let us read."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def objects(self) -> Objects:
        """All resources that the daemons read. Raises WrongInput where the API server does not know their kinds."""
        found = await asyncio.gather(*(self._resources(kind) for kind in KINDS.values()))
        return Objects(**dict(zip(KINDS, found, strict=True)))

    async def _resources(self, kind: str) -> list[JSON]:
        version = _version(kind)
        path = f"/apis/{version}/{_plural(kind)}"
        try:
            items = [item async for item in self._list(path)]
        except NotFound:
            plural = f"{_plural(kind)}.{GROUP}"
            raise WrongInput(f"the cluster does not know {plural}: install pylb first (pylb install)") from None
        whole = [{**item, "apiVersion": version, "kind": kind} for item in items]
        return [item for item in whole if item["metadata"].get("namespace") in NAMESPACES]

    async def services(self) -> list[Service]:
        return [decode.service(item) async for item in self._list("/api/v1/services")]

    async def namespaces(self) -> list[Namespace]:
        return [decode.namespace(item) async for item in self._list("/api/v1/namespaces")]

    async def old(self) -> list[JSON]:
        """The old ConfigMaps that the daemons read."""
        query = {"fieldSelector": f"metadata.name={decode.LEGACY_CONFIG_NAME}"}
        found = [item for name in NAMESPACES for item in await self._items(CONFIGMAPS.format(name), query)]
        return [item for item in found if (item.get("data") or {}).get("config") is not None]

    async def memory(self, namespace: str, name: str) -> JSON:
        """The `data` of a ConfigMap; empty where there is none."""
        try:
            found = await self._client.get(f"{CONFIGMAPS.format(namespace)}/{name}")
        except NotFound:
            return {}
        except Forbidden as error:
            raise Unseen(f"ConfigMap {namespace}/{name}", error) from None
        return dict(found.get("data") or {})

    async def apply(self, body: JSON, dry: bool = False) -> None:
        """Make or change a resource; what somebody else said of it stays, and is a Conflict."""
        query = {"dryRun": "All"} if dry else {}
        await self._client.patch(_path(body), body, query, kind="apply", field_manager=MANAGER)

    async def delete(self, body: JSON) -> None:
        """Take a resource away, if it is there."""
        try:
            await self._client.delete(_path(body))
        except NotFound:
            return

    async def retire(self, old: JSON) -> str:
        """Delete an old ConfigMap, unless it changed meanwhile (Conflict); gives the name of the one that keeps its text."""
        meta = old["metadata"]
        path = CONFIGMAPS.format(meta["namespace"])
        name = await self._keep(path, dict(old.get("data") or {}))
        same = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        await self._client.delete(f"{path}/{meta['name']}", {"preconditions": same})
        return name

    async def _keep(self, path: str, data: dict[str, str]) -> str:
        for number in range(1, MAX_BACKUPS + 1):
            name = BACKUP if number == 1 else f"{BACKUP}-{number}"
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
            try:
                await self._client.post(path, body, {"fieldManager": MANAGER})
            except AlreadyExists:
                if ((await self._client.get(f"{path}/{name}")).get("data") or {}) == data:
                    return name
                continue
            return name
        raise Conflict(f"there are {MAX_BACKUPS} ConfigMaps {BACKUP} already: delete those that you do not need")

    async def _items(self, path: str, query: Mapping[str, str]) -> list[JSON]:
        try:
            return [item async for item in self._list(path, query)]
        except NotFound:
            return []

    async def _list(self, path: str, query: Mapping[str, str] | None = None) -> AsyncIterator[JSON]:
        token = ""
        for _ in range(PAGES_MAX):
            asked: dict[str, str | int | bool | None] = {**(query or {}), "limit": PAGE, "continue": token or None}
            try:
                page = read_page(await self._client.get(path, asked))
            except Forbidden as error:
                raise Unseen(path.rpartition("/")[2], error) from None
            for item in page.items:
                yield item
            token = page.token
            if not token:
                return
        raise WrongInput(f"{path} has more than {PAGES_MAX * PAGE} objects: that many are not read")


def _version(kind: str) -> str:
    return PEER_VERSION if kind == PEER else API_VERSION


def _plural(kind: str) -> str:
    return crds.resource(kind).plural


def _path(body: JSON) -> str:
    meta, kind = body["metadata"], body["kind"]
    return f"/apis/{body['apiVersion']}/namespaces/{meta['namespace']}/{_plural(kind)}/{meta['name']}"
