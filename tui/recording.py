"""A recording that is read: its lines, when each was written, and the state at any time of it."""

from __future__ import annotations

import stat
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pylb.tui import tape
from pylb.tui.facts import Fact, Remark, SpeakerHeard
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.tape import Header, Still, TapeError

CHUNK = 10_000  # facts that are folded at once
MAX_BYTES = 64 * 1024 * 1024  # three times what a recorder writes


class UnreadableRecording(Exception):
    """The file is no recording, or there is nothing in it; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Lines of facts and when each was written (Unix seconds, never stepping back); `note` is what is wrong at the end."""

    path: str
    header: Header
    lines: tuple[str, ...]
    times: tuple[float, ...]
    note: str = ""

    @property
    def began(self) -> float:
        """When the first fact was written."""
        return self.times[0]

    @property
    def duration(self) -> float:
        """Seconds from the first fact to the last."""
        return self.times[-1] - self.times[0]

    def until(self, at: float) -> int:
        """How many lines were written until a time."""
        return bisect_right(self.times, at)

    def facts(self, first: int, last: int, said: dict[str, SpeakerHeard]) -> Iterator[Fact]:
        """The facts of lines; `said` is what each node's speaker said last, and goes along.

        Raises UnreadableRecording at a line that tells none.
        """
        for index in range(first, last):
            try:
                _, fact = tape.read(self.lines[index])
                if isinstance(fact, Still):
                    fact = _again(fact, said)
            except TapeError as error:
                raise UnreadableRecording(broken(self.path, index + 2, str(error))) from None
            if isinstance(fact, SpeakerHeard):
                said[fact.snapshot.node] = fact
            yield fact


def broken(path: str, line: int, why: str) -> str:
    """What is said of a line that cannot be read."""
    return f"{path}, line {line}: {why}; what came before it is shown"


def _again(still: Still, said: dict[str, SpeakerHeard]) -> SpeakerHeard:
    known = said.get(still.node)
    if known is None:
        raise TapeError(f"it repeats what the speaker of {still.node} never said")
    return SpeakerHeard(still.at, known.snapshot)


def load(path: Path) -> Recording:
    """Read a recording. Raises UnreadableRecording."""
    try:
        if not (stat.S_ISREG(mode := path.stat().st_mode) or stat.S_ISDIR(mode)):
            raise UnreadableRecording(f"{path} is no file, and might never end: copy what comes from it to a file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableRecording(f"{path}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UnreadableRecording(f"{path} has more than {MAX_BYTES >> 20} MiB, which no recording of pylb has")
    return parse(str(path), data.decode("utf-8", "replace"))


def parse(path: str, text: str) -> Recording:
    """The recording that a text is. Raises UnreadableRecording."""
    first, *lines = text.split("\n")
    try:
        header = tape.read_header(first)
    except TapeError as error:
        raise UnreadableRecording(f"{path}, line 1: {error}") from None
    times: list[float] = []
    note = ""
    if lines and not lines[-1]:
        lines.pop()  # after the last line feed
    for number, line in enumerate(lines, 2):
        try:
            at = tape.read_time(line)
        except TapeError as error:
            note = broken(path, number, str(error))
            break
        times.append(max(at, times[-1]) if times else at)
    if not times:
        why = note.partition(": ")[2].rpartition(";")[0] if lines else "there is none: nothing was recorded"
        raise UnreadableRecording(f"{path}, line 2: {why}")
    return Recording(path, header, tuple(lines[: len(times)]), tuple(times), note)


def state_at(recording: Recording, at: float) -> State:
    """What was known at a time, with a remark where something could not be read."""
    state, note = State(), recording.note if at >= recording.times[-1] else ""
    facts: list[Fact] = []
    try:
        for fact in recording.facts(0, recording.until(at), {}):
            facts.append(fact)
            if len(facts) >= CHUNK:
                state, facts = fold_all(state, facts), []
    except UnreadableRecording as error:
        note = str(error)
    return fold_all(state, [*facts, *([Remark(at, note)] if note else [])])
