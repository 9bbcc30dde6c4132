"""The stage of the demo: a lab and its API, with the few moves that the story and the keys make on it.

It acts and reports; what happens when, and what is told, is decided by `story` and `panel`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from importlib import resources
from typing import Any, TypeVar

from pylb.core import events
from pylb.core.events import Moved, StoodDown, StoodIn
from pylb.core.model import Pod, Service
from pylb.kube import credentials, decode
from pylb.kube.client import Client
from pylb.kube.errors import AlreadyExists, ClusterError, NotFound
from pylb.lab.client import Lab
from pylb.operate.cluster import Cluster

SUBNET = "192.168.2.0/24"  # what the manifests, of somebody's Pi homelab, are written for
MANIFESTS = ("000-configmap-range.yaml", "000-kube-verify.yaml")
NAMESPACE, NAME = "kube-verify", "kube-verify"
SPEAKERS = "/api/v1/namespaces/pylb-system/pods"
POLL_S = 0.005
AGAIN_S = 0.1  # until a speaker whose stream ended is asked again

JSON = Mapping[str, Any]
E = TypeVar("E", Moved, StoodIn, StoodDown)
_COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "ConfigMap": "/api/v1/namespaces/{ns}/configmaps",
    "Service": "/api/v1/namespaces/{ns}/services",
    "Deployment": "/apis/apps/v1/namespaces/{ns}/deployments",
}


def manifests(file: str) -> list[JSON]:
    """The objects of one of the demo's manifests."""
    import yaml  # 3 MiB that only who asks for a manifest pays

    text = (resources.files("pylb.demo") / "manifests" / file).read_text(encoding="utf-8")
    return [item for item in yaml.safe_load_all(text) if item]


class Stage:
    """A running lab and a client of its API."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.client = Client(credentials.load(str(lab.kubeconfig)), user_agent="pylb-demo")

    async def close(self) -> None:
        """Give the connections back; the lab goes on."""
        await self.client.close()

    async def do(self, act: Callable[..., Any], *words: Any) -> Any:
        """One of the lab's orders, in a thread: they block for some milliseconds."""
        return await asyncio.to_thread(act, *words)

    async def create(self, raw: JSON) -> None:
        """Create an object; one that is there already stays as it is."""
        path = _COLLECTIONS[raw["kind"]].format(ns=raw["metadata"].get("namespace", "default"))
        try:
            await self.client.post(path, raw)
        except AlreadyExists:
            return

    async def service(self, namespace: str = NAMESPACE, name: str = NAME) -> Service | None:
        """A Service as it stands, or None."""
        try:
            return decode.service(await self.client.get(f"/api/v1/namespaces/{namespace}/services/{name}"))
        except NotFound:
            return None

    async def drain(self, node: str, is_drained: bool) -> None:
        """Say whether a node is to own nothing, as `pylb drain` does."""
        await Cluster(self.client).drain(node, is_drained)

    async def drained(self) -> set[str]:
        """The nodes that are to own nothing, whoever asked for that."""
        return {name for name, is_drained in (await Cluster(self.client).nodes()).items() if is_drained}

    async def wait_address(self, seconds: float, name: str = NAME) -> str:
        """A Service's address, as soon as it has one; "" if it gets none in that time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = await self.service(name=name)
            if found and found.ingress:
                return found.ingress[0]
            await asyncio.sleep(POLL_S)
        return ""

    async def ready_pods(self) -> list[Pod]:
        """The demo's pods that can serve."""
        raw = await self.client.get(f"/api/v1/namespaces/{NAMESPACE}/pods")
        return [pod for pod in map(decode.pod, raw["items"]) if pod.ready]

    async def owner(self, address: str) -> str:
        """The node that answers ARP for an address, asked from the client; "" if none or several do."""
        macs = set((await self.do(self.lab.arp, "client", address))[address])
        names = [name for name in self.nodes() if self.lab.hosts[name]["mac"] in macs]
        return names[0] if len(names) == 1 == len(macs) else ""

    async def wait_move(self, address: str, since: float, seconds: float) -> Moved | None:
        """The take-over of an address after a time (Unix seconds), as the speaker that did it tells it."""
        return await self._wait_event(Moved, address, since, seconds)

    async def wait_stood_in(self, address: str, since: float, seconds: float) -> StoodIn | None:
        """That a node answers for an address in its owner's place, after a time (Unix seconds), as it tells itself."""
        return await self._wait_event(StoodIn, address, since, seconds)

    async def wait_stood_down(self, address: str, since: float, seconds: float) -> StoodDown | None:
        """That it does so no more."""
        return await self._wait_event(StoodDown, address, since, seconds)

    async def _wait_event(self, kind: type[E], address: str, since: float, seconds: float) -> E | None:
        """What a speaker tells first of an address; None if none tells it in that time."""
        token = await self._token()
        asked = [asyncio.create_task(self._find(kind, node, token, address, since, seconds)) for node in self.nodes()]
        try:
            for done in asyncio.as_completed(asked, timeout=seconds):
                return await done
        except asyncio.TimeoutError:
            pass
        finally:
            for task in asked:
                task.cancel()
        return None

    async def _find(self, kind: type[E], node: str, token: str, address: str, since: float, idle: float) -> E:
        """The first that a speaker tells; asks again, until it is cancelled, where it is cut off or silent."""
        path = f"{SPEAKERS}/pylb-speaker-{node}:7472/proxy/events"
        while True:
            with contextlib.suppress(ClusterError):
                async with aclosing(self.client.lines(path, idle=idle, headers={"X-Pylb-Token": token})) as lines:
                    async for raw in lines:
                        event = events.decode(raw)
                        if isinstance(event, kind) and event.address == address and event.at >= since:
                            return event
            await asyncio.sleep(AGAIN_S)

    async def _token(self) -> str:
        import base64

        raw = await self.client.get("/api/v1/namespaces/pylb-system/secrets/pylb-reader")
        return base64.b64decode(raw["data"]["token"]).decode()

    def nodes(self) -> list[str]:
        """The names of all nodes."""
        return [name for name, host in self.lab.hosts.items() if "management" in host]
