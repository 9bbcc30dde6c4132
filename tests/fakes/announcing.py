"""An announcer whose sockets only remember, with its clock, its timer and its guard in the test's hands."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from pylb.speaker import bpf
from pylb.speaker.announcer import Announcer


class Socket:
    """A socket of the announcer's that remembers."""

    def __init__(
        self, name: str, filter_: bytes, on_frame: Callable[[bytes], None], on_gone: Callable[[int], None]
    ) -> None:
        self.name, self.filters, self.on_frame, self.on_gone = name, [filter_], on_frame, on_gone
        self.sent: list[bytes] = []
        self.open, self.works, self.longest, self.queued = True, True, bpf.MAX_INSTRUCTIONS * 8, 0

    def attach(self, filter_: bytes) -> None:
        if len(filter_) > self.longest:
            raise OSError(errno.ENOMEM, "no option memory")
        self.filters.append(filter_)

    def send(self, frame: bytes) -> bool:
        assert self.open
        self.sent += [frame] if self.works else []
        return self.works

    def flush(self) -> int:
        return self.queued

    def close(self) -> None:
        self.open = False

    def take(self) -> list[bytes]:
        frames, self.sent = self.sent, []
        return frames


class Stage:
    """An announcer with a clock, a timer and a guard in the test's hands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.may = 1000.0, True
        self.sockets: list[Socket] = []
        self.conflicts: list[tuple[IPv4Address, str, str]] = []
        self.placed = 0
        self.due: float | None = None
        self.fail: OSError | None = None
        self.longest = bpf.MAX_INSTRUCTIONS * 8
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", self.call_later)
        self.announcer = Announcer(
            clock=lambda: self.now,
            may_answer=lambda now: self.may and now == self.now,
            on_conflict=lambda *what: self.conflicts.append(what),
            on_placement=self.count,
            jitter=lambda: 0.5,
            open_socket=self.open_socket,
        )

    def count(self) -> None:
        self.placed += 1

    def open_socket(
        self, name: str, filter_: bytes, on_frame: Callable[[bytes], None], on_gone: Callable[[int], None]
    ) -> Socket:
        if self.fail is not None:
            raise self.fail
        self.sockets.append(Socket(name, filter_, on_frame, on_gone))
        self.sockets[-1].longest = self.longest
        return self.sockets[-1]

    def call_later(self, delay: float, callback: Callable[[], None]) -> Stage:
        self.due, self.callback = self.now + delay, callback
        return self

    def cancel(self) -> None:
        self.due = None

    def run_until(self, until: float) -> None:
        """Let the timer fire as the time passes."""
        while self.due is not None and self.due <= until:
            self.now = max(self.now, self.due)
            self.callback()
        self.now = until
