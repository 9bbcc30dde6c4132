"""The pools' counters: few writes for many changes, none for none, and no pool in another's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pylb.controller import poolwriter
from pylb.controller.fullness import Status
from pylb.controller.poolwriter import PoolWriter
from pylb.core.model import ObjectRef
from pylb.kube.errors import ClusterError, Conflict, Forbidden, NotFound, Unreachable
from pylb.runtime.log import Logger


def ref(name: str, uid: str = "u") -> ObjectRef:
    return ObjectRef("IPAddressPool", "metallb-system", name, uid, "metallb.io/v1beta1")


P, Q = ref("p"), ref("q")


def full(assigned: int) -> Status:
    return {"assignedIPv4": assigned, "availableIPv4": 9 - assigned, "assignedIPv6": 0, "availableIPv6": 0}


def made(uid: str = "u", **status: Any) -> dict[str, Any]:
    """A pool as it stands there."""
    return {"metadata": {"uid": uid, "resourceVersion": "1"}, **status}


class Api:
    """Pools by name; errors are used up one by one."""

    def __init__(self) -> None:
        self.pools: dict[str, Any] = {"p": made(), "q": made()}
        self.seen: list[str] = []
        self.errors: list[ClusterError] = []

    async def get(self, path: str) -> Any:
        return self._do("get", path)

    async def patch(self, path: str, body: Any) -> Any:
        found = self._do("patch", path.removesuffix("/status"))
        if any(found["metadata"][name] != value for name, value in body["metadata"].items()):
            raise Conflict("it is another by now")
        assert body["metadata"].keys() == found["metadata"].keys()
        found["status"] = body["status"]
        self.touch(path.removesuffix("/status").rpartition("/")[2])
        return found

    def touch(self, name: str) -> None:
        """Somebody writes it."""
        meta = self.pools[name]["metadata"]
        meta["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)

    def _do(self, verb: str, path: str) -> Any:
        folder, _, name = path.rpartition("/")
        assert folder == "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"
        self.seen.append(f"{verb} {name}")
        if self.errors:
            raise self.errors.pop(0)
        if name not in self.pools:
            raise NotFound("none")
        return self.pools[name]


class Desk:
    """A running writer, and what it is to write."""

    def __init__(self) -> None:
        self.api = Api()
        self.wanted: dict[ObjectRef, Status] = {P: full(1), Q: full(0)}
        self.writer = PoolWriter(self.api, lambda: self.wanted, Logger("test"))  # type: ignore[arg-type]

    async def change(self, wanted: dict[ObjectRef, Status] | None = None) -> list[str]:
        """What it asks for after a change."""
        self.wanted = self.wanted if wanted is None else wanted
        self.writer.changed()
        for _ in range(50):
            await asyncio.sleep(0)
        seen, self.api.seen = self.api.seen, []
        return seen


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(poolwriter, "DEBOUNCE", 0)
    monkeypatch.setattr(poolwriter, "AGAIN", 0)
    desk = Desk()
    task = asyncio.create_task(desk.writer.run())
    await asyncio.sleep(0)
    yield desk
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_new_pool_gets_its_status_and_after_that_what_changes(desk: Desk) -> None:
    assert await desk.change() == ["get p", "patch p", "get q", "patch q"]
    assert await desk.change() == []
    assert await desk.change({P: full(2), Q: full(0)}) == ["patch p"]
    assert desk.api.pools["p"]["status"] == full(2)
    assert desk.writer.written == 3


async def test_a_new_process_writes_nothing_that_stands_there(desk: Desk) -> None:
    desk.api.pools = {"p": made(status=full(1)), "q": made(status=full(0))}
    assert await desk.change() == ["get p", "get q"]


async def test_a_pool_that_was_made_anew_is_read_anew(desk: Desk) -> None:
    await desk.change()
    desk.api.pools["p"] = made("another")
    assert await desk.change({ref("p", "another"): full(1), Q: full(0)}) == ["get p", "patch p"]


async def test_a_pool_that_somebody_wrote_is_read_anew_before_it_is_written(desk: Desk) -> None:
    """A write of a former leader that comes late fails for the same reason."""
    await desk.change()
    desk.api.touch("p")
    assert await desk.change({P: full(2), Q: full(0)}) == ["patch p", "get p", "patch p"]
    assert desk.api.pools["p"]["status"] == full(2)


async def test_a_pool_that_somebody_keeps_writing_is_tried_again(desk: Desk) -> None:
    await desk.change()
    patch, left = desk.api.patch, [3]

    async def contested(path: str, body: Any) -> Any:
        left[0] -= 1
        if left[0] > 0:
            desk.api.touch("p")
        return await patch(path, body)

    desk.api.patch = contested  # type: ignore[method-assign]
    seen = await desk.change({P: full(2), Q: full(0)})
    assert seen == ["patch p", "get p", "patch p", "get p", "patch p"]
    assert desk.api.pools["p"]["status"] == full(2)


async def test_what_a_former_leader_still_writes_is_found_once_it_cannot_any_more(desk: Desk) -> None:
    """Also where nothing was to be written, so that its write names the version that stands there."""
    desk.api.pools = {"p": made(status=full(1)), "q": made(status=full(0))}
    assert await desk.change() == ["get p", "get q"]
    desk.api.pools["p"]["status"] = full(3)
    desk.api.touch("p")
    desk.writer._look_again()
    assert await desk.change() == ["get p", "patch p", "get q"]
    assert desk.api.pools["p"]["status"] == full(1)


async def test_a_late_look_at_what_was_not_read_is_none(desk: Desk) -> None:
    desk.writer._look_again()
    await asyncio.sleep(0)
    assert desk.api.seen == []


@pytest.mark.parametrize("error", [NotFound("gone"), Conflict("another one")])
async def test_a_pool_that_is_gone_is_left(desk: Desk, error: ClusterError) -> None:
    desk.api.errors = [error]
    assert await desk.change() == ["get p", "get q", "patch q"]
    assert await desk.change() == []


async def test_what_is_refused_is_tried_again_and_keeps_no_other_waiting(desk: Desk) -> None:
    desk.api.errors = [Forbidden("no")]
    assert await desk.change() == ["get p", "get q", "patch q", "get p", "patch p"]


async def test_an_outage_is_waited_for(desk: Desk) -> None:
    desk.api.errors = [Unreachable("no"), Unreachable("no")]
    assert await desk.change() == ["get p", "get p", "get p", "patch p", "get q", "patch q"]


async def test_nothing_is_written_before_something_changes_in_this_term(desk: Desk) -> None:
    """A change of an earlier term counts books that are empty by now."""
    other = PoolWriter(desk.api, lambda: {P: full(0)}, Logger("test"))  # type: ignore[arg-type]
    other.changed()
    task = asyncio.create_task(other.run())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert desk.api.seen == []
