"""An address of a lab that pods serve over TCP and UDP: who owns it, and how it is brought to a node on purpose."""

from __future__ import annotations

from ipaddress import IPv4Address

from bench._objects import EVERYWHERE, POOL_FIRST, Json, service
from bench._scene import SERVICES, Scene
from pylb.core.ownership.moves import DRAIN, MOVE, YES

PORT, UDP_PORT, EVERY_NODE_PORT = 80, 53, 81
SHARE = "bench"  # Services with this key share the address
NAME = "front"
NODES = "/api/v1/nodes"
Claim = tuple[str, int]  # the owner's name, and the term


class Front:
    """The address, with a Service for each protocol."""

    def __init__(self, stage: Scene, address: IPv4Address = POOL_FIRST, name: str = NAME) -> None:
        self.stage, self.address, self.name = stage, address, name

    @property
    def url(self) -> str:
        return f"http://{self.address}:{PORT}/"

    async def create(self, selector: Json = EVERYWHERE, *, udp: bool = False) -> None:
        """Returns when it answers."""
        await self.stage.create(service(self.name, self.address, selector, PORT, SHARE))
        if udp:
            await self.stage.create(service(f"{self.name}-udp", self.address, selector, UDP_PORT, SHARE, "UDP"))
        await self.stage.wait_answer(self.url)

    async def claim(self) -> Claim:
        """Whom all speakers take for the owner, and by which term, as soon as they agree and nobody stands in."""
        found: set[Claim] = set()

        async def agreed() -> bool:
            told = [one for node in self.stage.nodes for one in await self.views(node)]
            found.clear()
            found.update((one["owner"], one["term"]) for one in told)
            agree = len(told) == len(self.stage.nodes) and len(found) == 1 and all(owner for owner, _ in found)
            return agree and not any(one["standing"] for one in told)

        await self.stage.until(f"all speakers agree about {self.address}", agreed)
        return next(iter(found))

    async def views(self, node: str) -> list[Json]:
        """What a node's speaker says of the address: one object, or none."""
        state = await self.stage.state(node)
        return [one for one in state["addresses"] if one["address"] == str(self.address)]

    async def owns(self, node: str) -> bool:
        """Whether a node's speaker says that it owns the address."""
        return any(one["mine"] for one in await self.views(node))

    async def bring(self, node: str) -> None:
        """Have a node own it, by a request; returns when all know."""
        owner, term = await self.claim()
        if owner != node:
            await self.ask(f"{node}@{term}")
            await self.stage.until(f"{node} owns {self.address}", lambda: self.owns(node))
            await self.claim()
            await self.ask(None)

    async def ask(self, request: str | None) -> None:
        """Write a request for a move, or remove it."""
        body = {"metadata": {"annotations": {MOVE: request}}}
        await self.stage.client.patch(f"{SERVICES}/{self.name}", body)

    async def drain(self, node: str, is_drained: bool) -> None:
        """Say that a node is to own nothing, or that it may."""
        body = {"metadata": {"annotations": {DRAIN: YES if is_drained else None}}}
        await self.stage.client.patch(f"{NODES}/{node}", body)
