"""Which keys other nodes sign their beats with, by the API server's word: read when a node asks, of those it asks for.

A speaker's ConfigurationState tells it (`kube.report`), and goes with the speaker's pod. What a node has to do with it is
`strangers`' matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from pylb.core import verdicts
from pylb.core.model import NodeName
from pylb.kube.client import Client
from pylb.kube.errors import ClusterError

AGAIN = 1.0  # s between two times that the same nodes are asked about
MAX_ASKED = 64  # nodes at a time; each is a request


class Vouchers:
    """Asks while somebody wants to know."""

    def __init__(
        self, client: Client, namespace: str, on_keys: Callable[[Mapping[NodeName, Collection[str]]], None]
    ) -> None:
        """`on_keys` gets what each node tells: "" where it names no key; left out are those of which nothing is known."""
        self._client, self._on_keys = client, on_keys
        self._path = f"/apis/{verdicts.API_VERSION}/namespaces/{namespace}/configurationstates"
        self._wanted: tuple[NodeName, ...] = ()
        self._due = asyncio.Event()

    def want(self, nodes: Collection[NodeName]) -> None:
        """Find out about these, soon, if there are any."""
        if nodes:
            self._wanted = tuple(nodes)[:MAX_ASKED]
            self._due.set()

    async def run(self) -> None:
        """Do so for ever."""
        while True:
            await self._due.wait()
            self._due.clear()
            found = {node: await self._read(node) for node in self._wanted}
            self._on_keys({node: (key,) for node, key in found.items() if key is not None})
            await asyncio.sleep(AGAIN)

    async def _read(self, node: NodeName) -> str | None:
        try:
            found = await self._client.get(f"{self._path}/{verdicts.speaker(node).name}")
        except ClusterError:  # it does not exist, or may not be read, or the API is away
            return None
        notes = found.get("metadata", {}).get("annotations") or {}
        told = notes.get(verdicts.KEY, "") if isinstance(notes, dict) else None
        return told if isinstance(told, str) else None
