"""The processes of a lab: started in a network namespace, their ends noticed, orphans buried.

The supervisor is the first process of its pid namespace, so it inherits orphans and must wait for them; asyncio's own
child watchers would leave them as zombies. Everything here runs on the loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pylb.lab.errors import LabError

RUN_LIMIT_S = 10.0  # a tool that runs longer hangs
SHOWN = 400  # characters of a tool's complaint that are passed on


@dataclass
class Child:
    """A process that was started; `code` is as subprocess tells it, None while it runs."""

    argv: Sequence[str]
    process: subprocess.Popen[bytes]
    ended: asyncio.Future[int]
    on_end: list[Callable[[int], None]] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def code(self) -> int | None:
        return self.process.returncode

    def signal(self, number: int) -> None:
        """Send a signal, if the process still runs."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(frozen=True)
class Outcome:
    """How a tool ended."""

    code: int
    out: str
    err: str


class Children:
    """All processes of this one; make it on the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: dict[int, Child] = {}
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def close(self) -> None:
        """Stop listening for ends."""
        self._loop.remove_signal_handler(signal.SIGCHLD)

    def start(
        self,
        argv: Sequence[str],
        *,
        namespace: str | None = None,
        log: Path | None = None,
        fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
    ) -> Child:
        """Start a program in a session of its own; its pid is the program's, whatever namespace it runs in."""
        out = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            return self._start(argv, namespace, subprocess.DEVNULL, out, out, fds, env)
        finally:
            os.close(out)

    async def run(self, argv: Sequence[str], text: str = "", *, namespace: str | None = None) -> Outcome:
        """Run a tool with `text` on its standard input; LabError if it is missing or hangs."""
        with _memory(text) as given, _memory() as out, _memory() as err:
            child = self._start(argv, namespace, given, out, err)
            try:
                code = await asyncio.wait_for(asyncio.shield(child.ended), RUN_LIMIT_S)
            except asyncio.TimeoutError:
                child.signal(signal.SIGKILL)
                raise LabError(f"{argv[0]} did not end within {RUN_LIMIT_S:.0f} s: {' '.join(argv)}") from None
            return Outcome(code, _content(out), _content(err))

    async def check(self, argv: Sequence[str], text: str = "", *, namespace: str | None = None) -> str:
        """What a tool printed; LabError if it ended with another code than 0."""
        outcome = await self.run(argv, text, namespace=namespace)
        if outcome.code != 0:
            raise LabError(f"{' '.join(argv)} ended with {outcome.code}: {outcome.err.strip()[:SHOWN]}")
        return outcome.out

    def _start(
        self,
        argv: Sequence[str],
        namespace: str | None,
        stdin: int,
        stdout: int,
        stderr: int,
        fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
    ) -> Child:
        enter = ["nsenter", f"--net=/run/netns/{namespace}", "--"] if namespace else []
        try:
            process = subprocess.Popen(
                [*enter, *argv],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=fds,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise LabError(f"{error.filename} is not installed: the lab needs it") from None
        child = Child(argv, process, self._loop.create_future())
        self._running[process.pid] = child
        return child

    def _reap(self) -> None:
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            child = self._running.pop(found.si_pid, None)
            if child is None:
                os.waitpid(found.si_pid, 0)  # an orphan of a program that ended
            else:
                self._end(child, child.process.wait())

    def _end(self, child: Child, code: int) -> None:
        if not child.ended.done():
            child.ended.set_result(code)
        for call in child.on_end:
            call(code)


@contextlib.contextmanager
def _memory(text: str = "") -> Iterator[int]:
    """A file in memory: unlike a pipe it never makes the other side wait."""
    fd = os.memfd_create("lab")
    try:
        if text:
            _write_all(fd, text.encode())
            os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _content(fd: int) -> str:
    return os.pread(fd, os.fstat(fd).st_size, 0).decode(errors="replace")
