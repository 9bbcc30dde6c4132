"""The nodes' own addresses, which no Service is given. What that means for a Service is decided in `core.allocation.allocator`.

Without the right to read nodes everything goes on, as if no pool held one of their addresses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from pylb.core.allocation.allocator import NODE_ADDRESS
from pylb.core.allocation.remedies import listed
from pylb.core.config.loader import Config
from pylb.core.model import Address, NodeName, ObjectRef
from pylb.core.notices import WARNING, Notice
from pylb.kube import decode
from pylb.kube.client import JSON, Client
from pylb.kube.collection import Collection
from pylb.kube.errors import ClusterError, Forbidden
from pylb.runtime.log import Logger

NODES = "/api/v1/nodes"
ASK_AGAIN = 1.0  # s until the API server is asked again whether nodes may be read, after no answer
ALLOWED_AGAIN = 60.0  # s, after a no


class Hosts:
    """Keeps the nodes' InternalIPs current; `on_change` is called when they are known, and when they change."""

    def __init__(self, client: Client, on_change: Callable[[], None], log: Logger) -> None:
        self.addresses: Mapping[Address, NodeName] = {}
        self._client, self._on_change, self._log = client, on_change, log
        self._forbidden = False
        self._nodes: Collection[tuple[Address, ...]] = Collection(
            client, NODES, _internal_ips, on_change=self._changed, on_synced=self._learn
        )

    @property
    def known(self) -> bool:
        """Whether all was read once, or may not be read."""
        return self._nodes.synced or self._forbidden

    async def run(self) -> None:
        """Keep them for ever."""
        while True:
            if await self._is_allowed():
                await self._nodes.run()
            await asyncio.sleep(ALLOWED_AGAIN if self._forbidden else ASK_AGAIN)

    async def _is_allowed(self) -> bool:
        try:
            await self._client.get(NODES, {"limit": 1}, tries=1)
        except Forbidden as error:
            if not self._forbidden:
                self._forbidden = True
                self._log.warning(
                    "may not read nodes: a Service may be given a node's own address; apply the manifests of this version",
                    error=str(error),
                )
                self._on_change()
            return False
        except ClusterError:
            return False
        return True

    def _changed(self, key: str, old: object, new: object) -> None:
        if self._nodes.synced:
            self._learn()

    def _learn(self) -> None:
        self.addresses = {ip: NodeName(name) for name, ips in sorted(self._nodes.items.items()) for ip in ips}
        self._on_change()


def _internal_ips(raw: JSON) -> tuple[Address, ...]:
    return decode.node(raw).internal_ips


def warnings(config: Config, taken: Mapping[Address, NodeName]) -> dict[ObjectRef, Notice]:
    """What is to be told of the pools that hold nodes' own addresses; an old ConfigMap's together. Pure."""
    found: dict[ObjectRef, list[str]] = {}
    for pool in config.pools.values():
        own = [f"{address} (node {node})" for address, node in taken.items() if address in pool]
        if own:
            found.setdefault(pool.ref, []).extend(own)
    return {ref: Notice(WARNING, NODE_ADDRESS, _warning(own)) for ref, own in found.items()}


def _warning(own: list[str]) -> str:
    return (
        f"nodes' own addresses are in the pool: {listed(own)}; no Service is given one: take them out of spec.addresses"
    )
