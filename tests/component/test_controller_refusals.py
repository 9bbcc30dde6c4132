"""What the API server will not take of a controller, or others make of what it took, on an API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fakes import rivals
from fakes.rivals import SERVICES, Rival, Stage, until
from pylb.core.model import ServiceKey
from pylb.embedded.messages import Request

WEB = ServiceKey("default/web")
STATUS = f"{SERVICES}/web/status"
NODES = "/api/v1/nodes"
FIRST, SECOND = "10.0.0.0", "10.0.0.1"  # of the pool
EVENTS = "/api/v1/namespaces/default/events"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with rivals.stage() as made:
        yield made


@pytest.fixture
async def one(stage: Stage) -> AsyncIterator[Rival]:
    made = await Rival(stage, "one").leads()
    yield made
    await made.crash()


async def told(stage: Stage, reason: str) -> list[str]:
    items = (await stage.rest.get(EVENTS)).json["items"]
    return [item["message"] for item in items if item["reason"] == reason]


async def test_a_status_that_is_refused_is_said_and_given_back_and_not_tried_again_by_itself(
    stage: Stage, one: Rival
) -> None:
    tries: list[str] = []

    def refuse(who: str, request: Request) -> int:
        if request.path != STATUS or request.method == "GET":
            return 0
        tries.append(who)
        return 422

    stage.refuses = refuse
    await stage.create("web")
    await until(lambda: WEB in one.controller.books.refused)
    await stage.create("late")
    assert await stage.served("late") == {"late": FIRST}, "it was given back"
    [message] = await until(lambda: told(stage, "AllocationFailed"))
    assert f'the API server refuses ["{FIRST}"]: a test refuses it; change the Service or its pool' in message
    await asyncio.sleep(0.3)
    assert tries == ["one"]

    stage.refuses = lambda who, request: 0
    await stage.rest.patch(f"{SERVICES}/web", {"metadata": {"labels": {"changed": "yes"}}})
    assert await stage.served("web", "late") == {"late": FIRST, "web": SECOND}


async def test_another_ip_mode_is_mended_once_and_then_a_second_writers(stage: Stage, one: Rival) -> None:
    await stage.create("web")
    await stage.served("web")
    proxy = {"status": {"loadBalancer": {"ingress": [{"ip": FIRST, "ipMode": "Proxy"}]}}}

    async def is_mended() -> bool:
        status = (await stage.rest.get(f"{SERVICES}/web")).json["status"]
        return status["loadBalancer"]["ingress"] == [{"ip": FIRST, "ipMode": "VIP"}]

    def written() -> int:
        return stage.written_by("one").count(f"PATCH {STATUS}")

    assert (await stage.rest.patch(STATUS, proxy)).status == 200
    await until(lambda: written() == 2)
    await until(is_mended)
    await stage.rest.patch(STATUS, proxy)
    await until(lambda: one.controller.rivals.holds(WEB))
    [message] = await until(lambda: told(stage, "SecondWriter"))
    assert f"{FIRST} (ipMode Proxy), where pylb wrote {FIRST};" in message
    await asyncio.sleep(0.2)
    assert not await is_mended(), "it is left to whoever wrote it twice"


async def test_a_nodes_address_is_given_to_nobody_and_a_controller_that_may_not_read_nodes_goes_on(
    stage: Stage,
) -> None:
    addresses = {"addresses": [{"type": "InternalIP", "address": SECOND}]}
    await stage.rest.post(NODES, {"metadata": {"name": "n1"}})
    await stage.rest.patch(f"{NODES}/n1/status", {"status": addresses})
    stage.refuses = lambda who, request: 403 * (request.path == NODES and who == "one")
    one = await Rival(stage, "one").leads()
    try:
        await stage.create("web")
        assert await stage.served("web") == {"web": FIRST}
    finally:
        await one.end()
    stage.refuses = lambda who, request: 0
    two = Rival(stage, "two")
    try:
        await two.leads()
        await stage.create("more")
        assert await stage.served("more") == {"web": FIRST, "more": "10.0.0.2"}
    finally:
        await two.crash()
