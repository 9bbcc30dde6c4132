"""The outer process of a lab: it binds what must be reachable from outside, starts the supervisor, and waits.

The lab lives as long as this process: the supervisor reads a pipe whose other end is held here, so however this
process dies, the lab ends. util-linux's `unshare` swallows SIGTERM and SIGINT; so they are handled here.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

from pylb.lab import sandbox
from pylb.lab.errors import BadInput, LabError
from pylb.lab.protocol import address
from pylb.lab.settings import Handles, Settings, encode

END_LIMIT_S = 3.0  # the supervisor ends at once when its pipe closes; after this it is killed
BACKLOG = 128
REPORT_LIMIT = 1 << 20


def up(settings: Settings, lifeline: int | None, say: Callable[[str], None]) -> int:
    """Run a lab until SIGTERM, SIGINT, SIGHUP, `down` or the end of `lifeline`; `say` gets the line of JSON.

    The exit code is 0 after an orderly end; LabError if the lab cannot start or breaks.
    """
    way = sandbox.way()
    with _signals() as wake, _control(settings) as control, _api() as api:
        ends, report = os.pipe(), os.pipe()
        handles = Handles(api.fileno(), control.fileno(), ends[0], report[1])
        process = _start(way, settings, handles)
        os.close(ends[0])
        os.close(report[1])
        try:
            return _attend(process, wake, report[0], lifeline, say)
        finally:
            os.close(ends[1])
            _end(process)


def _api() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)


def _control(settings: Settings) -> socket.socket:
    """An abstract socket: the kernel removes it with its last holder. It lives in this network namespace."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(address(settings.name))
    except OSError:
        listener.close()
        raise BadInput(
            f"name {settings.name!r}: such a lab runs already; use another --name, "
            f"or end it with: pylb lab down --name {settings.name}"
        ) from None
    listener.listen(BACKLOG)
    return listener


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that becomes readable when the process is asked to end."""
    near, far = socket.socketpair()
    far.setblocking(False)
    before = {number: signal.signal(number, _noted) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    old = signal.set_wakeup_fd(far.fileno())
    try:
        yield near
    finally:
        signal.set_wakeup_fd(old)
        for number, handler in before.items():
            signal.signal(number, handler)
        near.close()
        far.close()


def _noted(_number: int, _frame: object) -> None:
    """The wake-up descriptor tells it."""


def _start(way: sandbox.Way, settings: Settings, handles: Handles) -> subprocess.Popen[bytes]:
    command = [*way.command, sys.executable, "-m", "pylb.lab.supervisor", encode(settings, handles)]
    passed = (handles.api, handles.control, handles.lifeline, handles.report)
    # a session of its own: Ctrl-C of the terminal is for this process alone
    return subprocess.Popen(
        command, pass_fds=passed, env=sandbox.environment(), stdin=subprocess.DEVNULL, start_new_session=True
    )


def _attend(
    process: subprocess.Popen[bytes], wake: socket.socket, report: int, lifeline: int | None, say: Callable[[str], None]
) -> int:
    poll = select.poll()
    pidfd = os.pidfd_open(process.pid)
    try:
        for fd in (wake.fileno(), pidfd, report, *(() if lifeline is None else (lifeline,))):
            poll.register(fd, select.POLLIN)
        reported, text = False, b""
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if report in ready:
                text += os.read(report, REPORT_LIMIT)
                if text.endswith(b"\n"):  # `unshare` holds the other end too: there is no end of file to wait for
                    poll.unregister(report)
                    _tell(text, say)
                    reported = True
            elif wake.fileno() in ready or lifeline in ready:
                return 0
            elif pidfd in ready:
                code = process.wait()
                if reported and code == 0:  # `lab down`
                    return 0
                raise LabError(f"the lab's supervisor ended by itself with {code}")
    finally:
        os.close(pidfd)
        os.close(report)


def _tell(text: bytes, say: Callable[[str], None]) -> None:
    """Pass the supervisor's report on; LabError if it tells of a failure."""
    told = json.loads(text)
    if "error" in told:
        error = LabError(told["error"])
        error.exit_code = told.get("exit", 1)
        raise error
    say(json.dumps(told))


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()  # its child goes with it, and the kernel ends the rest
        process.wait()
