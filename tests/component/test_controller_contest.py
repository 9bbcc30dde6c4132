"""Somebody else writes a Service's status, too, on an API server: pylb says so, stops, and starts again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fakes import rivals
from fakes.rivals import SERVICES, Rival, Stage, until
from pylb.controller.state import describe

THEIRS = "10.99.0.1"
STATUS = f"{SERVICES}/web/status"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with rivals.stage() as made:
        yield made


@pytest.fixture
async def one(stage: Stage) -> AsyncIterator[Rival]:
    made = await Rival(stage, "one").leads()
    yield made
    await made.crash()


async def overwrite(stage: Stage) -> None:
    body = {"status": {"loadBalancer": {"ingress": [{"ip": THEIRS}]}}}
    assert (await stage.rest.patch(STATUS, body)).status == 200


async def test_a_second_writer_is_left_alone_named_and_shown_and_the_others_are_served(
    stage: Stage, one: Rival
) -> None:
    await stage.create("web")
    [ours] = (await stage.served("web")).values()
    await overwrite(stage)
    await until(lambda: _served(stage, ours))  # once is a mistake, and mended
    await overwrite(stage)
    await until(lambda: one.controller.rivals.holds("default/web"))
    before = len(stage.written_by("one"))
    await overwrite(stage)
    await stage.create("more")
    await until(lambda: "default/more" in one.controller.books.decisions)
    await asyncio.sleep(0.3)
    written = stage.written_by("one")[before:]
    assert f"PATCH {STATUS}" not in written
    found = await stage.addresses()
    assert found["web"] == THEIRS
    assert found["more"] != ours, "the address is still the first Service's"
    events = (await stage.rest.get("/api/v1/namespaces/default/events")).json["items"]
    [event] = [one for one in events if one["reason"] == "SecondWriter"]
    assert event["type"] == "Warning"
    assert f"writes this Service's status, too: {THEIRS}, where pylb wrote {ours}" in event["message"]
    controller, now = one.controller, asyncio.get_running_loop().time()
    told = describe(
        one.holder.seat(), controller.books, controller.configuration.current, (), controller.rivals.contests, now
    )
    assert 590 < told["contested"]["default/web"]["left_alone_s"] <= 600

    contests = one.controller.rivals.contests
    for key, contest in list(contests.items()):
        contests[key] = replace(contest, until=now)  # ten minutes later
    one.controller._write_again()
    await until(lambda: _served(stage, ours))


async def _served(stage: Stage, address: str) -> bool:
    return (await stage.addresses())["web"] == address
