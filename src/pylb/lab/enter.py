"""Run a command on a host of a lab, from outside: `python enter.py PID HOST -- COMMAND…`.

It joins the lab's user, mount and pid namespace and the host's network, and keeps the terminal. util-linux's nsenter
would do that too, but dies of Ctrl-C before the command could end in order. Imports nothing of pylb: it starts within
20 ms with `python -I -S`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator, Sequence

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000  # linux/sched.h
PR_SET_PDEATHSIG = 1  # linux/prctl.h
MS_REC, MS_SLAVE = 16384, 1 << 19  # linux/mount.h
MNT_DETACH = 2
NOT_FOUND, NOT_EXECUTABLE, SIGNALLED = 127, 126, 128  # exit codes as shells use them
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def join(pid: int) -> None:
    """Join the user, pid and mount namespace of a lab; the process must have one thread, and children join fully."""
    folder = f"/proc/{pid}/ns"
    with contextlib.ExitStack() as stack:
        kinds = [("user", CLONE_NEWUSER), ("pid", CLONE_NEWPID), ("mnt", CLONE_NEWNS)]
        joined = [(kind, flag, stack.enter_context(_opened(f"{folder}/{kind}"))) for kind, flag in kinds]
        with _opened("/proc/self/ns/user") as own:
            same = os.fstat(own).st_ino == os.fstat(joined[0][2]).st_ino  # a lab of root's shares root's user namespace
        here = os.getcwd()  # noqa: PTH109 - pathlib would cost a third of the start
        root = stack.enter_context(_opened(f"/proc/{pid}/root"))  # in a chroot it is another than the namespace's
        for kind, flag, fd in joined[1:] if same else joined:
            _check(_libc.setns(fd, flag), f"setns {kind}")
        os.fchdir(root)
        os.chroot(".")
        try:
            os.chdir(here)  # the same folder, seen from the lab; its /run is another
        except OSError:
            os.chdir("/")


def attach(host: str) -> None:
    """Enter a host's network, with the /sys that belongs to it."""
    with _opened(f"/run/netns/{host}") as fd:
        _check(_libc.setns(fd, CLONE_NEWNET), f"setns {host}")
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_SLAVE, None), "mount /")
    if _libc.umount2(b"/sys", MNT_DETACH) == 0:
        _libc.mount(host.encode(), b"/sys", b"sysfs", 0, None)


def _command(host: str, command: Sequence[str]) -> int:
    """In the child: become the command; returns only if that fails."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    try:
        attach(host)
        os.execvp(command[0], list(command))
    except FileNotFoundError:
        code, text = NOT_FOUND, "no such command"
    except OSError as error:
        code, text = NOT_EXECUTABLE, str(error.strerror)
    print(f"{command[0]}: {text}", file=sys.stderr, flush=True)
    return code


def run(pid: int, host: str, command: Sequence[str]) -> int:
    """Run a command on a host and wait; its exit code, 128 + N for signal N. OSError if the lab is gone."""
    join(pid)
    child = os.fork()
    if child == 0:
        os._exit(_command(host, command))
    for number in (signal.SIGINT, signal.SIGQUIT):  # the terminal sends them to the command as well
        signal.signal(number, signal.SIG_IGN)

    def forward(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else SIGNALLED - code


if __name__ == "__main__":
    try:
        sys.exit(run(int(sys.argv[1]), sys.argv[2], sys.argv[4:]))
    except OSError as trouble:
        print(f"the lab cannot be entered: {trouble}", file=sys.stderr)
        sys.exit(3)
