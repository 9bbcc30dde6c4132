"""A store of objects behind the faulty API server, for what writes; and a client that is connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fakes.faulty_api import Behaviour, Exchange, FaultyApi, Seen, status_object
from pylb.kube.client import Client
from pylb.kube.comparison import merged
from pylb.kube.credentials import Credentials


class Objects:
    """Objects by path, with status subresources; `immutable` refuses changes of a status."""

    def __init__(self, **objects: Any) -> None:
        self.objects: dict[str, Any] = objects
        self.immutable = False

    async def __call__(self, exchange: Exchange) -> None:
        seen = exchange.request
        code, answer = self._do(seen)
        await exchange.json(answer, code)

    def _do(self, seen: Seen) -> tuple[int, Any]:
        path, sub, _ = seen.path.partition("/status")
        if seen.method == "POST":
            path = f"{path}/{seen.json['metadata']['name']}"
            self.objects[path] = {key: value for key, value in seen.json.items() if key != "status"}
        if path not in self.objects:
            return 404, status_object(404, "NotFound")
        current = self.objects[path]
        if seen.method == "DELETE":
            del self.objects[path]
        if seen.method == "PATCH":
            if sub and self.immutable and current.get("status"):
                return 422, status_object(422, "Invalid", "immutable")
            part = {"status": seen.json["status"]} if sub else seen.json
            self.objects[path] = merged(current, part)
        return 200, self.objects.get(path, current)


@asynccontextmanager
async def connected(behaviour: Behaviour) -> AsyncIterator[tuple[FaultyApi, Client]]:
    """A server that answers everything so, and a client of it."""
    async with (
        FaultyApi(on_list=behaviour, on_other=behaviour) as api,
        Client(Credentials(api.url, "test")) as client,
    ):
        yield api, client


def methods(api: FaultyApi) -> list[str]:
    """What was asked, in order."""
    return [seen.method for seen in api.requests]


async def eventually(condition: Callable[[], bool]) -> None:
    """Waits until it is so, for 5 s at most."""

    async def poll() -> None:
        while not condition():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), 5)
