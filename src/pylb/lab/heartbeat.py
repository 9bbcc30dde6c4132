"""The heartbeats of the nodes: a Lease each, renewed each second while its kubelet runs and reaches the API server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timezone

from pylb.kube.client import Client
from pylb.kube.errors import ClusterError
from pylb.lab import objects
from pylb.lab.machines import Machines

EVERY_S = 1.0
DEADLINE_S = 0.9

log = logging.getLogger(__name__)


class Heartbeats:
    """Those of all nodes."""

    def __init__(self, machines: Machines, client: Client, runs: Callable[[str], bool]) -> None:
        """`runs` says of a node's name whether its kubelet does."""
        self._machines, self._runs = machines, runs
        self._client = client

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            machines = self._machines.nodes.items()
            alive = [name for name, machine in machines if machine.reaches_api and self._runs(name)]
            await asyncio.gather(*(self.beat(name) for name in alive), asyncio.sleep(EVERY_S))

    async def beat(self, name: str) -> None:
        """One node's beat."""
        renewal = {"spec": {"renewTime": objects.micro_stamp(datetime.now(timezone.utc))}}
        path = f"/apis/coordination.k8s.io/v1/namespaces/{objects.LEASES}/leases/{name}"
        try:
            await self._client.patch(path, renewal, deadline=DEADLINE_S)
        except ClusterError as error:
            log.warning("heartbeat of %s: %s", name, error)
