"""A small cluster for the terminal UI: the embedded API server, MetalLB's kinds, and a speaker behind the pod proxy."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes.rest import Rest
from pylb.core import events
from pylb.core.crds import table as crds
from pylb.embedded.resources import NAMESPACES, NODES, PODS, SERVICES
from pylb.embedded.server import Options, Server, serve
from pylb.kube.bearer import StaticBearer
from pylb.kube.credentials import Credentials
from pylb.runtime import http
from pylb.tui import reporters, source
from pylb.tui.inbox import Inbox
from pylb.tui.source import ClusterSource
from pylb.tui.state import State
from pylb.tui.store import fold_all

TOKEN, READER = "token-of-the-test", "token-of-the-readers"
PATIENCE_S = 15.0
POOL = {
    "apiVersion": "metallb.io/v1beta1",
    "kind": "IPAddressPool",
    "metadata": {"name": "lan", "namespace": "metallb-system"},
    "spec": {"addresses": ["10.0.0.10-10.0.0.19"]},
}
ADVERT = {**POOL, "kind": "L2Advertisement", "spec": {}}
METALLB = "/apis/metallb.io/v1beta1/namespaces"


class Speaker:
    """A speaker's HTTP side."""

    def __init__(self) -> None:
        self.log = http.EventLog()
        self.state: dict[str, Any] = {
            "node": "n1",
            "incarnation": "a",
            "state": "active",
            "members": [],
            "addresses": [],
        }
        routes = {"/state": self.tell, "/events": http.stream_events(self.log)}
        self.server = http.Server(routes, token=READER)

    async def tell(self, request: http.Request) -> http.Answer:
        return self.state

    def hold(self, address: str) -> None:
        self.state["addresses"] = [{"address": address, "owner": "n1", "mine": True, "candidates": ["n1"]}]
        self.log.add(events.encode(events.Claimed(2e9, address, "n1", ("web/blog",))))


@dataclass
class Watch:
    """A source that runs, and what its facts add up to."""

    source: ClusterSource
    inbox: Inbox = field(default_factory=Inbox)
    state: State = field(default_factory=State)

    async def until(self, ready: Callable[[State], bool]) -> State:
        """Wait until the state is so."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            self.state = fold_all(self.state, self.inbox.drain())
            if ready(self.state):
                return self.state
            assert asyncio.get_running_loop().time() < deadline, self.state
            await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(*nodes: str) -> AsyncIterator[Server]:
    """An API server with the namespaces that pylb looks at, one of Services, and these nodes."""
    async with serve(Options(token=TOKEN)) as server:
        for name in ("metallb-system", "pylb-system", "web"):
            with suppress(Exception):  # it may be there from the start
                server.store.create(NAMESPACES, "", {"metadata": {"name": name}})
        for name in nodes:
            server.store.create(NODES, "", {"metadata": {"name": name}})
        yield server
        assert server.problems == []


def kubeconfig(folder: Path, url: str) -> str:
    """The path of a new kubeconfig for such a server."""
    path = folder / "config"
    path.write_text(
        f"apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n"
        f"users: [{{name: c, user: {{token: {TOKEN}}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n"
    )
    return str(path)


def credentials(server: Server) -> Credentials:
    return Credentials(server.url, "test", bearer=StaticBearer(TOKEN))


async def define(server: Server) -> Rest:
    """Bring MetalLB's kinds into being, with a pool and an advertisement."""
    rest = Rest(server.url, TOKEN)
    for definition in crds.definitions():
        answer = await rest.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        assert answer.status == 201, answer.body
    for raw, plural in ((POOL, "ipaddresspools"), (ADVERT, "l2advertisements")):
        answer = await rest.post(f"{METALLB}/metallb-system/{plural}", raw)
        assert answer.status == 201, answer.body
    return rest


def add_service(server: Server, name: str, ip: str = "") -> None:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": name}}
    server.store.create(SERVICES, "web", {"metadata": {"name": name}, "spec": spec})
    if ip:
        status = {"loadBalancer": {"ingress": [{"ip": ip}]}}
        server.store.update(SERVICES, "web", name, lambda old: {**old, "status": status}, subresource="status")


def add_controller(server: Server) -> None:
    """A controller's pod that is ready; nobody can ask it."""
    labels = {"app.kubernetes.io/name": "pylb", "app.kubernetes.io/component": "controller"}
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    made = {"metadata": {"name": "pylb-controller-x", "labels": labels}, "spec": spec}
    server.store.create(PODS, "pylb-system", made)
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    server.store.update(
        PODS, "pylb-system", "pylb-controller-x", lambda old: {**old, "status": status}, subresource="status"
    )


async def add_speaker(
    server: Server, speaker: Speaker, monkeypatch: pytest.MonkeyPatch, component: str = "speaker"
) -> None:
    """A pod of ours on n1 that answers, and the Secret with the readers' token; as a controller, if that is said."""
    port = await speaker.server.start("127.0.0.1", 0)
    monkeypatch.setattr(reporters, "PORTS", {component: port})
    monkeypatch.setattr(source, "PORTS", {component: port})
    data = {"token": base64.b64encode(READER.encode()).decode()}
    rest = Rest(server.url, TOKEN)
    await rest.post(reporters.SECRET.rpartition("/")[0], {"metadata": {"name": "pylb-reader"}, "data": data})
    labels = {"app.kubernetes.io/name": "pylb", "app.kubernetes.io/component": component}
    meta = {"name": f"pylb-{component}-n1", "labels": labels}
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    server.store.create(PODS, "pylb-system", {"metadata": meta, "spec": spec})
    await asyncio.sleep(0.05)  # the instant kubelet gives it an address of its own first
    status = {"phase": "Running", "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    server.store.update(
        PODS, "pylb-system", f"pylb-{component}-n1", lambda old: {**old, "status": status}, subresource="status"
    )
