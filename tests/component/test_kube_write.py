"""Writes: nothing unchanged, Events as MetalLB's, within limits, and never at the caller's cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fakes.faulty_api import Behaviour, Exchange, FaultyApi, Seen, answers, status_object
from pylb.core.model import ObjectRef
from pylb.kube import write
from pylb.kube.client import Client
from pylb.kube.comparison import merged
from pylb.kube.credentials import Credentials
from pylb.kube.errors import Conflict, Invalid
from pylb.kube.write import EventRecorder, patch_status, put_object

SERVICE = ObjectRef("Service", "default", "web", "uid-1")
NODE = ObjectRef("Node", "", "n1")
PATH = "/apis/metallb.io/v1beta1/namespaces/pylb-system/servicel2statuses/l2-a"
VIP = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1", "ipMode": "VIP"}]}}


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
    async with (
        FaultyApi(on_list=behaviour, on_other=behaviour) as api,
        Client(Credentials(api.url, "test")) as client,
    ):
        yield api, client


def methods(api: FaultyApi) -> list[str]:
    return [seen.method for seen in api.requests]


# Statuses


async def test_a_status_that_is_so_already_is_not_written() -> None:
    async with connected(Objects()) as (api, client):
        wanted = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
        assert not await patch_status(client, "/api/v1/namespaces/default/services/web", VIP, wanted)
        assert api.requests == []


async def test_a_status_that_changes_is_one_patch_with_the_uid() -> None:
    path = "/api/v1/namespaces/default/services/web"
    async with connected(Objects(**{path: {"status": VIP}})) as (api, client):
        assert await patch_status(client, path, VIP, {"loadBalancer": {"ingress": None}}, uid="u")
        assert [seen.path for seen in api.requests] == [f"{path}/status"]
        assert api.requests[0].json == {"status": {"loadBalancer": {"ingress": None}}, "metadata": {"uid": "u"}}


async def test_a_conflict_is_the_callers() -> None:
    async with connected(answers(409, "Conflict")) as (_, client):
        with pytest.raises(Conflict):
            await patch_status(client, PATH, {}, {"a": 1})


def l2_status(node: str) -> dict[str, Any]:
    return {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "ServiceL2Status",
        "metadata": {"name": "l2-a", "labels": {"metallb.io/node": node}},
        "status": {"node": node},
    }


async def test_an_object_is_made_kept_changed_and_made_anew() -> None:
    store = Objects()
    async with connected(store) as (api, client):
        assert await put_object(client, PATH, l2_status("n1"))
        assert methods(api) == ["GET", "POST", "PATCH"]
        assert store.objects[PATH] == l2_status("n1")
        assert not await put_object(client, PATH, l2_status("n1"))
        assert methods(api)[3:] == ["GET"]
        assert await put_object(client, PATH, l2_status("n2"))
        assert store.objects[PATH] == l2_status("n2")
        store.immutable = True
        assert await put_object(client, PATH, l2_status("n3"))
        assert store.objects[PATH] == l2_status("n3")
        assert methods(api)[-3:] == ["DELETE", "POST", "PATCH"]


async def test_a_status_that_is_refused_on_a_new_object_too_is_an_error() -> None:
    async def refuses(exchange: Exchange) -> None:
        code = {"GET": 404, "POST": 201, "PATCH": 422}[exchange.request.method]
        await exchange.json({"metadata": {}} if code == 201 else status_object(code, ""), code)

    async with connected(refuses) as (_, client):
        with pytest.raises(Invalid):
            await put_object(client, PATH, l2_status("n1"))


# Events


@asynccontextmanager
async def recording(
    behaviour: Behaviour, clock: Callable[[], float] | None = None
) -> AsyncIterator[tuple[FaultyApi, EventRecorder]]:
    async with connected(behaviour) as (api, client):
        recorder = EventRecorder(
            client, "metallb-controller", clock=clock or (lambda: 1_700_000_000.5), rng=lambda: 0.0
        )
        task = asyncio.create_task(recorder.run())
        try:
            yield api, recorder
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def eventually(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), 5)


async def test_an_event_as_metallb_writes_it() -> None:
    async with recording(Objects()) as (api, recorder):
        recorder.record(SERVICE, "Normal", "IPAllocated", 'Assigned IP ["10.0.0.1"]')
        await eventually(lambda: recorder.statistics().written == 1)
        assert (api.requests[0].method, api.requests[0].path) == ("POST", "/api/v1/namespaces/default/events")
        assert api.requests[0].json == {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"web.{1_700_000_000_500_000_000:x}", "namespace": "default"},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Service",
                "namespace": "default",
                "name": "web",
                "uid": "uid-1",
            },
            "type": "Normal",
            "reason": "IPAllocated",
            "message": 'Assigned IP ["10.0.0.1"]',
            "source": {"component": "metallb-controller"},
            "reportingComponent": "metallb-controller",
            "reportingInstance": "",
            "firstTimestamp": "2023-11-14T22:13:20Z",
            "lastTimestamp": "2023-11-14T22:13:20Z",
            "count": 1,
        }


async def test_an_object_of_the_cluster_has_its_events_in_default() -> None:
    async with recording(Objects()) as (api, recorder):
        recorder.record(NODE, "Warning", "r", "m")
        await eventually(lambda: recorder.statistics().written == 1)
        assert api.requests[0].path == "/api/v1/namespaces/default/events"
        assert api.requests[0].json["involvedObject"] == {"apiVersion": "v1", "kind": "Node", "name": "n1"}


async def test_an_equal_event_is_counted_on_the_first() -> None:
    now = [1_700_000_000.0]
    async with recording(Objects(), lambda: now[0]) as (api, recorder):
        for number in range(3):
            now[0] += 60
            recorder.record(SERVICE, "Normal", "nodeAssigned", "announcing")
            await eventually(lambda wanted=number + 1: recorder.statistics().written == wanted)  # type: ignore[misc]  # a default binds the loop's value
        assert methods(api) == ["POST", "PATCH", "PATCH"]
        assert api.requests[2].json == {"count": 3, "lastTimestamp": "2023-11-14T22:16:20Z"}
        now[0] += write.REPEATS_FOR + 1
        recorder.record(SERVICE, "Normal", "nodeAssigned", "announcing")
        await eventually(lambda: len(api.requests) == 4)
        assert methods(api)[3] == "POST", "after so long it is news again"


async def test_an_event_that_expired_is_made_anew() -> None:
    store = Objects()
    now = [1_700_000_000.0]
    async with recording(store, lambda: now[0]) as (api, recorder):
        recorder.record(SERVICE, "Normal", "r", "m")
        await eventually(lambda: recorder.statistics().written == 1)
        store.objects.clear()
        now[0] += 1
        recorder.record(SERVICE, "Normal", "r", "m")
        await eventually(lambda: recorder.statistics().written == 2)
        assert methods(api) == ["POST", "PATCH", "POST"]


async def test_equal_events_that_wait_are_one() -> None:
    async with connected(Objects()) as (api, client):
        recorder = EventRecorder(client, "c")
        for _ in range(5):
            recorder.record(SERVICE, "Normal", "r", "m")
        task = asyncio.create_task(recorder.run())
        await eventually(lambda: recorder.statistics().written == 1)
        task.cancel()
        assert [seen.json["count"] for seen in api.requests] == [5]


async def test_a_refused_event_is_counted_and_forgotten() -> None:
    async with recording(answers(403, "Forbidden")) as (api, recorder):
        recorder.record(SERVICE, "Normal", "r", "m")
        await eventually(lambda: recorder.statistics().refused == 1)
        await asyncio.sleep(0.05)
        assert len(api.requests) == 1


async def test_an_outage_is_waited_for_and_repetitions_meanwhile_are_one() -> None:
    store, recorded = Objects(), asyncio.Event()

    async def fails_late(exchange: Exchange) -> None:
        await recorded.wait()
        await answers(500)(exchange)

    async with recording(fails_late) as (api, recorder):
        recorder.record(SERVICE, "Normal", "r", "m")
        await eventually(lambda: len(api.requests) == 1)
        recorder.record(SERVICE, "Normal", "r", "m")
        recorder.record(NODE, "Normal", "r", "m")
        recorded.set()
        api.on_other = store
        await eventually(lambda: recorder.statistics().written == 2)
        assert [event["count"] for event in store.objects.values()] == [2, 1]


async def test_what_waited_too_long_is_dropped() -> None:
    now = [0.0]
    async with recording(answers(500), lambda: now[0]) as (api, recorder):
        recorder.record(SERVICE, "Normal", "r", "m")
        await eventually(lambda: len(api.requests) == 1)
        now[0] = write.WAITS_FOR + 1
        await eventually(lambda: recorder.statistics().dropped == 1)


async def test_the_queue_has_a_bound_and_record_never_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "QUEUE_MAX", 3)
    recorder = EventRecorder(Client(Credentials("http://127.0.0.1:1", "test")), "c")
    for number in range(5):
        recorder.record(ObjectRef("Service", "default", f"s{number}"), "Normal", "r", "m")
    assert recorder.statistics().dropped == 2


async def test_one_object_cannot_fill_the_api() -> None:
    recorder = EventRecorder(Client(Credentials("http://127.0.0.1:1", "test")), "c", clock=lambda: 0.0)
    for number in range(write.OBJECT_BURST + 10):
        recorder.record(SERVICE, "Normal", "r", f"message {number}")
    assert recorder.statistics().dropped == 10


async def test_all_objects_together_have_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "BURST", 3)
    monkeypatch.setattr(write, "RATE", 20.0)
    async with recording(Objects()) as (api, recorder):
        for number in range(8):
            recorder.record(ObjectRef("Service", "default", f"s{number}"), "Normal", "r", "m")
        await eventually(lambda: recorder.statistics().written == 8)
        times = api.times()
        assert times[-1] - times[0] >= 5 / 20 - 0.02


async def test_long_names_and_messages_are_cut() -> None:
    async with recording(Objects()) as (api, recorder):
        recorder.record(ObjectRef("Service", "default", "n" * 253), "Normal", "r", "m" * 5000)
        await eventually(lambda: recorder.statistics().written == 1)
        assert len(api.requests[0].json["metadata"]["name"]) <= 253
        assert len(api.requests[0].json["message"]) == write.MESSAGE_MAX
