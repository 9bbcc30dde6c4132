"""The ring of events and its readers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from pylb.runtime import eventlog
from pylb.runtime.eventlog import EventLog, TooManyReaders


def ids(events: list[dict[str, int]]) -> list[int]:
    return [event["id"] for event in events]


def test_the_ring() -> None:
    log = EventLog()
    for number in range(eventlog.KEPT_MAX + 10):
        assert log.add({"kind": "x"}) == number + 1
    assert ids(log.since(None)) == list(range(11, 511))
    assert ids(log.since(508)) == [509, 510]
    assert ids(log.since(510)) == []
    assert ids(log.since(0))[0] == 11
    assert len(log.since(511)) == 500, "of the future: it was another process"


def test_numbers_may_begin_anywhere_and_do_not_come_from_the_event() -> None:
    log = EventLog(first_id=1000)
    assert log.last_id == 999
    log.add({"id": 5, "kind": "x"})
    assert log.since(None) == [{"id": 1000, "kind": "x"}]


async def test_a_stream_tells_the_past_and_then_the_present() -> None:
    log = EventLog()
    log.add({})
    log.add({})
    async with aclosing(log.stream(1)) as stream:
        assert (await anext(stream))["id"] == 2
        following = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        log.add({})
        assert (await following)["id"] == 3


async def test_what_happens_while_the_past_is_read_is_not_lost() -> None:
    log = EventLog()
    log.add({})
    async with aclosing(log.stream()) as stream:
        assert (await anext(stream))["id"] == 1
        log.add({})
        log.add({})
        assert [(await anext(stream))["id"] for _ in range(2)] == [2, 3]


async def test_a_slow_reader_gets_what_it_has_and_then_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "BEHIND_MAX", 3)
    log = EventLog()
    log.add({})
    async with aclosing(log.stream()) as stream:
        await anext(stream)
        for _ in range(10):
            log.add({})
        assert [event["id"] async for event in stream] == [2, 3, 4]
    assert log.dropped_readers == 1


async def test_readers_have_a_bound_and_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "READERS_MAX", 1)
    log = EventLog()
    log.add({})
    async with aclosing(log.stream()) as stream:
        await anext(stream)
        with pytest.raises(TooManyReaders):
            log.stream()
    log.stream()
