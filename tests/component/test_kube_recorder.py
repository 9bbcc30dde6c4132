"""Events as MetalLB's, within limits, and never at the cost of who tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from fakes.faulty_api import Behaviour, Exchange, FaultyApi, answers
from fakes.objects import Objects, connected, eventually, methods
from pylb.core.model import ObjectRef
from pylb.core.notices import Notice
from pylb.kube import outbox
from pylb.kube import recorder as recorders
from pylb.kube.recorder import EventRecorder

SERVICE = ObjectRef("Service", "default", "web", "uid-1")
NODE = ObjectRef("Node", "", "n1")


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


async def test_an_event_as_metallb_writes_it() -> None:
    async with recording(Objects()) as (api, recorder):
        recorder.record(SERVICE, Notice("Normal", "IPAllocated", 'Assigned IP ["10.0.0.1"]'))
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
        recorder.record(NODE, Notice("Warning", "r", "m"))
        await eventually(lambda: recorder.statistics().written == 1)
        assert api.requests[0].path == "/api/v1/namespaces/default/events"
        assert api.requests[0].json["involvedObject"] == {"apiVersion": "v1", "kind": "Node", "name": "n1"}


async def test_an_equal_event_is_counted_on_the_first() -> None:
    now = [1_700_000_000.0]
    async with recording(Objects(), lambda: now[0]) as (api, recorder):
        for number in range(3):
            now[0] += 60
            recorder.record(SERVICE, Notice("Normal", "nodeAssigned", "announcing"))
            await eventually(lambda wanted=number + 1: recorder.statistics().written == wanted)  # type: ignore[misc]  # a default binds the loop's value
        assert methods(api) == ["POST", "PATCH", "PATCH"]
        assert api.requests[2].json == {"count": 3, "lastTimestamp": "2023-11-14T22:16:20Z"}
        now[0] += recorders.REPEATS_FOR + 1
        recorder.record(SERVICE, Notice("Normal", "nodeAssigned", "announcing"))
        await eventually(lambda: len(api.requests) == 4)
        assert methods(api)[3] == "POST", "after so long it is news again"


async def test_an_event_that_expired_is_made_anew() -> None:
    store = Objects()
    now = [1_700_000_000.0]
    async with recording(store, lambda: now[0]) as (api, recorder):
        recorder.record(SERVICE, Notice("Normal", "r", "m"))
        await eventually(lambda: recorder.statistics().written == 1)
        store.objects.clear()
        now[0] += 1
        recorder.record(SERVICE, Notice("Normal", "r", "m"))
        await eventually(lambda: recorder.statistics().written == 2)
        assert methods(api) == ["POST", "PATCH", "POST"]


async def test_equal_events_that_wait_are_one() -> None:
    async with connected(Objects()) as (api, client):
        recorder = EventRecorder(client, "c")
        for _ in range(5):
            recorder.record(SERVICE, Notice("Normal", "r", "m"))
        task = asyncio.create_task(recorder.run())
        await eventually(lambda: recorder.statistics().written == 1)
        task.cancel()
        assert [seen.json["count"] for seen in api.requests] == [5]


async def test_a_refused_event_is_counted_and_forgotten() -> None:
    async with recording(answers(403, "Forbidden")) as (api, recorder):
        recorder.record(SERVICE, Notice("Normal", "r", "m"))
        await eventually(lambda: recorder.statistics().refused == 1)
        await asyncio.sleep(0.05)
        assert len(api.requests) == 1


async def test_an_outage_is_waited_for_and_repetitions_meanwhile_are_one() -> None:
    store, recorded = Objects(), asyncio.Event()

    async def fails_late(exchange: Exchange) -> None:
        await recorded.wait()
        await answers(500)(exchange)

    async with recording(fails_late) as (api, recorder):
        recorder.record(SERVICE, Notice("Normal", "r", "m"))
        await eventually(lambda: len(api.requests) == 1)
        recorder.record(SERVICE, Notice("Normal", "r", "m"))
        recorder.record(NODE, Notice("Normal", "r", "m"))
        recorded.set()
        api.on_other = store
        await eventually(lambda: recorder.statistics().written == 2)
        assert sorted(event["count"] for event in store.objects.values()) == [1, 2]


async def test_what_waited_too_long_is_dropped() -> None:
    now = [0.0]
    async with recording(answers(500), lambda: now[0]) as (api, recorder):
        recorder.record(SERVICE, Notice("Normal", "r", "m"))
        await eventually(lambda: len(api.requests) == 1)
        now[0] = outbox.WAITS_FOR + 1
        await eventually(lambda: recorder.statistics().dropped == 1)


async def test_one_object_that_was_told_of_too_often_waits_and_then_says_the_newest() -> None:
    now = [1000.0]
    async with recording(Objects(), lambda: now[0]) as (api, recorder):
        for number in range(outbox.OBJECT_BURST + 10):
            recorder.record(SERVICE, Notice("Normal", "IPAllocated", f"message {number}"))
            await eventually(lambda wanted=number + 1: _settled(recorder) >= min(wanted, outbox.OBJECT_BURST))  # type: ignore[misc]  # a default binds the loop's value
        recorder.record(NODE, Notice("Normal", "r", "m"))
        await eventually(lambda: recorder.statistics().written == outbox.OBJECT_BURST + 1)
        assert api.requests[-1].json["involvedObject"]["kind"] == "Node", "nobody else waits for it"
        assert recorder.statistics().moot == 9


def _settled(recorder: EventRecorder) -> int:
    return recorder.statistics().written


async def test_all_objects_together_have_a_rate_and_the_newest_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "BURST", 3)
    monkeypatch.setattr(recorders, "RATE", 20.0)
    async with recording(Objects()) as (api, recorder):
        for number in range(8):
            recorder.record(ObjectRef("Service", "default", f"s{number}"), Notice("Normal", "r", "m"))
        await eventually(lambda: recorder.statistics().written == 8)
        times = api.times()
        assert times[-1] - times[0] >= 5 / 20 - 0.02
        names = [seen.json["involvedObject"]["name"] for seen in api.requests]
        assert names == [f"s{number}" for number in reversed(range(8))]


async def test_what_nobody_needs_to_read_any_more_is_not_written() -> None:
    async with connected(Objects()) as (api, client):
        recorder = EventRecorder(client, "c")
        recorder.record(SERVICE, Notice("Warning", "AllocationFailed", "m"))
        recorder.record(NODE, Notice("Normal", "r", "m"))
        recorder.forget(SERVICE)
        task = asyncio.create_task(recorder.run())
        await eventually(lambda: recorder.statistics().written == 1)
        task.cancel()
        assert [seen.json["involvedObject"]["kind"] for seen in api.requests] == ["Node"]


async def test_long_names_and_messages_are_cut() -> None:
    async with recording(Objects()) as (api, recorder):
        recorder.record(ObjectRef("Service", "default", "n" * 253), Notice("Normal", "r", "m" * 5000))
        await eventually(lambda: recorder.statistics().written == 1)
        assert len(api.requests[0].json["metadata"]["name"]) <= 253
        assert len(api.requests[0].json["message"]) == recorders.MESSAGE_MAX


@pytest.mark.parametrize("turns", range(5))
async def test_it_ends_when_it_is_cancelled_though_something_comes_at_that_moment(turns: int) -> None:
    """asyncio.wait_for before Python 3.12 loses such a cancellation."""
    async with connected(Objects()) as (_, client):
        recorder = EventRecorder(client, "metallb-controller", clock=lambda: 1_700_000_000.5)
        for number in range(outbox.OBJECT_BURST + 1):  # one more than may be written now
            recorder.record(SERVICE, Notice("Normal", f"N{number}", "m"))
        task = asyncio.create_task(recorder.run())
        await eventually(lambda: recorder.statistics().written == outbox.OBJECT_BURST)
        recorder.record(NODE, Notice("Normal", "Another", "m"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2)
        assert done
        task.cancel()


async def test_what_waits_is_forgotten_with_the_term() -> None:
    clock = [1_700_000_000.0]
    async with recording(answers(503), lambda: clock[0]) as (_, recorder):
        recorder.record(SERVICE, Notice("Warning", "AllocationFailed", "no"))
        recorder.forget_all()
        assert recorder.statistics().moot == 1
