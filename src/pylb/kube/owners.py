"""The pod that a process runs in, or what made it, as the owner of the objects that it writes: they go when it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pylb.kube.client import Client
from pylb.kube.errors import NotFound


class Owner:
    """A pod by name, read once; "" where the process runs in none, as in tests and demos.

    With `maker` it is the pod's controller, as a DaemonSet, so that what is written outlives the pod; a pod that was
    made by hand has none, and owns itself what it writes.
    """

    def __init__(self, client: Client, namespace: str, pod: str, *, maker: bool = False) -> None:
        self._client, self._maker = client, maker
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod}" if pod else ""
        self._reference: Mapping[str, Any] | None = None

    async def reference(self) -> Mapping[str, Any] | None:
        """The owner reference, or None where there is no such pod. Raises ClusterError."""
        if self._reference is None and self._path:
            try:
                meta = (await self._client.get(self._path))["metadata"]
            except NotFound:
                return None
            made = (one for one in meta.get("ownerReferences") or () if one.get("controller"))
            maker = next(made, None) if self._maker else None
            self._reference = _of(maker) if maker else _of({"apiVersion": "v1", "kind": "Pod", **meta})
        return self._reference


def _of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: raw[key] for key in ("apiVersion", "kind", "name", "uid")}
