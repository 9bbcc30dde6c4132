"""Network namespaces of the kernel, as far as Python before 3.12 has no words for them (os.setns)."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

CLONE_NEWNET = 0x40000000  # linux/sched.h
MS_BIND = 4096  # linux/mount.h
SIOCGIFFLAGS = 0x8913  # linux/sockios.h
IFF_RUNNING = 0x40  # linux/if.h
NAMES = Path("/run/netns")  # where `ip netns` looks
_libc = ctypes.CDLL(None, use_errno=True)

T = TypeVar("T")


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str, flags: int = 0) -> None:
    """mount(2); OSError if the kernel refuses."""
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, None), f"mount {target}")


def name_own(name: str) -> None:
    """Give this process's network namespace a name."""
    NAMES.mkdir(parents=True, exist_ok=True)
    (NAMES / name).touch()
    mount("/proc/self/ns/net", str(NAMES / name), "none", MS_BIND)


def inside(name: str, act: Callable[[], T]) -> T:
    """What `act` returns when it runs in a network namespace.

    A thread of its own enters and ends there: sockets that it makes belong to that namespace, and this thread never
    leaves its own. `act` must not wait for the network.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with (NAMES / name).open() as handle:
                _check(_libc.setns(handle.fileno(), CLONE_NEWNET), f"setns {name}")
            done.append(act())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
            failed.append(error)

    thread = threading.Thread(target=run, name=f"in {name}")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def is_up(device: str) -> bool:
    """Whether a device of the caller's network namespace works: it was set up, it has a carrier, the kernel took note."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        answer = fcntl.ioctl(query.fileno(), SIOCGIFFLAGS, struct.pack("16sH14x", device.encode(), 0))
    return bool(struct.unpack_from("16xH", answer)[0] & IFF_RUNNING)


def members(name: str) -> list[int]:
    """The processes in a network namespace, by their ids in the caller's pid namespace; /proc may be the host's."""
    depth = len(_nested_ids("self"))
    wanted = (NAMES / name).stat().st_ino
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if Path(f"/proc/{entry.name}/ns/net").stat().st_ino == wanted:
                found.append(_nested_ids(entry.name)[depth - 1])
        except (OSError, IndexError):  # it ended meanwhile, or it is none of ours
            continue
    return found


def outer_ids() -> dict[int, int]:
    """The ids of processes as /proc, which is the host's, has them, by their ids in the caller's pid namespace."""
    own = Path("/proc/self/ns/pid").stat().st_ino
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                if Path(f"/proc/{entry.name}/ns/pid").stat().st_ino == own:  # else it is another lab's
                    found[_nested_ids(entry.name)[-1]] = int(entry.name)
    return found


def _nested_ids(pid: str) -> list[int]:
    """A process's ids, in the pid namespace of /proc first, in its own last."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return [int(word) for word in line.split()[1:]]
    return []
