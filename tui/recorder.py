"""A recording in the making: facts go to a file as they come, which two files bound.

Nobody else may read it, nothing is overwritten, and what it has is on the disk each second. When the file is full it is
set aside as FILE.1, in place of the one before, and a new one begins with all that is known.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from pylb import __version__
from pylb.tui import tape
from pylb.tui.facts import Dropped, Fact, ObjectChanged, Offline, Online, Rewound, SpeakerHeard
from pylb.tui.inbox import MAX_KEYS, key_of
from pylb.tui.seams import Source
from pylb.tui.tape import Header
from pylb.tui.words import clock, lasting

MAX_BYTES = 20 * 1024 * 1024  # of each of the two files
MAX_WAITING = 100_000  # facts between two flushes
MAX_EVENTS = 2_000  # that a new file begins with
FLUSH_S = 1.0
MODE = 0o600  # names and addresses of a home are nobody's business


class RecordingFault(Exception):
    """The file cannot be written; the message says why."""


class Recorder:
    """Writes facts to `path`, which must not be there yet. `now` gives Unix seconds."""

    def __init__(self, path: Path, source: str, now: Callable[[], float], limit: int = MAX_BYTES) -> None:
        """Raises RecordingFault."""
        self._path, self._source, self._now, self._limit = path, source, now, limit
        self._aside = path.with_name(f"{path.name}.1")
        self._waiting: list[tuple[float, Fact]] = []
        self._dropped = 0
        self._latest: dict[tuple[object, ...], Fact] = {}
        self._events: deque[Fact] = deque(maxlen=MAX_EVENTS)
        self._said: dict[str, SpeakerHeard] = {}
        self.lines = 0  # facts that were written
        for taken in (path, self._aside):
            if taken.exists() or taken.is_symlink():
                raise RecordingFault(f"{taken} is there already: nothing is overwritten; name another file")
        self._size = 0
        self._file = self._open()

    def put(self, fact: Fact) -> None:
        """Take a fact; it is written with the next flush."""
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
        else:
            self._waiting.append((self._now(), fact))

    def flush(self) -> None:
        """Have all that came on the disk; of the signs of life of the API server the last. Raises RecordingFault."""
        waiting, self._waiting = self._waiting, []
        last = max((index for index, (_, fact) in enumerate(waiting) if isinstance(fact, Online)), default=-1)
        lost = [(self._now(), Dropped(self._dropped))] if self._dropped else []
        self._dropped = 0
        try:
            for index, (at, fact) in enumerate((*waiting, *lost)):
                if not isinstance(fact, Online) or index == last:
                    self._remember(fact)
                    self._write(at, fact)
            self._file.flush()
            if self._size > self._limit:
                self._turn()
        except OSError as error:
            raise RecordingFault(f"{self._path}: {error.strerror}") from None

    def close(self) -> None:
        """Write what waits, and end. Raises RecordingFault."""
        self.flush()
        self._file.close()

    def _open(self) -> _File:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            file = _File(os.open(self._path, flags, MODE))
        except OSError as error:
            raise RecordingFault(f"{self._path}: {error.strerror}") from None
        self._size = file.write(tape.header_line(Header(self._source, __version__, self._now())))
        return file

    def _remember(self, fact: Fact) -> None:
        """What a new file begins with."""
        key = key_of(fact)
        if isinstance(fact, Rewound):
            self._latest.clear()
            self._events.clear()
        elif key is None:
            self._events.append(fact)
        elif isinstance(fact, ObjectChanged) and fact.value is None:
            self._latest.pop(key, None)
        elif key in self._latest or len(self._latest) < MAX_KEYS:
            self._latest[key] = fact

    def _write(self, at: float, fact: Fact) -> None:
        self._size += self._file.write(tape.line(at, tape.still(fact, self._said)))
        if isinstance(fact, SpeakerHeard):
            self._said[fact.snapshot.node] = fact
        self.lines += 1

    def _turn(self) -> None:
        """Set the full file aside, and begin another."""
        self._file.close()
        self._path.replace(self._aside)
        self._file = self._open()
        self._said.clear()
        at = self._now()
        for fact in (*self._latest.values(), *self._events):
            self._write(at, fact)
        self._file.flush()


class _File:
    """A text file of ASCII lines by its descriptor, that counts what it is given."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w", encoding="ascii")

    def write(self, text: str) -> int:
        return self._file.write(text)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class Away:
    """Whether the API server is away, told once when it goes and once when it is back."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._since = tell, 0.0

    def put(self, fact: Fact) -> None:
        """Take a fact."""
        if isinstance(fact, Offline) and not self._since:
            self._since = fact.at
            self._tell(f"{clock(fact.at)} the cluster does not answer ({fact.reason}): it is tried again, Ctrl-C ends")
        elif isinstance(fact, Online) and self._since:
            self._tell(f"{clock(fact.at)} the cluster answers again, after {lasting(fact.at - self._since)}")
            self._since = 0.0


async def record(source: Source, recorder: Recorder, stop: asyncio.Event, tell: Callable[[str], None]) -> None:
    """Record a source until `stop` is set, and tell when it is away and when it is back. Raises RecordingFault."""
    away = Away(tell)

    def put(fact: Fact) -> None:
        away.put(fact)
        recorder.put(fact)

    task = asyncio.ensure_future(source.run(put))
    try:
        while not stop.is_set() and not task.done():
            await asyncio.wait(
                {task, waiting := asyncio.ensure_future(stop.wait())}, timeout=FLUSH_S, return_when="FIRST_COMPLETED"
            )
            waiting.cancel()
            recorder.flush()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        recorder.close()
