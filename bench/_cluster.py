"""A real Kubernetes as the scene of a topic, with pylb on it as its users run it: pods, accounts, a Lease.

`tests/cluster` starts it; `tests` has to be on PYTHONPATH, as `python -m bench` sets it. What a machine must have for
that is asked before anything starts, and named.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from bench import results
from bench._audit import Write, writes
from bench._objects import POOL
from bench._processes import Daemons, below
from bench._scene import PODS, Scene
from bench.report import Figure
from bench.results import SKIPPED
from cluster import client as clusters
from cluster import pylb_on
from cluster.client import Cluster
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.errors import ClusterError
from pylb.lab.errors import LabError

LEASE = "/apis/coordination.k8s.io/v1/namespaces/pylb-system/leases/pylb-controller"
CONTROLLERS = "app.kubernetes.io/component=controller"
AUDITED = 2.5  # s until all that was asked is in the audit log, which is written each second
READY = 60.0  # s until pods that were lost have successors
RESTS = 1.0  # s that controllers are left in peace once all are ready


def missing() -> str:
    """What this machine lacks for a real cluster, in words; "" where it lacks nothing."""
    if os.geteuid() != 0:
        return "the nodes of a real cluster need root"
    if shutil.which("runc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
        return "runc is not installed: apt-get install runc"
    try:
        clusters.programs()
    except LabError as error:
        return str(error)
    return ""


def run_topic(topic: str, measure: Callable[[], Iterable[Figure]]) -> None:
    """Publish what a topic measures; exits with SKIPPED, and says why, where this machine lacks something for it."""
    why = missing()
    if why:
        print(f"SKIP {topic}: {why}", flush=True)
        sys.exit(SKIPPED)
    results.publish(topic, measure())


class RealScene(Scene):
    """A real cluster with pylb on it."""

    def __init__(self, lab: Cluster, client: Client) -> None:
        super().__init__(lab, client)
        self.cluster = lab

    async def writes(self, since: float) -> list[Write]:
        """What pylb wrote from then until now, but for its Lease."""
        await asyncio.sleep(AUDITED)
        return writes(Path(self.cluster.status()["audit"]).read_text().splitlines(keepends=True), since)

    def daemons(self) -> Daemons:
        """The processes of pylb on all nodes."""
        first = {pid: node for node, pid in self.cluster.status()["first"].items() if pid}
        found: Daemons = {}
        for pid, (node, words) in below(first).items():
            if words[1:4] == ["-m", "pylb", "speaker"]:
                found[f"speaker on {node}"] = pid
            elif words[1:4] == ["-m", "pylb", "controller"]:
                names = [word.partition("=")[2] for word in words if word.startswith("--pod=")]
                found[f"controller {names[0]}"] = pid
        return found

    async def leader(self) -> str:
        """The controller that holds the Lease."""
        spec = (await self.client.get(LEASE))["spec"]
        return "controller " + str(spec.get("holderIdentity") or "").partition("_")[0]

    async def leads(self) -> tuple[str, str, str]:
        """The leader's pod, its node, and the pod's name among the processes."""
        name = await self.leader()
        pod = name.partition(" ")[2]
        return pod, str((await self.client.get(f"{PODS}/{pod}"))["spec"]["nodeName"]), name

    async def delete_leader(self) -> None:
        """Delete the leader's pod; it ends in order."""
        pod, _, _ = await self.leads()
        await self.client.delete(f"{PODS}/{pod}")

    async def kill_leader(self) -> None:
        """SIGKILL for the leader's process; its pod starts another one."""
        _, _, name = await self.leads()
        os.kill(self.daemons()[name], signal.SIGKILL)

    async def power_off_leader(self) -> str:
        """Take the power of the leader's node; its name."""
        _, node, _ = await self.leads()
        await asyncio.to_thread(self.cluster.power, node, False)
        return node

    async def power_on(self, node: str) -> None:
        """Give a node its power back."""
        await asyncio.to_thread(self.cluster.power, node, True)

    async def wait_controllers(self) -> None:
        """Wait until as many controllers as there shall be are ready, one of them leads, and none is about to end."""

        async def ready() -> bool:
            found: list[bool] = []
            with contextlib.suppress(ClusterError):
                pods = (await self.client.get(PODS, {"labelSelector": CONTROLLERS}))["items"]
                for pod in pods:
                    conditions = pod["status"].get("conditions") or ()
                    well = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
                    found.append(well and "deletionTimestamp" not in pod["metadata"])
                names = {f"controller {pod['metadata']['name']}" for pod in pods}
                return len(found) > 1 and all(found) and await self.leader() in names
            return False

        await self.until("the controllers are ready", ready, READY)
        await asyncio.sleep(RESTS)


@contextlib.asynccontextmanager
async def cluster_scene(addresses: str = POOL, subnet: str = "") -> AsyncIterator[RealScene]:
    """A cluster of three nodes with pylb on it that ends with the block; `subnet` is on its LAN besides."""
    lab = clusters.start(images=[pylb_on.image()])
    with lab:
        pylb_on.install(lab)
        widen(lab, subnet)
        async with Client(credentials.load(str(lab.kubeconfig)), user_agent="pylb-bench") as client:
            stage = RealScene(lab, client)
            await stage.wait_controllers()
            await stage.set_up(addresses)
            try:
                yield stage
            finally:
                await stage.end()


def widen(lab: Cluster, subnet: str) -> None:
    """Give every host of the LAN a second address, so that there is room for thousands. "" gives none."""
    if not subnet:
        return
    prefix, length = subnet.split("/")
    for name, host in lab.hosts.items():
        address = f"{prefix.rpartition('.')[0]}.{host['lan'].rpartition('.')[2]}/{length}"
        done = lab.exec(name, ["ip", "addr", "add", address, "dev", "eth0"])
        if done.returncode != 0:
            raise LabError(f"{name}: {done.stderr.strip()}")
