"""Hundreds and thousands of Services on a real cluster: made, counted, removed; and Services that wait while the
controller is lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from bench._cluster import RealScene
from bench._objects import EVERYWHERE, POD_PORT, Json
from bench._processes import Use, memory, processor
from bench._program import until
from bench._scene import SERVICES, SLICES, Watch
from pylb.kube.errors import ClusterError, NotFound

AT_ONCE = 4  # requests under way: so many connections are kept
STATUSES = "/apis/metallb.io/v1beta1/servicel2statuses"
PODS = "/api/v1/namespaces/default/pods"
CREATED, ANNOUNCED, STILL, GONE = 300.0, 120.0, 120.0, 120.0  # s that these may take
STILL_FOR = 4.0  # s without a write: all is said
WAITING_EVERY = 0.05  # s between two Services that come while the controller is lost
WATCHED = 3.0  # s of them at least: the fault has come about by then
RESCUED = 90.0  # s at most until they are served
SHOWN = 5  # names in an error
WAITING = "waiting"  # what their names begin with


class Fleet:
    """The Services of a cluster, all alike."""

    def __init__(self, stage: RealScene, watch: Watch) -> None:
        self.stage, self._watch = stage, watch
        self._names: list[str] = []
        self._waited = 0

    async def create(self, count: int, announced: bool) -> tuple[float, float]:
        """Create so many more, with endpoints or without; s from the first create until all are made, and until all
        have an address."""
        first = len(self._names)
        names = [f"one-{number}" for number in range(first, first + count)]
        if announced:
            ends = await self._endpoints()
            await self._all(self.stage.client.post(SLICES, _slice(name, ends)) for name in names)
        self._names += names
        began = time.time()
        await self._all(self.stage.create(_service(name)) for name in names)
        made = time.time() - began
        seen = self._watch.seen
        await until("all Services have an address", lambda: all(name in seen for name in names), CREATED, 0.1)
        return made, max(seen[name] for name in names) - began

    async def remove(self) -> None:
        """Delete all; returns when nobody announces any."""
        names, self._names = self._names, []
        await self._all(self.stage.client.delete(f"{SERVICES}/{name}") for name in names)
        await self._all(self._forget(f"{SLICES}/{name}") for name in names)
        for name in names:
            self._watch.seen.pop(name, None)
        await self.wait_statuses(0)

    async def _forget(self, path: str) -> None:
        with contextlib.suppress(NotFound):  # Kubernetes collects those of a Service that is gone
            await self.stage.client.delete(path)

    async def wait_statuses(self, count: int) -> float:
        """Wait until so many Services have a ServiceL2Status; s that it took."""
        began = time.monotonic()

        async def right() -> bool:
            found = await self.stage.client.get(STATUSES, {"limit": 1})
            return len(found["items"]) + int(found["metadata"].get("remainingItemCount") or 0) == count

        await self.stage.until(f"{count} Services are announced", right, ANNOUNCED)
        return time.monotonic() - began

    async def wait_still(self) -> None:
        """Wait until nothing is written any more."""
        end = time.monotonic() + STILL
        while await self.stage.writes(time.time() - STILL_FOR):
            if time.monotonic() > end:
                raise TimeoutError(f"still writing after {STILL:.0f} s")

    async def _endpoints(self) -> list[Json]:
        pods = (await self.stage.client.get(PODS))["items"]
        found = [(pod["status"]["podIP"], pod["spec"]["nodeName"]) for pod in pods if _is_web(pod)]
        return [{"addresses": [address], "nodeName": node, "conditions": {"ready": True}} for address, node in found]

    async def _all(self, works: Iterable[Awaitable[Any]]) -> None:
        """Do all, a few at a time, in their order."""
        waiting = iter(works)

        async def one_after_another() -> None:
            for work in waiting:
                await work

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))

    # What the daemons use

    def uses(self) -> dict[str, Use]:
        """The memory of each daemon."""
        return {who: Use(*memory(pid)) for who, pid in self.stage.daemons().items()}

    async def idle(self, seconds: float) -> dict[str, float]:
        """The processor time of each daemon in the next seconds, in % of a core."""
        pids = self.stage.daemons()
        before, began = {who: processor(pid) for who, pid in pids.items()}, time.monotonic()
        await asyncio.sleep(seconds)
        passed = time.monotonic() - began
        return {who: 100 * (processor(pid) - before[who]) / passed for who, pid in pids.items()}

    # Faults of the controller

    async def outage(self, fault: Callable[[], Awaitable[Any]]) -> float:
        """The longest time, in s, that a Service waits for its address, of those that come one after the other from the
        fault on. It counts from the fault for those that come before that is carried out."""
        made: dict[str, float] = {}
        began = time.monotonic()
        happening = asyncio.ensure_future(fault())
        while True:
            name = f"{WAITING}-{self._waited}"
            self._waited += 1
            asked = time.time()
            with contextlib.suppress(ClusterError):
                await self.stage.create(_service(name))
                made[name] = asked
            await asyncio.sleep(WAITING_EVERY)
            passed = time.monotonic() - began
            if happening.done() and passed > WATCHED and all(one in self._watch.seen for one in made):
                break
            if passed > RESCUED:
                left = [one for one in made if one not in self._watch.seen]
                raise TimeoutError(f"{len(left)} of {len(made)} have no address after {RESCUED:.0f} s: {left[:SHOWN]}")
        await happening
        worst = max(self._watch.seen[one] - at for one, at in made.items())
        await self._all(self.stage.client.delete(f"{SERVICES}/{one}") for one in made)
        return worst


def _is_web(pod: Json) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return "podIP" in pod["status"] and EVERYWHERE.items() <= labels.items()


def _service(name: str) -> Json:
    """Without a selector: its endpoints are made by hand, since Kubernetes makes 20 a second. Node ports end at 2768."""
    spec = {
        "type": "LoadBalancer",
        "allocateLoadBalancerNodePorts": False,
        "ports": [{"port": 80, "targetPort": POD_PORT}],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _slice(name: str, ends: list[Json]) -> Json:
    metadata = {"name": name, "labels": {"kubernetes.io/service-name": name}}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": ends,
        "ports": [{"name": "", "port": POD_PORT, "protocol": "TCP"}],
    }
