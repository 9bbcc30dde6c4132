"""A cluster as those who move addresses see and change it: Nodes, Services, and the speakers behind the pod proxy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from pylb.core.model import ServiceKey, split_key
from pylb.core.ownership.moves import DRAIN, MOVE, YES, Move
from pylb.core.places import OWN_NAMESPACE
from pylb.kube import decode
from pylb.kube.client import JSON, Client
from pylb.kube.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound
from pylb.operate.picture import Picture, picture
from pylb.tui import reporters
from pylb.tui.reporters import COMPONENT, Token

NODES = "/api/v1/nodes"
PODS = f"/api/v1/namespaces/{OWN_NAMESPACE}/pods"
SPEAKERS = {"labelSelector": f"app.kubernetes.io/name=pylb,{COMPONENT}=speaker"}
MANAGER = "pylb"  # whose annotations these are, in managedFields
AT_ONCE = 16  # requests; an API server on a Raspberry Pi answers some hundred a second
STATE_LIMIT_S = 2.0  # for one speaker's answer


class Cluster:
    """Reads and annotates. Every method raises ClusterError where the cluster does not answer, or not to us."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._token = Token(client)
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def nodes(self) -> dict[str, bool]:
        """The nodes' names, and whether each is drained already."""
        items = (await self._client.get(NODES))["items"]
        return {node.name: node.drained for node in sorted(map(decode.node, items), key=lambda node: node.name)}

    async def look(self, *nodes: str) -> Picture:
        """What the speakers of some nodes say now, or all. One that does not answer is left out; Forbidden if none may be
        asked."""
        pods = {}
        for item in (await self._client.get(PODS, SPEAKERS))["items"]:
            pod = decode.pod(item)
            wanted = pod.node is not None and (not nodes or pod.node in nodes)
            if wanted and not item["metadata"].get("deletionTimestamp"):
                pods[str(pod.node)] = pod.name
        headers = await self._token.headers()
        answers = await asyncio.gather(*(self._ask(name, headers) for name in pods.values()))
        refused = [one for one in answers if isinstance(one, Forbidden)]
        if refused and len(refused) == len(answers):
            raise refused[0]
        told = zip(pods, answers, strict=True)
        return picture({node: answer for node, answer in told if isinstance(answer, Mapping)})

    async def _ask(self, pod: str, headers: Mapping[str, str]) -> JSON:
        """A speaker's state; the error where there is none."""
        path = f"{PODS}/{pod}:{reporters.PORTS['speaker']}/proxy/state"
        try:
            async with self._gate:
                return await self._client.get(path, headers=headers, deadline=STATE_LIMIT_S, tries=1)
        except ClusterError as error:
            return error

    async def drain(self, node: str, is_drained: bool) -> None:
        """Say on the Node whether it is to own nothing."""
        annotations = {DRAIN: YES if is_drained else None}
        body = {"metadata": {"annotations": annotations}}
        await self._client.patch(f"{NODES}/{node}", body, field_manager=MANAGER)

    async def ask_move(self, service: str, move: Move) -> None:
        """Ask for a move on one of the Services that use the address."""
        body = {"metadata": {"annotations": {MOVE: str(move)}}}
        await self._client.patch(_path(service), body, field_manager=MANAGER)

    async def forget_move(self, service: str, move: Move) -> None:
        """Take the request away, if it is still the same."""
        pointer = "/metadata/annotations/" + MOVE.replace("/", "~1")
        body = [{"op": "test", "path": pointer, "value": str(move)}, {"op": "remove", "path": pointer}]
        with contextlib.suppress(NotFound, Conflict, Invalid):
            await self._client.patch(_path(service), body, kind="json", field_manager=MANAGER)


def _path(service: str) -> str:
    namespace, name = split_key(ServiceKey(service))
    return f"/api/v1/namespaces/{namespace}/services/{name}"
