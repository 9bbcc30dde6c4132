"""What this node owns, told to the API: as much of it as can be, and no more often than it helps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pylb.core.model import L2Status, NodeName, ServiceKey
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.errors import ClusterError, Forbidden, Invalid, NotFound, Unreachable
from pylb.runtime.log import Logger
from pylb.speaker import publisher
from pylb.speaker.publisher import Publisher
from pylb.speaker.statuses import Account, Holding, Plan, name

N1 = NodeName("n1")
KEYS = tuple(ServiceKey(f"default/{letter}") for letter in "abc")
TODO = Plan(write=tuple((key[-1], key, Holding()) for key in KEYS), delete=("old",))


class Api:
    """Takes writes by the last part of their path, and fails as it is told."""

    def __init__(self, **errors: ClusterError) -> None:
        self.errors = errors
        self.seen: list[str] = []

    async def delete(self, path: str) -> None:
        await self.put(None, path, None)

    async def put(self, _: Any, path: str, __: Any) -> None:
        last = path.rpartition("/")[2]
        self.seen.append(last)
        if last in self.errors:
            raise self.errors[last]


def made(monkeypatch: pytest.MonkeyPatch, api: Api, owned: dict[ServiceKey, Holding] | None) -> Publisher:
    monkeypatch.setattr(publisher, "put_object", api.put)
    one = Publisher(
        Client(Credentials("http://127.0.0.1:1", "test")),
        "ns",
        "",
        N1,
        lambda: None if owned is None else Account(owned),
        Logger("test"),
    )
    one._client = api  # type: ignore[assignment]
    return one


@pytest.mark.parametrize(
    ("errors", "seen", "raised"),
    [
        ({}, ["old", "a", "b", "c"], None),
        ({"old": NotFound("gone")}, ["old", "a", "b", "c"], None),
        ({"old": Forbidden("no"), "a": Invalid("no")}, ["old", "a", "b", "c"], Invalid),
        ({"a": Unreachable("no")}, ["old", "a"], Unreachable),  # nor would the others get through
    ],
)
async def test_one_object_that_is_refused_keeps_no_other_from_being_written(
    monkeypatch: pytest.MonkeyPatch, errors: dict[str, ClusterError], seen: list[str], raised: type[ClusterError] | None
) -> None:
    api = Api(**errors)
    one = made(monkeypatch, api, {})
    if raised is None:
        await one._write(TODO)
    else:
        with pytest.raises(raised):
            await one._write(TODO)
    assert api.seen == seen


async def test_a_kind_that_nobody_installed_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "AGAIN", 0)
    monkeypatch.setattr(publisher, "DEBOUNCE", 0)
    api = Api()
    one = made(monkeypatch, api, {KEYS[0]: Holding()})
    one._existing._synced.set()
    one._existing._absent_since = 0.0
    one.changed()
    task = asyncio.create_task(one._follow())
    for _ in range(20):
        await asyncio.sleep(0)
    assert api.seen == []
    one._existing._absent_since = None
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert api.seen == [name(N1, KEYS[0])], "and then written, although nothing else has changed"


@pytest.mark.parametrize(("owned", "seen"), [(None, []), ({}, [name(N1, KEYS[0])])])
async def test_who_does_not_know_what_it_owns_removes_nothing(
    monkeypatch: pytest.MonkeyPatch, owned: dict[ServiceKey, Holding] | None, seen: list[str]
) -> None:
    monkeypatch.setattr(publisher, "DEBOUNCE", 0)
    api = Api()
    one = made(monkeypatch, api, owned)
    one._existing.items["x"] = L2Status("ns", name(N1, KEYS[0]), KEYS[0], N1)
    one._existing._synced.set()
    one.changed()
    task = asyncio.create_task(one._follow())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert api.seen == seen
