"""The history in the API: two writers at once, an API server that is away, and whatever else somebody wrote there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.quiet import OURS, Counted, counted, running
from pylb.core import history
from pylb.core.history import Entry
from pylb.embedded.messages import Request, Response
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.log import Logger
from pylb.speaker import chronicle
from pylb.speaker.chronicle import Chronicle

PATH = f"/api/v1/namespaces/{OURS}/configmaps/{history.NAME}"
EMPTY = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": history.NAME, "namespace": OURS}}
WRITE = ("PUT", "configmaps")
SOON = 10.0  # s


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEBOUNCE", "SPREAD", "AGAIN", "AGAIN_MAX"):
        monkeypatch.setattr(chronicle, name, 0.05)


@pytest.fixture
async def cluster() -> AsyncIterator[Counted]:
    async with counted(EMPTY) as one:
        yield one


def moves(node: str, count: int, start: int = 0) -> list[Entry]:
    return [
        Entry(float(start + n), f"192.0.2.{n % 250}", ("default/web",), "n9", node, "node_gone", 2)
        for n in range(count)
    ]


def writer(client: Client, chance: float = 0.5) -> Chronicle:
    return Chronicle(client, OURS, Logger("test"), lambda: chance)


async def written(cluster: Counted) -> tuple[Entry, ...]:
    return history.parse(((await cluster.admin.get(PATH)).get("data") or {}).get(history.KEY))


async def until(cluster: Counted, wanted: set[Entry]) -> None:
    """Exactly these stand there, soon."""
    end = asyncio.get_running_loop().time() + SOON
    while set(await written(cluster)) != wanted:
        assert asyncio.get_running_loop().time() < end, await written(cluster)
        await asyncio.sleep(0.02)


async def test_moves_at_once_are_one_write(cluster: Counted) -> None:
    told = moves("n1", 50)
    async with cluster.client() as client:
        one = writer(client)
        async with running(one.run()):
            for move in told:
                one.record(move)
            await until(cluster, set(told))
            await cluster.quiet(0.5)
    assert cluster.taken() == {WRITE: 1}
    assert await written(cluster) == tuple(told), "newest last"


async def test_two_that_write_at_once_lose_nothing(cluster: Counted) -> None:
    """Both wait for the same time, so that they meet; who comes second reads again."""
    first, second = moves("n1", 60), moves("n2", 60, start=30)
    async with cluster.client() as client, cluster.client() as other:
        one, two = writer(client, 0.0), writer(other, 0.0)
        async with running(one.run(), two.run()):
            for mine, theirs in zip(first, second, strict=True):
                one.record(mine)
                two.record(theirs)
                await asyncio.sleep(0.005)
            await until(cluster, {*first, *second})
    assert one.lost == two.lost == 0
    assert [entry.at for entry in await written(cluster)] == sorted(entry.at for entry in {*first, *second})


class Behind:
    """Says of each first write of a version that it comes too late, as a real collision does."""

    def __init__(self, cluster: Counted) -> None:
        self._next, cluster.server.handler = cluster.server.handler, self
        self._admin = cluster.admin
        self.collisions = 3

    async def __call__(self, request: Request) -> Response:
        if request.method == "PUT" and self.collisions:
            self.collisions -= 1
            await self._admin.patch(PATH, {"metadata": {"annotations": {"somebody": str(self.collisions)}}})
        return await self._next(request)


async def test_who_comes_too_late_reads_again(cluster: Counted) -> None:
    told = moves("n1", 3)
    behind = Behind(cluster)
    async with cluster.client() as client:
        one = writer(client)
        async with running(one.run()):
            for move in told:
                one.record(move)
            await until(cluster, set(told))
    assert (behind.collisions, one.written) == (0, 1)
    assert (await cluster.admin.get(PATH))["metadata"]["annotations"] == {"somebody": "0"}, "and takes nothing away"


async def test_what_happens_while_the_api_is_away_is_told_later_and_blocks_nothing(cluster: Counted) -> None:
    await cluster.admin.delete(PATH)
    told = moves("n1", history.KEPT + 7)
    async with cluster.client() as client:
        one = writer(client)
        async with running(one.run()):
            for move in told:
                one.record(move)
            await asyncio.sleep(0.3)
            assert one.lost == 7
            assert cluster.taken() == {}, "it may create nothing, and does not ask"
            await cluster.create(EMPTY)
            await until(cluster, set(told[7:]))
            cluster.log.clear()
            await cluster.quiet(0.3)
            assert cluster.taken() == {}


async def test_nobody_there(monkeypatch: pytest.MonkeyPatch, cluster: Counted) -> None:
    told = moves("n1", 2)
    async with Client(Credentials("http://127.0.0.1:1", "test")) as nowhere, cluster.client() as client:
        one = writer(nowhere)
        async with running(one.run()):
            for move in told:
                one.record(move)
            await asyncio.sleep(0.2)
            monkeypatch.setattr(one, "_client", client)
            await until(cluster, set(told))


@pytest.mark.parametrize(
    "data",
    [
        {history.KEY: ""},
        {history.KEY: "garbage\n{\n[1]\n\x00\ud83d\ude00"},
        {history.KEY: "x" * 300_000},
        {"other": "kept"},
    ],
)
async def test_whatever_stands_there_gives_way_to_moves(cluster: Counted, data: dict[str, Any]) -> None:
    await cluster.admin.patch(PATH, {"data": data})
    told = moves("n1", 3)
    async with cluster.client() as client:
        one = writer(client)
        async with running(one.run()):
            for move in told:
                one.record(move)
            await until(cluster, set(told))
    found = (await cluster.admin.get(PATH))["data"]
    assert found[history.KEY] == history.render(told)
    assert {**data, history.KEY: ""} == {**found, history.KEY: ""}, "what is not ours stays"


async def test_a_write_whose_answer_was_lost_is_not_made_again(cluster: Counted) -> None:
    told = moves("n1", 3)
    await cluster.admin.patch(PATH, {"data": {history.KEY: history.render(told)}})
    async with cluster.client() as client:
        one = writer(client)
        async with running(one.run()):
            for move in told:
                one.record(move)
            await asyncio.sleep(0.4)
    assert cluster.taken() == {}
