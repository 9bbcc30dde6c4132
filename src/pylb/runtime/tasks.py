"""How a daemon's tasks live and end: signals, exit codes, a nursery, and a signal that coalesces changes.

It decides nothing about what the tasks do. (Python 3.10 has neither TaskGroup nor asyncio.timeout.)
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar, final

TASKS_MAX = 1024  # tasks that live in a nursery at once
OK, CRASHED = 0, 1  # exit codes
INTERRUPTED = 130  # the exit code for a second SIGINT or SIGTERM, which waits for nothing: 128 + SIGINT

T = TypeVar("T")
log = logging.getLogger(__name__)


def run(main: Callable[[asyncio.Event], Awaitable[int | None]]) -> int:
    """Runs `main(stop)` to its end and gives its exit code (None is 0); 1 after an exception, which is logged.

    `stop` is set by SIGTERM and SIGINT; a second one cancels `main`. It is set, too, when a callback of the loop fails:
    half a daemon is worse than one that starts anew.
    """
    try:
        return asyncio.run(_supervise(main))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place where a crash can be told
        _tell_crash(error)
        return CRASHED


def _tell_crash(error: Exception) -> None:
    told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    log.critical("crashed", extra={"fields": {"error": repr(error), "trace": told}})


async def _supervise(main: Callable[[asyncio.Event], Awaitable[int | None]]) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs has a task

    def on_signal() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    crashed: list[Exception] = []

    def on_trouble(running: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" not in context or not isinstance(error, Exception):  # of a task or a transport, not of a callback
            running.default_exception_handler(context)
            return
        _tell_crash(error)
        crashed.append(error)
        stop.set()

    loop.set_exception_handler(on_trouble)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        code = await main(stop) or OK
        return CRASHED if crashed else code
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@final
class Nursery:
    """Tasks that end together: the first failure cancels the others and the body, and is raised at the end.

    Leaving the body waits for the tasks; after `cancel` they end soon, and without an error.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._parent: asyncio.Task[Any] | None = None
        self._failure: BaseException | None = None
        self._ending = False
        self._in_body = False
        self._interrupted = False  # the cancellation of the body is ours

    async def __aenter__(self) -> Nursery:
        self._parent = asyncio.current_task()
        self._in_body = True
        return self

    def start(self, coro: Coroutine[Any, Any, object], name: str) -> asyncio.Task[Any]:
        """Starts a task. Raises RuntimeError when TASKS_MAX live already, or after the end."""
        if len(self._tasks) >= TASKS_MAX or self._ending:
            coro.close()
            raise RuntimeError(f"no task {name} in this nursery: {'it ends' if self._ending else 'it is full'}")
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def cancel(self) -> None:
        """Ends all tasks, and starts no more; the body goes on to its end."""
        self._end()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._in_body = False
        ours = self._take_back() and isinstance(error, asyncio.CancelledError)
        if error is not None:
            self._end()
        outside = await self._wait()
        if error is not None and not ours:
            return False
        if outside is not None:
            raise outside
        if self._failure is not None:
            raise self._failure
        return False

    def _take_back(self) -> bool:
        """Takes our own cancellation of the body back; whether there was one, and no other beside it."""
        if not self._interrupted or self._parent is None:
            return False
        return sys.version_info < (3, 11) or self._parent.uncancel() == 0

    async def _wait(self) -> asyncio.CancelledError | None:
        """Waits for all tasks; a cancellation from outside is passed on to them, and given back."""
        outside = None
        while self._tasks:
            try:
                await asyncio.wait(self._tasks)
            except asyncio.CancelledError as error:
                outside = error
                self._end()
        return outside

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if failure is None:
            return
        if self._failure is None:
            self._failure = failure
            self._end(interrupt=True)
        else:
            log.error(
                "a task failed while the others ended",
                extra={"fields": {"task": task.get_name(), "error": repr(failure)}},
            )

    def _end(self, *, interrupt: bool = False) -> None:
        self._ending = True
        for task in self._tasks:
            task.cancel()
        if interrupt and self._in_body and self._parent is not None:
            self._interrupted = True
            self._parent.cancel()


class Signal:
    """Says that something changed, however often it did: `set` it from anywhere in the loop, and `wait` in one place."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Something changed."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Something changed since the last `wait`."""
        return self._event.is_set()

    async def wait(self, debounce: float = 0.0) -> None:
        """Waits until something has changed since the last time, and then `debounce` seconds for more of it."""
        await self._event.wait()
        if debounce > 0:
            await asyncio.sleep(debounce)
        self._event.clear()


async def within(seconds: float, work: Awaitable[T]) -> T:
    """The result of `work`, or asyncio.TimeoutError after so many seconds, when it is cancelled.

    Unlike asyncio.wait_for before Python 3.12 it never swallows a cancellation that comes as the work ends.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=max(0.0, seconds))
        if task.done():
            return task.result()
        raise asyncio.TimeoutError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
