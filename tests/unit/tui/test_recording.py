"""Recorder, recording and replay: files that are bounded, and what is played is what was seen."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from fakes import tui_source as fake
from pylb.core import events
from pylb.tui import recorder, tape
from pylb.tui.facts import Dropped, Fact, Kind, ObjectChanged, Online, Remark, Rewound, SpeakerHeard
from pylb.tui.inbox import Inbox
from pylb.tui.recorder import Recorder, RecordingFault
from pylb.tui.recording import Recording, UnreadableRecording, load, parse, state_at
from pylb.tui.replay import ReplaySource
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.tape import Header

NOW = fake.NOW


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


def written(path: Path, facts: list[Fact], limit: int = recorder.MAX_BYTES) -> tuple[Recorder, Clock]:
    """A recorder that took these facts, one a second."""
    clock = Clock()
    made = Recorder(path, "a cluster", clock, limit)
    for fact in facts:
        made.put(fact)
        clock.at += 1
        made.flush()
    return made, clock


def test_what_was_seen_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    homelab = fake.homelab()
    made, clock = written(file, homelab)
    made.close()
    found = load(file)
    assert state_at(found, clock.at) == fold_all(State(), homelab)
    assert (found.header.source, found.note, len(found.lines)) == ("a cluster", "", made.lines)
    assert state_at(found, NOW - 1) == State()


def test_nobody_else_may_read_it_and_nothing_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    before = os.umask(0)
    try:
        written(file, [])[0].close()
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600
    for taken in (file, tmp_path / "y"):
        (tmp_path / "y.1").touch()
        with pytest.raises(RecordingFault, match="is there already"):
            Recorder(taken, "", Clock())
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RecordingFault, match="is there already"):
        Recorder(tmp_path / "link", "", Clock())
    with pytest.raises(RecordingFault, match="No such file"):
        Recorder(tmp_path / "none" / "x", "", Clock())


def test_it_is_bounded_and_each_file_stands_alone(tmp_path: Path) -> None:
    """After many turns there are two files, and the newer one alone tells all that is known."""
    file = tmp_path / "x.jsonl"
    homelab = fake.homelab()
    noise: list[Fact] = [events.MemberUp(NOW + number, "n1", "n2") for number in range(200)]
    made, clock = written(file, [*homelab, *noise], 20_000)
    made.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.jsonl", "x.jsonl.1"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "x.jsonl.1").stat().st_size < 60_000
    state = state_at(load(file), clock.at)
    whole = fold_all(State(), [*homelab, *noise])
    for name in ("services", "nodes", "pods", "speakers", "config", "log"):
        assert getattr(state, name) == getattr(whole, name), name


def test_signs_of_life_are_written_once_a_flush(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    made = Recorder(file, "", Clock())
    for number in range(5):
        made.put(Online(NOW + number))
    made.close()
    assert [tape.read(line)[1] for line in load(file).lines] == [Online(NOW + 4)]


def test_a_flood_is_cut_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MAX_WAITING", 3)
    made = Recorder(tmp_path / "x", "", Clock())
    for number in range(5):
        made.put(events.MemberUp(NOW + number, "n1", "n2"))
    made.close()
    assert tape.read(load(tmp_path / "x").lines[-1])[1] == Dropped(2)


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Recorder(tmp_path / "x", "", Clock())

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(made._file, "flush", full)
    made.put(Online(NOW))
    with pytest.raises(RecordingFault, match="x: No space left on device"):
        made.flush()
    made._file.close()


def recorded(*timed: tuple[float, Fact], tail: str = "") -> Recording:
    """A recording of facts at these seconds."""
    said: dict[str, SpeakerHeard] = {}
    lines = []
    for at, fact in timed:
        lines.append(tape.line(NOW + at, tape.still(fact, said)))
        if isinstance(fact, SpeakerHeard):
            said[fact.snapshot.node] = fact
    return parse("x.jsonl", "".join((tape.header_line(Header("a cluster", "0", NOW)), *lines, tail)))


def node(name: str) -> ObjectChanged:
    return next(
        one for one in fake.homelab() if isinstance(one, ObjectChanged) and (one.kind, one.key) == (Kind.NODE, name)
    )


THREE = ((0.0, node("rpi1")), (5.0, node("rpi2")), (10.0, node("rpi3")))


class Player:
    """A replay whose clock a test sets, and what came of it."""

    def __init__(self, recording: Recording) -> None:
        self.clock = Clock()
        self.source = ReplaySource(recording, self.clock)
        self.inbox = Inbox()
        self.state = State()
        self.task = asyncio.ensure_future(self.source.run(self.inbox.put))

    async def nodes(self, later: float = 0.0) -> list[str]:
        """The nodes that are known, so many seconds later."""
        self.clock.at += later
        self.source.paused = self.source.paused  # wake it: its clock jumped
        for _ in range(10):
            await asyncio.sleep(0)
        self.state = fold_all(self.state, self.inbox.drain())
        return sorted(self.state.nodes)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_replay_goes_at_its_pace_and_from_any_place() -> None:
    player = Player(recorded(*THREE))
    assert await player.nodes() == ["rpi1"]
    assert await player.nodes(4.9) == ["rpi1"]
    assert await player.nodes(0.2) == ["rpi1", "rpi2"]
    assert player.source.now() == pytest.approx(NOW + 5.1)
    player.source.paused = True
    assert await player.nodes(100) == ["rpi1", "rpi2"]
    player.source.paused = False
    player.source.rate = 10
    assert await player.nodes(0.5) == ["rpi1", "rpi2", "rpi3"]
    assert player.source.position == player.source.duration == 10.0
    player.source.seek(1)
    assert await player.nodes() == ["rpi1"]
    player.source.seek(99)
    assert await player.nodes() == ["rpi1", "rpi2", "rpi3"]
    player.source.seek(-4)
    assert await player.nodes() == ["rpi1"]
    assert not player.task.done()
    await player.end()


async def test_rates_are_bounded() -> None:
    source = ReplaySource(recorded(*THREE), Clock())
    for asked, given in ((0.0, 0.1), (1e9, 1000.0), (2.0, 2.0)):
        source.rate = asked
        assert source.rate == given


async def test_speakers_that_say_the_same_go_on_after_a_jump() -> None:
    heard = fake.speaker("rpi1", NOW)
    later = SpeakerHeard(NOW + 8, heard.snapshot)
    player = Player(recorded((0.0, heard), (8.0, later), (9.0, node("rpi1"))))
    player.source.seek(9)
    await player.nodes()
    assert player.state.speakers["rpi1"].heard_at == NOW + 8
    player.source.seek(0)
    await player.nodes()
    assert player.state.speakers["rpi1"].heard_at == NOW
    await player.end()


async def test_where_it_is_broken_it_stops_and_says_so() -> None:
    cut = recorded(*THREE, tail='{"t":17')
    assert cut.note == "x.jsonl, line 5: it is not JSON, or cut off; what came before it is shown"
    player = Player(cut)
    player.source.seek(10)
    assert await player.nodes() == ["rpi1", "rpi2", "rpi3"]
    assert player.state.remarks == (cut.note,)
    await player.end()
    odd = recorded(THREE[0], tail='{"t":1795183403,"is":"Online","at":"x"}\n' + tape.line(NOW + 2, THREE[1][1]))
    player = Player(odd)
    player.source.seek(2)
    assert await player.nodes() == ["rpi1"]
    assert "line 3: Online.at is no float" in player.state.remarks[0]
    await player.end()
    assert state_at(odd, NOW + 2).remarks == player.state.remarks


def test_a_speaker_that_never_said_anything_is_an_error_of_its_line() -> None:
    odd = recorded(THREE[0], tail=tape.line(NOW + 1, tape.Still(NOW + 1, "n9")))
    assert "line 3: it repeats what the speaker of n9 never said" in state_at(odd, NOW + 1).remarks[0]


def test_a_clock_that_stepped_back_does_not_turn_the_recording() -> None:
    found = recorded((0.0, THREE[0][1]), (5.0, THREE[1][1]), (2.0, THREE[2][1]))
    assert found.times == (NOW, NOW + 5, NOW + 5)


@pytest.mark.parametrize("text", ["", "\n", "x\n", tape.header_line(Header("", "", 0.0)), "\x00\xff"])
def test_what_is_no_recording(text: str) -> None:
    with pytest.raises(UnreadableRecording, match="x, line "):
        parse("x", text)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UnreadableRecording, match=str(path)):
            load(path)


def test_beginning_anew_and_remarks_are_recorded_like_others(tmp_path: Path) -> None:
    made, clock = written(tmp_path / "x", [node("rpi1"), Rewound(NOW), Remark(NOW, "r")])
    made.close()
    state = state_at(load(tmp_path / "x"), clock.at)
    assert (state.nodes, state.remarks) == ({}, ("r",))
