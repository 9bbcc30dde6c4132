"""The kubelets of all nodes: a namespace, an address and a stand-in for each Pod that is bound to a node.

What a Pod looks like inside is `podspec`'s matter. A node that has no power or cannot reach the API server does nothing
until it can again, as in life; one that lost its power starts its Pods anew. A kubelet that was stopped leaves its Pods
as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pylb.kube.client import Client
from pylb.kube.errors import ClusterError, NotFound
from pylb.lab import namespaces, podspec
from pylb.lab.door import Door
from pylb.lab.errors import LabError
from pylb.lab.machines import Machines
from pylb.lab.network import LAN, Network
from pylb.lab.plan import Host
from pylb.lab.standins import Standin

JSON = Mapping[str, Any]
RETRY_S = 0.5

log = logging.getLogger(__name__)


@dataclass
class Running:
    """A Pod that runs here."""

    uid: str
    namespace: str
    address: str
    standin: Standin
    reported: bool = False  # its status was written


class Kubelet:
    """One node's. `wake` it whenever Pods, Services or cables change."""

    def __init__(self, host: Host, network: Network, machines: Machines, client: Client) -> None:
        self.running: dict[str, Running] = {}
        self._host = host
        self._network = network
        self._machine = machines[host.name]
        self._client = client
        self._wake = asyncio.Event()
        self._next = podspec.FIRST
        self._count = 0
        self._busy = asyncio.Lock()
        self._door = Door(host.name)

    @property
    def runs(self) -> bool:
        """Whether it does its work, on a node that has power."""
        return self._door.is_open

    async def start(self) -> None:
        """Begin its work, or begin again."""
        await self._door.open()
        self.wake()

    def stop(self) -> None:
        """Its port refuses, its Pods run on, and nobody looks after them."""
        self._door.close()

    def wake(self) -> None:
        """Look again."""
        self._wake.set()

    async def run(self, pods: Mapping[str, JSON], services: Mapping[str, JSON]) -> None:
        """Follow the Pods until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not (self.runs and self._machine.reaches_api):
                continue
            try:
                async with self._busy:
                    await self._reconcile(pods, services)
            except (LabError, ClusterError, OSError) as error:
                log.warning("kubelet of %s: %s; trying again", self._host.name, error)
                asyncio.get_running_loop().call_later(RETRY_S, self.wake)

    async def off(self) -> None:
        """The node's power is gone, and its Pods with it."""
        self.stop()
        async with self._busy:
            await asyncio.gather(*(self._remove(key) for key in list(self.running)))
            self._next = podspec.FIRST

    async def _reconcile(self, pods: Mapping[str, JSON], services: Mapping[str, JSON]) -> None:
        mine = {key: pod for key, pod in pods.items() if podspec.node(pod) == self._host.name}
        wanted = {key: pod for key, pod in mine.items() if podspec.runs(pod)}
        gone = [key for key, one in self.running.items() if key not in wanted or podspec.uid(wanted[key]) != one.uid]
        await asyncio.gather(*(self._remove(key) for key in gone))
        await asyncio.gather(*(self._delete(pod) for pod in mine.values() if podspec.is_ending(pod)))
        await asyncio.gather(*(self._tend(key, pod, services.values()) for key, pod in wanted.items()))

    async def _tend(self, key: str, pod: JSON, services: Iterable[JSON]) -> None:
        """Start a Pod if it does not run, listen where it shall, and say so once."""
        one = self.running.get(key) or await self._add(key, pod)
        ports = podspec.ports(pod, services)
        if ports != one.standin.ports:
            await one.standin.listen(ports)
        if not one.reported:
            await self._report(pod, one)
            one.reported = True

    async def _add(self, key: str, pod: JSON) -> Running:
        self._count += 1
        number = self._count
        namespace = f"{self._host.name}-pod{number}"
        address = self._address()
        name = str(pod["metadata"]["name"])
        one = Running(podspec.uid(pod), namespace, address, Standin(name, namespace))
        self.running[key] = one
        await self._network.ip(LAN, [f"netns add {namespace}"])
        try:
            await self._connect(namespace, address, number)
        except LabError:
            await self._remove(key)
            raise
        return one

    async def _connect(self, namespace: str, address: str, number: int) -> None:
        """A pod's cable to its node, and the routes of both."""
        cable = f"veth{number}"  # as container networks name them, so that speakers leave it out
        await self._network.ip(
            self._host.name,
            [
                f"link add {cable} type veth peer name eth0 netns {namespace}",
                f"link set {cable} up",
                f"addr add {self._host.gateway}/32 dev {cable}",
                f"route add {address}/32 dev {cable}",
            ],
        )
        inside = [f"addr add {address}/32 dev eth0", "link set lo up", "link set eth0 up"]
        ways = [f"route add {self._host.gateway} dev eth0", f"route add default via {self._host.gateway}"]
        await self._network.ip(namespace, [*inside, *ways])

    def _address(self) -> str:
        found = podspec.free_address(self._host.pods, {one.address for one in self.running.values()}, self._next)
        if found is None:
            raise LabError(f"no address is left for another pod on {self._host.name}")
        address, self._next = found
        return address

    async def _remove(self, key: str) -> None:
        one = self.running.pop(key)
        one.standin.close()
        for pid in namespaces.members(one.namespace):  # what somebody runs in it
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._network.ip(LAN, [f"netns del {one.namespace}"])

    async def _report(self, pod: JSON, one: Running) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = podspec.running(pod, one.address, str(self._host.lan), now)
        try:
            await self._client.patch(f"{_path(pod)}/status", {"status": status})
        except NotFound:
            log.info("%s is gone already", podspec.key(pod))

    async def _delete(self, pod: JSON) -> None:
        try:
            await self._client.delete(_path(pod), {"gracePeriodSeconds": 0})
        except NotFound:
            log.info("%s is gone already", podspec.key(pod))


def _path(pod: JSON) -> str:
    meta = pod["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
