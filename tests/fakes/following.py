"""A collection that follows a faulty API server, in time scaled to a twentieth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fakes.faulty_api import FaultyApi
from pylb.kube.backoff import Pace
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.credentials import Credentials

PATH = "/api/v1/services"
SCALE = 0.05
PACE = Pace().scaled(SCALE)
SLACK = 0.25  # seconds that a busy machine may add to anything here

Change = tuple[str, str | None, str | None]


def thing(name: str, value: str = "x") -> dict[str, Any]:
    """An object with a value."""
    return {"metadata": {"name": name, "namespace": "default"}, "value": value}


def read_value(raw: dict[str, Any]) -> str | None:
    """What is made of it: its value, unless that is boring."""
    return None if raw["value"] == "boring" else str(raw["value"])


@asynccontextmanager
async def follow(
    api: FaultyApi, *, idle: float = 5.0, pace: Pace = PACE
) -> AsyncIterator[tuple[Collection[str], list[Change]]]:
    """A running collection, and the changes that it told."""
    changes: list[Change] = []
    async with Client(Credentials(api.url, "test")) as client:
        collection = Collection(
            client,
            PATH,
            read_value,
            on_change=lambda key, old, new: changes.append((key, old, new)),
            idle=idle,
            pace=pace,
        )
        task = asyncio.create_task(collection.run())
        try:
            yield collection, changes
        finally:
            if task.done():
                task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def eventually(condition: Callable[[], bool], within: float = 2.0) -> float:
    """Waits for the condition; gives the seconds that it took."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not condition():
        assert loop.time() - start < within, "it did not come true in time"
        await asyncio.sleep(0.002)
    return loop.time() - start
