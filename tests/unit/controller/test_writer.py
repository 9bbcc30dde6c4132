"""The writer: the newest decision alone, one write of a Service at a time, and calm while the API server is in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pylb.controller import writer
from pylb.controller.reconcile import Wanted
from pylb.controller.writer import Task, Writer
from pylb.core.model import ServiceKey
from pylb.kube.errors import ClusterError, Conflict, Invalid, NotFound, ServerError, Withheld
from pylb.runtime.log import Logger

KEY, PATH = ServiceKey("default/web"), "/api/v1/namespaces/default/services/web"
OLD, NEW = Wanted(("10.0.0.1",), "p"), Wanted(("10.0.0.2",), "p")
ONE, OTHER = Task("u", "1", OLD), Task("u", "1", NEW)


class Api:
    """Takes patches, one by one as `proceed` lets them; the first ones fail as `errors` says."""

    def __init__(self) -> None:
        self.patches: list[Any] = []
        self.errors: list[ClusterError] = []
        self.versions: list[tuple[str, str]] = []  # that the patches named, with the uid
        self.proceed = asyncio.Event()
        self.proceed.set()

    async def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == f"{PATH}/status"
        self.versions.append((body["metadata"]["uid"], body["metadata"]["resourceVersion"]))
        self.patches.append([entry["ip"] for entry in body["status"]["loadBalancer"]["ingress"]])
        await self.proceed.wait()
        if self.errors:
            raise self.errors.pop(0)
        return {"metadata": {"resourceVersion": "made"}}


class Desk:
    """A running writer, and what it is to write."""

    def __init__(self) -> None:
        self.api = Api()
        self.target: Task | None = ONE
        self.granted: list[tuple[ServiceKey, str, str]] = []
        self.refused: list[tuple[ServiceKey, Wanted, str]] = []
        log = Logger("test")
        told = self._grant, lambda *told: self.refused.append(told)
        self.writer = Writer(self.api, lambda _: self.target, *told, log)  # type: ignore[arg-type]

    def _grant(self, key: ServiceKey, before: str, version: str) -> None:
        self.granted.append((key, before, version))

    async def calm(self) -> None:
        """Let everything happen that happens by itself."""
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(writer, "AGAIN", 0)
    made = Desk()
    task = asyncio.create_task(made.writer.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_write_that_fails_is_tried_again(desk: Desk) -> None:
    desk.api.errors = [ServerError("busy"), ServerError("busy")]
    desk.writer.want(KEY)
    await desk.calm()
    assert desk.api.patches == [["10.0.0.1"]] * 3
    assert (desk.writer.written, desk.writer.failed) == (1, 2)


async def test_one_failure_is_not_tried_again_by_all_writers_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "AGAIN", 60)
    desk.api.errors = [ServerError("busy")] * 10
    desk.writer.want(KEY)
    await desk.calm()
    assert len(desk.api.patches) == 1


async def test_a_write_that_was_withheld_is_tried_again_sooner(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was no request, and what it waits for is decided within milliseconds of the API server's return."""
    monkeypatch.setattr(writer, "AGAIN", 60)
    monkeypatch.setattr(writer, "AGAIN_WITHHELD", 0)
    desk.api.errors = [Withheld("not now")]
    desk.writer.want(KEY)
    await desk.calm()
    assert desk.writer.written == 1


async def test_an_old_decision_is_never_tried_again(desk: Desk) -> None:
    """Its address may be another Service's by now."""
    desk.api.errors = [ServerError("busy")]
    desk.api.proceed.clear()
    desk.writer.want(KEY)
    await desk.calm()
    desk.target = OTHER
    desk.writer.want(KEY)
    desk.api.proceed.set()
    await desk.calm()
    assert desk.api.patches[0] == ["10.0.0.1"]
    assert set(map(tuple, desk.api.patches[1:])) == {("10.0.0.2",)}


async def test_nothing_is_tried_again_that_nobody_wants_any_more(desk: Desk) -> None:
    desk.api.errors = [ServerError("busy")]
    desk.api.proceed.clear()
    desk.writer.want(KEY)
    await desk.calm()
    desk.target = None
    desk.api.proceed.set()
    await desk.calm()
    assert desk.api.patches == [["10.0.0.1"]]


async def test_one_write_of_a_service_at_a_time_and_the_next_at_once(desk: Desk) -> None:
    desk.api.proceed.clear()
    desk.writer.want(KEY)
    await desk.calm()
    desk.target = OTHER
    for _ in range(3):
        desk.writer.want(KEY)
    await desk.calm()
    assert desk.api.patches == [["10.0.0.1"]]
    desk.api.proceed.set()
    await desk.calm()
    assert desk.api.patches == [["10.0.0.1"], ["10.0.0.2"]]


@pytest.mark.parametrize("error", [Conflict("another one"), NotFound("none"), Invalid("never")])
async def test_what_would_fail_again_is_left(desk: Desk, error: ClusterError) -> None:
    desk.api.errors = [error]
    desk.writer.want(KEY)
    await desk.calm()
    assert len(desk.api.patches) == 1


async def test_a_write_names_the_version_that_was_decided_on_and_tells_the_one_that_it_made(desk: Desk) -> None:
    desk.writer.want(KEY)
    await desk.calm()
    assert (desk.api.versions, desk.granted) == ([("u", "1")], [(KEY, "1", "made")])


async def test_after_a_conflict_it_waits_for_a_newer_version(desk: Desk) -> None:
    """However often it is wanted meanwhile: what was decided on is history."""
    desk.api.errors = [Conflict("changed")]
    desk.writer.want(KEY)
    await desk.calm()
    desk.writer.want(KEY)
    desk.writer.seen(KEY, "1")
    await desk.calm()
    assert desk.api.versions == [("u", "1")]
    desk.target = Task("u", "2", OLD)
    desk.writer.seen(KEY, "2")
    await desk.calm()
    assert desk.api.versions == [("u", "1"), ("u", "2")]
    assert desk.writer.written == 1


async def test_a_newer_version_that_came_before_the_conflict_counts(desk: Desk) -> None:
    desk.api.errors = [Conflict("changed")]
    desk.api.proceed.clear()
    desk.writer.want(KEY)
    await desk.calm()
    desk.target = Task("u", "2", OLD)
    desk.writer.seen(KEY, "2")
    desk.api.proceed.set()
    await desk.calm()
    assert desk.api.versions == [("u", "1"), ("u", "2")]


async def test_what_is_refused_for_good_is_told_to_whoever_decides(desk: Desk) -> None:
    desk.api.errors = [Invalid("status.loadBalancer.ingress[0].ip: no")]
    desk.writer.want(KEY)
    await desk.calm()
    assert desk.refused == [(KEY, OLD, "status.loadBalancer.ingress[0].ip: no")]
    assert (desk.writer.written, desk.writer.failed) == (0, 1)
