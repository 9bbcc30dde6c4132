"""However often the controller is to come back, one timer waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fakes.world import service
from pylb.controller.app import Controller
from pylb.core.allocation.allocator import Decision
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger


async def test_however_many_contests_begin_one_timer_waits_for_the_first_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    controller = Controller(Client(Credentials("http://127.0.0.1:1", "test")), EventLog(), Logger("test"))
    loop, timers = asyncio.get_running_loop(), []
    call_at = loop.call_at

    def counted(when: float, call: Any, *args: Any) -> asyncio.TimerHandle:
        timers.append(call_at(when, call, *args))
        return timers[-1]

    monkeypatch.setattr(loop, "call_at", counted)
    for name in ("web", "mail", "more"):
        one = service(name)
        controller.books.decisions[one.key] = Decision(None)
        for theirs in ("10.9.0.1", "10.9.0.2"):
            before, one = one, replace(one, ingress=(theirs,))
            controller._on_service(one.key, before, one)
    contests = controller.rivals.contests
    assert len(contests) == 3
    [timer] = [one for one in timers if not one.cancelled()]
    assert timer.when() == min(one.until for one in contests.values())
    contests.clear()
    controller._write_again()
    assert timer.cancelled()
