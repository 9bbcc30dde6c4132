"""How tasks live and end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from pylb.runtime import tasks
from pylb.runtime.tasks import Nursery, Signal, within


async def forever() -> None:
    await asyncio.Event().wait()


async def fail(text: str = "boom") -> None:
    raise ValueError(text)


async def test_the_body_waits_for_its_tasks() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    async with Nursery() as nursery:
        nursery.start(work(1), "one")
        nursery.start(work(2), "two")
    assert done == [1, 2]


async def test_the_first_failure_ends_the_others_and_the_body() -> None:
    other: list[asyncio.Task[Any]] = []

    async def main() -> None:
        async with Nursery() as nursery:
            other.append(nursery.start(forever(), "other"))
            nursery.start(fail(), "fails")
            await forever()

    with pytest.raises(ValueError, match="boom"):
        await main()
    assert other[0].cancelled()


async def test_a_failure_after_the_body_is_raised_too() -> None:
    async def main() -> None:
        async with Nursery() as nursery:
            nursery.start(forever(), "other")
            nursery.start(fail(), "fails")

    with pytest.raises(ValueError, match="boom"):
        await main()


async def test_a_body_that_ends_as_a_task_fails_leaves_no_cancellation_behind() -> None:
    async def main() -> None:
        async with Nursery() as nursery:
            await asyncio.wait({nursery.start(fail(), "fails")})

    with pytest.raises(ValueError, match="boom"):
        await main()
    await asyncio.sleep(0.01)  # would be cancelled
    task = asyncio.current_task()
    assert task is not None
    assert sys.version_info < (3, 11) or task.cancelling() == 0, "else an asyncio.timeout around it would be confused"


async def test_a_second_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fails_late() -> None:
        try:
            await forever()
        finally:
            raise ValueError("second")

    async def main() -> None:
        async with Nursery() as nursery:
            nursery.start(fails_late(), "late")
            await asyncio.sleep(0)
            nursery.start(fail("first"), "first")

    with pytest.raises(ValueError, match="first"):
        await main()
    assert "a task failed while the others ended" in caplog.text


async def test_a_failing_body_ends_its_tasks() -> None:
    started: list[asyncio.Task[Any]] = []

    async def main() -> None:
        async with Nursery() as nursery:
            started.append(nursery.start(forever(), "a"))
            raise KeyError

    with pytest.raises(KeyError):
        await main()
    assert started[0].cancelled()


async def test_cancel_ends_all_without_an_error() -> None:
    async with Nursery() as nursery:
        task = nursery.start(forever(), "a")
        nursery.cancel()
    assert task.cancelled()


async def test_a_cancellation_from_outside_passes_through() -> None:
    started: list[asyncio.Task[Any]] = []

    async def main() -> None:
        async with Nursery() as nursery:
            started.append(nursery.start(forever(), "a"))

    task = asyncio.create_task(main())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started[0].cancelled()


async def test_a_cancellation_from_outside_counts_more_than_a_failure() -> None:
    """Where both come at once, whoever waits for the task sees it cancelled (known from Python 3.11 on)."""

    async def main() -> None:
        async with Nursery() as nursery:
            nursery.start(fail(), "fails")
            await forever()

    task = asyncio.create_task(main())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError if sys.version_info >= (3, 11) else BaseException):
        await task


async def test_a_nursery_has_a_bound_and_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TASKS_MAX", 1)
    async with Nursery() as nursery:
        nursery.start(forever(), "a")
        with pytest.raises(RuntimeError, match="full"):
            nursery.start(forever(), "b")
        nursery.cancel()
        with pytest.raises(RuntimeError, match="ends"):
            nursery.start(forever(), "c")


async def test_within() -> None:
    assert await within(1, asyncio.sleep(0, "x")) == "x"
    with pytest.raises(asyncio.TimeoutError):
        await within(0.01, forever())
    with pytest.raises(ValueError, match="boom"):
        await within(1, fail())


async def test_within_never_swallows_a_cancellation() -> None:
    """wait_for of Python 3.11 gives the result instead."""
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(within(5, ready))
    await asyncio.sleep(0)
    ready.set_result(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_signal_coalesces() -> None:
    signal_ = Signal()
    for _ in range(3):
        signal_.set()
    await signal_.wait()
    assert not signal_.is_set
    waiting = asyncio.create_task(signal_.wait(debounce=0.05))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    signal_.set()
    await asyncio.sleep(0.01)
    signal_.set()
    assert not waiting.done()
    await waiting
    assert not signal_.is_set, "what came during the debounce is in it"


PROGRAM = """
import asyncio, sys
from pylb.runtime import log, tasks
log.configure()
async def main(stop):
    print("up", flush=True)
    {body}
sys.exit(tasks.run(main))
"""


@pytest.mark.parametrize(
    ("body", "signals", "code"),
    [
        ("return None", [], 0),
        ("return 3", [], 3),
        ("raise ValueError('boom')", [], 1),
        (
            "asyncio.get_running_loop().call_soon(exec, 'raise ValueError(\"boom\")'); await stop.wait(); return 0",
            [],
            1,
        ),
        ("await stop.wait(); return 0", [signal.SIGTERM], 0),
        ("await stop.wait(); return 0", [signal.SIGINT], 0),
        ("await asyncio.sleep(60)", [signal.SIGTERM, signal.SIGTERM], 130),
    ],
)
def test_exit_codes(body: str, signals: list[signal.Signals], code: int) -> None:
    program = [sys.executable, "-c", PROGRAM.format(body=body)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        for number in signals:
            os.kill(process.pid, number)
            if len(signals) > 1:
                try:
                    process.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
        _, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert ("boom" in err) == ("boom" in body)
    assert err.count("\n") == (1 if "boom" in body else 0), "a crash is one line"
