"""What runs on a lab's machines: the API server, pylb's own processes, kubelets, kube-proxies and heartbeats.

It is one tenant of the machines; the cluster tests bring another, a real Kubernetes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import socket
from collections.abc import Coroutine, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.errors import AlreadyExists, ClusterError
from pylb.lab import objects, programs
from pylb.lab.children import Children
from pylb.lab.control import Order
from pylb.lab.errors import BadInput, LabError
from pylb.lab.heartbeat import Heartbeats
from pylb.lab.kubelet import Kubelet
from pylb.lab.machines import Machines
from pylb.lab.network import Network
from pylb.lab.plan import API_PORT
from pylb.lab.processes import Processes
from pylb.lab.programs import Files
from pylb.lab.proxy import Proxy
from pylb.lab.settings import Settings

BACKLOG = 128
API_LIMIT_S = 15.0
KEY_BYTES = 32
JSON = dict[str, Any]

log = logging.getLogger(__name__)


def _raw(obj: Any) -> JSON:
    return dict(obj)


class Cluster:
    """A Kubernetes of our own in a lab, with pylb on it."""

    def __init__(
        self, settings: Settings, home: Path, network: Network, machines: Machines, children: Children
    ) -> None:
        self._settings = settings
        self._plan = network.plan
        self._network = network
        self._machines = machines
        self._children = children
        self._files = Files(home)
        self._processes = Processes(self._files, machines, children)
        self._proxy = Proxy(machines, children)
        self._kubelets: dict[str, Kubelet] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, listener: int) -> None:
        """Bring everything up; LabError if something does not come."""
        outer = socket.socket(fileno=listener)
        await self._write_files(outer.getsockname()[1])
        with socket.create_server((str(self._plan.api), API_PORT), backlog=BACKLOG) as inner, outer:
            fds = (outer.fileno(), inner.fileno())
            api = self._processes.start(programs.api(self._files, list(fds)), fds)
        client = Client(credentials.load(str(self._files.inner_kubeconfig)), user_agent="pylb-lab")
        waiting = asyncio.ensure_future(self._create(client))
        await asyncio.wait((waiting, api.ended), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            raise LabError(f"the API server ended with {api.code}: {self._files.log('api').read_text()[-300:]}")
        waiting.result()
        self._processes.client = client
        await self._follow(client)
        await self._start_pylb()

    async def node_off(self, node: str) -> None:
        self._proxy.forget(node)
        await self._kubelets[node].off()

    async def node_on(self, node: str) -> None:
        await self._kubelets[node].start()
        self.cable_moved(node)
        if f"speaker-{node}" in self._processes.all:
            self._spawn(self._restart(f"speaker-{node}"))

    def cable_moved(self, node: str) -> None:
        self._kubelets[node].wake()
        self._proxy.wake()

    def orders(self) -> Mapping[str, Order]:
        return {"speaker": self._speaker, "kubelet": self._kubelet}

    async def _speaker(self, request: JSON) -> JSON:
        """Do something to a node's speaker."""
        node = self._machines.with_power(str(request.get("node"))).host.name
        if f"speaker-{node}" not in self._processes.all:
            raise LabError("this lab was started without speakers")
        return await self._processes.act(f"speaker-{node}", str(request.get("action")))

    async def _kubelet(self, request: JSON) -> JSON:
        """Stop or start a node's kubelet; what is so already stays so."""
        node, action = self._machines.with_power(str(request.get("node"))).host.name, str(request.get("action"))
        kubelet = self._kubelets[node]
        if action == "start":
            await kubelet.start()
        elif action == "stop":
            kubelet.stop()
        else:
            raise BadInput(f"action {action!r}: not known; there are stop, start")
        return {"node": node, "kubelet": "running" if kubelet.runs else "stopped"}

    def pods(self) -> dict[str, str]:
        """The namespaces of the Pods that run, by namespace/name."""
        return {key: one.namespace for kubelet in self._kubelets.values() for key, one in kubelet.running.items()}

    def to_json(self) -> JSON:
        kubelets = {name: "running" if kubelet.runs else "stopped" for name, kubelet in self._kubelets.items()}
        return {"processes": self._processes.to_json(), "pods": sorted(self.pods()), "kubelets": kubelets}

    async def _restart(self, name: str) -> None:
        try:
            await self._processes.act(name, "start")
        except (LabError, ClusterError) as error:
            log.warning("%s does not come back: %s", name, error)

    async def _write_files(self, port: int) -> None:
        files = self._files
        addresses = ["127.0.0.1", str(self._plan.api)]
        await self._children.check(programs.certificate(files, addresses))
        token = secrets.token_hex(KEY_BYTES)
        certificate = files.certificate.read_bytes()
        outside = objects.kubeconfig(f"https://127.0.0.1:{port}", certificate, token)
        inside = objects.kubeconfig(f"https://{self._plan.api}:{API_PORT}", certificate, token)
        for path, text in (
            (files.token, token),
            (files.beat_key, secrets.token_hex(KEY_BYTES)),
            (files.reader_token, secrets.token_hex(KEY_BYTES)),
            (files.kubeconfig, json.dumps(outside)),
            (files.inner_kubeconfig, json.dumps(inside)),
        ):
            path.touch(mode=0o600)
            path.write_text(text)
        for node in self._machines.nodes:
            files.beat_key_of(node).symlink_to(files.beat_key.name)

    async def _create(self, client: Client) -> None:
        """All objects of a new cluster."""
        given = {
            objects.KEY_SECRET: (objects.KEY_FIELD, self._files.beat_key.read_bytes()),
            objects.TOKEN_SECRET: (objects.TOKEN_FIELD, self._files.reader_token.read_bytes()),
        }
        try:
            for items in objects.first(self._plan, given, datetime.now(timezone.utc)):
                await asyncio.gather(*(_create(client, item) for item in items))
        except ClusterError as error:
            raise LabError(f"the API server refused what a cluster needs: {error}") from None

    async def _follow(self, client: Client) -> None:
        """Start kubelets, proxies and heartbeats."""
        self._kubelets = {
            name: Kubelet(host, self._network, self._machines, client) for name, host in self._plan.nodes.items()
        }

        await asyncio.gather(*(kubelet.start() for kubelet in self._kubelets.values()))

        def pods(_key: str, old: JSON | None, new: JSON | None) -> None:
            for pod in (old, new):
                node = (pod or {}).get("spec", {}).get("nodeName")
                if node in self._kubelets:
                    self._kubelets[node].wake()

        def services(_key: str, _old: JSON | None, _new: JSON | None) -> None:
            self._proxy.wake()
            for kubelet in self._kubelets.values():
                kubelet.wake()

        def slices(_key: str, _old: JSON | None, _new: JSON | None) -> None:
            self._proxy.wake()

        seen = Collection(client, "/api/v1/pods", _raw, on_change=pods)
        asked = Collection(client, "/api/v1/services", _raw, on_change=services)
        ends = Collection(client, "/apis/discovery.k8s.io/v1/endpointslices", _raw, on_change=slices)
        for collection in (seen, asked, ends):
            self._spawn(collection.run())
        for kubelet in self._kubelets.values():
            self._spawn(kubelet.run(seen.items, asked.items))
        self._spawn(self._proxy.run(asked.items, ends.items))
        self._spawn(Heartbeats(self._machines, client, lambda node: self._kubelets[node].runs).run())
        await asyncio.gather(*(collection.wait_synced() for collection in (seen, asked, ends)))

    async def _start_pylb(self) -> None:
        wanted = [] if "controller" in self._settings.without else [programs.controller(self._files, self._plan)]
        if "speakers" not in self._settings.without:
            wanted += [programs.speaker(self._files, host) for host in self._plan.nodes.values()]
        await asyncio.gather(*(self._processes.start_ready(program) for program in wanted))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(_must_not_fail)
        self._tasks.append(task)


async def _create(client: Client, item: objects.Item) -> None:
    with contextlib.suppress(AlreadyExists):
        await client.post(item.collection, item.body, deadline=API_LIMIT_S)


def _must_not_fail(task: asyncio.Task[None]) -> None:
    """A part of the lab that breaks breaks the lab, loudly."""
    if not task.cancelled() and task.exception() is not None:
        log.error("a part of the lab failed", exc_info=task.exception())
