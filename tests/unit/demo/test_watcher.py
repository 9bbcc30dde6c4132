"""What the demo makes of its probe's lines."""

from __future__ import annotations

from typing import Any

from pylb.demo.watcher import Watcher


def watched(*lines: dict[str, Any]) -> Watcher:
    watcher = Watcher(None, "http://10.0.0.1/")  # type: ignore[arg-type]  # the lab is only needed to start the probe
    for line in lines:
        watcher.take(line)
    return watcher


def request(at: float, ok: bool = True) -> dict[str, Any]:
    return {"kind": "request", "at": at, "ms": 1.5, "ok": ok, "text": ""}


OUTAGE = {"kind": "outage", "from": 9.9, "to": 10.4, "ms": 500.0, "failed": 25}


def test_counts_requests_and_remembers_when_the_last_answer_was() -> None:
    watcher = watched(request(1.0), request(1.02, ok=False), request(1.04), request(1.03, ok=False))
    assert watcher.requests == 4
    assert list(watcher.latencies) == [1.5, None, 1.5, None]
    assert watcher.answered_at == 1.04
    assert (watcher.failed(1.0), watcher.failed(1.03), watcher.failed(1.04)) == (2, 1, 0)


def test_the_outage_of_a_cut_is_the_first_that_ends_after_it() -> None:
    earlier = {**OUTAGE, "from": 5.0, "to": 5.1}
    unfinished = {**OUTAGE, "from": 20.0, "to": None}
    watcher = watched(earlier, OUTAGE, unfinished)
    assert watcher.outage(10.0) == OUTAGE
    assert watcher.outage(15.0) is None


async def test_waits_for_answers_in_a_row_that_come_from_now_on() -> None:
    watcher = watched(*[request(1.0)] * 10)
    assert not await watcher.wait_answers(1, 0.02)
    watcher = watched(request(1.0))
    row = watcher._good_since
    watcher.take(request(1.1))
    watcher.take(request(1.2, ok=False))
    assert row(1) == 0
    watcher.take(request(1.3))
    assert row(1) == 1
