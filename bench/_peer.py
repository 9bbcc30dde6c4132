"""MetalLB on a real cluster, as processes in the nodes' networks, beside which pylb is measured in the same run.

The command lines are those with which its v0.16.2 ran. Its accounts are pylb's, since the audit log records what they
ask for; its pods are stand-ins, by whose labels its speakers find each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from bench._cluster import RealScene, widen
from bench._objects import POOL, Json
from bench._processes import Daemons, below
from bench._scene import SERVICES
from cluster import client as clusters
from cluster import pylb_on
from pylb.addon.render import Settings, render, to_yaml
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.lab.plan import API_PORT

NAMESPACE, ACCOUNTS = "metallb-system", "pylb-system"
MANAGEMENT_API = f"https://100.64.77.1:{API_PORT}"
CONTROLLER_NODE, CONTROLLER_POD = "n1", "controller-0"
HTTP_PORT, HEALTH_PORT = 9120, 17472
TOKEN_S = 3600
SILENT_ROUNDS = 2  # questions by ARP without an answer: the address is withdrawn
KINDS = ("Namespace", "CustomResourceDefinition", "ServiceAccount")  # of pylb's manifests, that the peer needs too


def controller(folder: Path) -> list[str]:
    """The controller's command line."""
    return [
        str(folder / "controller"),
        *("--namespace", NAMESPACE, "--pod-name", CONTROLLER_POD, "--webhook-mode", "disabled"),
        *("--port", str(HTTP_PORT), "--health-probe-port", str(HEALTH_PORT), "--log-level", "info"),
    ]


def speaker(folder: Path, node: str, address: str) -> list[str]:
    """A speaker's command line; `address` is its node's on the LAN."""
    return [
        str(folder / "speaker"),
        *("--namespace", NAMESPACE, "--node-name", node, "--pod-name", f"speaker-{node}", "--ml-bindaddr", address),
        *("--ml-labels", "app=metallb,component=speaker", "--port", str(HTTP_PORT + 1), "--log-level", "info"),
    ]


def environment(kubeconfig: Path, account: str) -> list[str]:
    """The words that give a program of the peer its environment."""
    return ["env", f"KUBECONFIG={kubeconfig.with_name(account)}", "METALLB_BGP_TYPE=native"]


def stand_in(component: str, name: str, node: str) -> Json:
    """A pod with the labels of one of the peer's; what runs in it does nothing."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": "metallb", "component": component}}
    container = {"name": "c", "image": "stand-in"}
    return {"metadata": metadata, "spec": {"nodeName": node, "hostNetwork": True, "containers": [container]}}


def kubeconfig(outer: Json, token: str) -> Json:
    """The cluster's kubeconfig as a node may use it, for an account."""
    made: Json = json.loads(json.dumps(outer))
    made["clusters"][0]["cluster"]["server"] = MANAGEMENT_API
    made["users"][0]["user"] = {"token": token}
    return made


class PeerScene(RealScene):
    """A real cluster with MetalLB on it. What pylb alone tells of itself is seen from outside here."""

    def __init__(self, lab: clusters.Cluster, client: Client, folder: Path, home: Path) -> None:
        super().__init__(lab, client)
        self._folder, self._home = folder, home
        self._started: dict[str, subprocess.Popen[str]] = {}

    async def meet(self) -> None:
        """Start the programs."""
        own = [item for item in render(Settings("-", "-")) if item["kind"] in KINDS]
        await asyncio.to_thread(pylb_on.apply, self.cluster, to_yaml(own))
        await asyncio.to_thread(pylb_on.check, self.cluster, "wait", "--for=condition=Established", "crd", "--all")
        for account in ("pylb-controller", "pylb-speaker"):
            await self._account(account)
        pods = [("controller", CONTROLLER_POD, CONTROLLER_NODE)]
        pods += [("speaker", f"speaker-{node}", node) for node in self.nodes]
        for pod in pods:
            await self.client.post(f"/api/v1/namespaces/{NAMESPACE}/pods", stand_in(*pod))
        self._start_controller()
        for node in self.nodes:
            words = speaker(self._folder, node, self.lab.hosts[node]["lan"])
            self._start(f"speaker on {node}", node, words, "pylb-speaker")

    async def _account(self, name: str) -> None:
        subject = {"kind": "ServiceAccount", "name": name, "namespace": ACCOUNTS}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        body = {"metadata": {"name": f"peer-{name}"}, "subjects": [subject], "roleRef": role}
        await self.client.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body)
        path = f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts/{name}/token"
        token = (await self.client.post(path, {"spec": {"expirationSeconds": TOKEN_S}}))["status"]["token"]
        outer = json.loads(self.lab.kubeconfig.read_text())
        (self._home / name).write_text(json.dumps(kubeconfig(outer, token)))

    def _start_controller(self) -> None:
        self._start("controller", CONTROLLER_NODE, controller(self._folder), "pylb-controller")

    def _start(self, who: str, node: str, words: Sequence[str], account: str) -> None:
        with (self._home / f"{who}.log").open("a") as log:
            argv = [*environment(self._home / "-", account), *words]
            self._started[who] = self.lab.popen(node, argv, stdout=log, stderr=log)

    async def wait_members(self) -> None:
        """Its speakers tell nothing; the figures' own waits do."""

    async def delete(self, name: str, address: IPv4Address) -> None:
        """Delete a Service, and wait until nobody answers for its address."""
        await self.client.delete(f"{SERVICES}/{name}")
        silent = 0

        async def gone() -> bool:
            nonlocal silent
            answers = await asyncio.to_thread(self.lab.arp, "router", str(address))
            silent = 0 if answers[str(address)] else silent + 1
            return silent >= SILENT_ROUNDS

        await self.until(f"{address} is withdrawn", gone)

    def follow(self, *_nodes: str) -> None:
        """It has no stream of events."""

    def daemons(self) -> Daemons:
        """The programs that run; `who` is as pylb's are called."""
        first = {process.pid: who for who, process in self._started.items()}
        programs = {str(self._folder / "controller"), str(self._folder / "speaker")}
        return {name: pid for pid, (name, words) in below(first).items() if words[0] in programs}

    async def leader(self) -> str:
        """There is one controller."""
        return "controller"

    async def delete_leader(self) -> None:
        """SIGTERM for the controller, and another one."""
        await self._again(signal.SIGTERM)

    async def kill_leader(self) -> None:
        """SIGKILL for the controller, and another one."""
        await self._again(signal.SIGKILL)

    async def power_off_leader(self) -> str:
        """Its process alone is ended, and another started: its pod would be bound to a lost node for minutes."""
        await self._again(signal.SIGKILL)
        return ""

    async def power_on(self, node: str) -> None:
        """Nothing was lost."""

    async def _again(self, number: signal.Signals) -> None:
        os.kill(self.daemons()["controller"], number)
        await asyncio.to_thread(self._started["controller"].wait)
        self._start_controller()

    async def wait_controllers(self) -> None:
        """It is one process."""

    def stop(self) -> None:
        """End all programs."""
        for process in self._started.values():
            process.terminate()
        for process in self._started.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


@contextlib.asynccontextmanager
async def peer_scene(folder: Path, addresses: str = POOL, subnet: str = "") -> AsyncIterator[PeerScene]:
    """A cluster of three nodes with MetalLB on it that ends with the block."""
    home = Path(tempfile.mkdtemp(prefix="pylb-peer-"))
    try:
        lab = clusters.start()
        with lab:
            widen(lab, subnet)
            async with Client(credentials.load(str(lab.kubeconfig)), user_agent="pylb-bench") as client:
                stage = PeerScene(lab, client, folder, home)
                try:
                    await stage.set_up(addresses)
                    yield stage
                finally:
                    stage.stop()
                    await stage.end()
    finally:
        shutil.rmtree(home)
