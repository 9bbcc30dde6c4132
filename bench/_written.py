"""What is written to a lab's API server, as its watches tell: every kind that a speaker may write."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from bench._scene import AGAIN, OURS, SERVICES, Scene
from pylb.kube.errors import ClusterError

METALLB = "/apis/metallb.io/v1beta1"
KINDS = {  # the roles of the installation (pylb.addon.access) allow speakers no others
    "events": "/api/v1/events",
    "servicel2statuses": f"{METALLB}/servicel2statuses",
    "configurationstates": f"{METALLB}/configurationstates",
    "configmaps": f"/api/v1/namespaces/{OURS}/configmaps",
    "services": SERVICES,
}


@dataclass
class Written:
    """The writes so far: when (Unix time), and the kind of what was written."""

    all: list[tuple[float, str]] = field(default_factory=list)

    def between(self, since: float, until: float) -> Counter[str]:
        """How many of each kind were told in this span."""
        return Counter(kind for at, kind in self.all if since <= at < until)

    async def follow(self, stage: Scene, kind: str) -> None:
        """Watch one kind for ever. What was written while a watch that broke is opened again is not counted."""
        while True:
            with contextlib.suppress(ClusterError):
                version = (await stage.client.get(KINDS[kind]))["metadata"]["resourceVersion"]
                query = {"watch": "true", "resourceVersion": version}
                lines = stage.client.lines(KINDS[kind], query)
                async with contextlib.aclosing(lines):
                    async for _ in lines:
                        self.all.append((time.time(), kind))
            await asyncio.sleep(AGAIN)


@contextlib.asynccontextmanager
async def written(stage: Scene) -> AsyncIterator[Written]:
    """Count as long as the block lasts."""
    found = Written()
    tasks = [asyncio.ensure_future(found.follow(stage, kind)) for kind in KINDS]
    try:
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
