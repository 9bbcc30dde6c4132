"""A program on a terminal of its own: what it writes and when, and the keys that are pressed.

Times are `time.monotonic`. Text is what was written without escape sequences: not a picture, but the words on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

COLUMNS, LINES = 120, 40
WAIT_S = 30.0  # for what shall be written
BURST_S = 0.004  # what is written within so long belongs together: a terminal takes 4 KiB at a time
END_S = 5.0
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|[@-_])")


class Terminal:
    """A terminal with one program on it; to be used as a context manager."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], pass_fds: tuple[int, ...] = ()) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._written = bytearray()
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=dict(env), start_new_session=True, pass_fds=pass_fds
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        end = time.monotonic() + END_S
        while self.process.poll() is None and time.monotonic() < end:
            self._take(0.05)
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def press(self, key: str) -> float:
        """Press a key; gives the moment. What was written before is forgotten."""
        self.forget()
        pressed = time.monotonic()
        os.write(self._master, key.encode())
        return pressed

    def forget(self) -> None:
        """Take what is written so far, and forget it."""
        while self._take(0.0):
            pass
        self._written.clear()

    def shows(self, *texts: str) -> float:
        """Wait until all these were written; see `until`."""
        return self.until(f"{texts} to be written", lambda shown: all(text in shown for text in texts))

    def until(self, what: str, check: Callable[[str], bool]) -> float:
        """Wait until what was written is so, and for what came with it; gives the moment of the last byte."""
        end = at = time.monotonic() + WAIT_S
        while not check(self.text):
            if time.monotonic() > end or self.process.poll() is not None:
                raise TimeoutError(f"gave up to wait for {what}; this was written: {self.text[-2000:]!r}")
            if self._take(0.05):
                at = time.monotonic()
        while self._take(BURST_S):
            at = time.monotonic()
        return at

    def rest(self, seconds: float) -> None:
        """Let time pass, and take what is written meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._take(0.5)
        self._written.clear()

    @property
    def text(self) -> str:
        """What was written since it was last forgotten."""
        return _ESCAPES.sub("", self._written.decode(errors="replace"))

    def _take(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        with contextlib.suppress(OSError):  # the other end is gone
            self._written += os.read(self._master, 65536)
            return True
        return False
