"""The small kube-proxy of all nodes, the part that acts: rules are applied when they change, in one transaction a node.

What the rules are is `datapath`'s matter. Changes that come while rules are being applied are taken together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from pylb.lab import conntrack
from pylb.lab.children import Children
from pylb.lab.datapath import Front, fronts, ruleset
from pylb.lab.errors import LabError
from pylb.lab.machines import Machines
from pylb.lab.plan import PODS

JSON = Mapping[str, Any]
RETRY_S = 0.5

log = logging.getLogger(__name__)


class Proxy:
    """Keeps the rules of all nodes. `wake` it whenever Services, EndpointSlices or cables change."""

    def __init__(self, machines: Machines, children: Children) -> None:
        self._machines = machines
        self._children = children
        self._wake = asyncio.Event()
        self._applied: dict[str, str] = {}

    def wake(self) -> None:
        """Look again."""
        self._wake.set()

    def forget(self, node: str) -> None:
        """A node's rules are gone with its power."""
        self._applied.pop(node, None)

    async def run(self, services: Mapping[str, JSON], slices: Mapping[str, JSON]) -> None:
        """Follow the objects until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            wanted = fronts(services.values(), slices.values())
            reachable = [name for name, machine in self._machines.nodes.items() if machine.reaches_api]
            done = await asyncio.gather(*(self._apply(name, wanted) for name in reachable))
            if not all(done):
                asyncio.get_running_loop().call_later(RETRY_S, self.wake)

    async def _apply(self, node: str, wanted: tuple[Front, ...]) -> bool:
        rules = ruleset(node, wanted, PODS)
        if self._applied.get(node) == rules:
            return True
        try:
            await self._children.check(["nft", "-f", "-"], rules, namespace=node)
            self._applied[node] = rules
            udp = endpoints(node, wanted)
            if udp:
                conntrack.forget(node, udp)
        except (LabError, OSError) as error:
            log.warning("rules of %s: %s", node, error)
            return False
        return True


def endpoints(node: str, wanted: tuple[Front, ...]) -> dict[tuple[str, int], frozenset[str]]:
    """Where UDP flows to an address and port may end, as seen on a node."""
    found: dict[tuple[str, int], frozenset[str]] = {}
    for front in wanted:
        if front.protocol == "udp":
            everyone = frozenset(backend.address for backend in front.backends)
            nearby = frozenset(backend.address for backend in front.on(node))
            found |= {(address, front.port): everyone for address in front.cluster}
            found |= {(address, front.port): nearby if front.local else everyone for address in front.external}
    return found
