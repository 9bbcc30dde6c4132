"""The pod that a process runs in, as the owner of the objects that it writes: they go when it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pylb.kube.client import Client
from pylb.kube.errors import NotFound


class Owner:
    """A pod by name, read once; "" where the process runs in none, as in tests and demos."""

    def __init__(self, client: Client, namespace: str, pod: str) -> None:
        self._client = client
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod}" if pod else ""
        self._reference: Mapping[str, Any] | None = None

    async def reference(self) -> Mapping[str, Any] | None:
        """The owner reference, or None where there is no such pod. Raises ClusterError."""
        if self._reference is None and self._path:
            try:
                meta = (await self._client.get(self._path))["metadata"]
            except NotFound:
                return None
            self._reference = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        return self._reference
