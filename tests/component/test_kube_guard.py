"""Writes that somebody has to vouch for: none is sent without that, not even one that was held up on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fakes.asking import PATH, connected, echo
from fakes.faulty_api import Exchange, FaultyApi
from pylb.kube.client import Client
from pylb.kube.errors import Unreachable, Withheld
from pylb.kube.guard import Guard

METHODS = ("post", "put", "patch", "delete")


class Vouch:
    """What is left, and what is asked meanwhile."""

    def __init__(self, *left: float) -> None:
        self._left, self.asked = list(left), 0

    def __call__(self) -> float:
        self.asked += 1
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


async def write(client: Client, method: str) -> None:
    await getattr(client, method)(PATH, *(() if method == "delete" else ({},)))


@pytest.mark.parametrize("method", METHODS)
async def test_nothing_is_written_without_leave_and_all_may_be_read(method: str) -> None:
    async with FaultyApi(on_list=echo, on_other=echo) as api, connected(api) as client:
        guarded = client.guarded(Guard(lambda: 0.0, 6.0))
        with pytest.raises(Withheld):
            await write(guarded, method)
        assert api.requests == []
        await guarded.get(PATH)
        await write(client, method)  # the one that it was made of is free
        assert len(api.requests) == 2


@pytest.mark.parametrize("method", METHODS)
async def test_leave_is_asked_for_at_the_moment_of_sending(method: str) -> None:
    """A process that stood still while it connected may have lost it."""
    async with FaultyApi(on_other=echo) as api, connected(api) as client:
        guarded = client.guarded(Guard(Vouch(1.0, 1.0, -30.0), 6.0))
        with pytest.raises(Withheld):
            await write(guarded, method)
        assert api.requests == []


async def test_a_request_whose_time_is_over_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads too: the deadline counts from the call, whatever the connection took."""
    async with FaultyApi(on_list=echo) as api, connected(api) as client:
        await client.get(PATH)
        loop = asyncio.get_running_loop()
        real: Callable[[], float] = loop.time
        shift = 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + shift)

        async def stalls() -> str:
            nonlocal shift
            shift = 60.0
            return "t"

        monkeypatch.setattr(client._pool._bearer, "token", stalls)
        with pytest.raises(Unreachable):
            await client.get(PATH)
        assert len(api.requests) == 1


async def test_a_write_is_over_when_its_flight_is() -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(5)

    async with FaultyApi(on_other=slow) as api, connected(api) as client:
        guarded = client.guarded(Guard(lambda: 0.05, 0.05))
        with pytest.raises(Unreachable):
            await asyncio.wait_for(guarded.patch(PATH, {}), 3)
        assert len(api.requests) == 1


async def test_the_end_of_what_is_under_way_can_be_waited_for() -> None:
    going = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await going.wait()
        await echo(exchange)

    async with FaultyApi(on_other=held) as api, connected(api) as client:
        guard = Guard(lambda: 1.0, 6.0)
        guarded = client.guarded(guard)
        assert await guard.calm(0.0)
        writing = asyncio.ensure_future(guarded.patch(PATH, {}))
        await asyncio.sleep(0)
        assert not await guard.calm(0.02)
        going.set()
        assert await guard.calm(3.0)
        assert writing.done() or await writing
