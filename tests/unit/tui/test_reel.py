"""The line and the keys below a recording that is played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pylb.tui.pages.catalogue import for_extras
from pylb.tui.recording import Recording, parse
from pylb.tui.reel import GAP, HINTS, Reel, places, time_of
from pylb.tui.replay import ReplaySource
from pylb.tui.seams import Selection
from pylb.tui.words import ASCII, UNICODE, plain, wide

HEADER = json.dumps({"pylb-recording": 1, "source": "home", "pylb": "0.1.0", "started": 1000.0})


def recording(*told: tuple[float, str]) -> Recording:
    """Facts of these kinds at these seconds; only the times and the kinds matter here."""
    lines = [json.dumps({"t": 1000.0 + at, "is": kind}, separators=(",", ":")) for at, kind in told]
    return parse("night.jsonl", "\n".join([HEADER, *lines, ""]))


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> ReplaySource:
    return ReplaySource(night(), clock)


@pytest.fixture
def reel(source: ReplaySource) -> Reel:
    return Reel(source, night())


def night() -> Recording:
    return recording((0, "Online"), (100, "Moved"), (101, "Moved"), (200, "MemberDown"), (7384, "Online"))


async def press(reel: Reel, key: str) -> str | None:
    return await next(one for one in reel.keys if one.key == key).run(Selection())


def test_places_are_where_something_moved_each_burst_once() -> None:
    assert places(night()) == (101.0, 200.0)
    assert places(recording((0, "Online"), (5, "Online"))) == ()


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "00:00"), (133.9, "02:13"), (7384.0, "2:03:04")])
def test_time_of(seconds: float, text: str) -> None:
    assert time_of(seconds) == text


@pytest.mark.parametrize(
    ("key", "position"),
    [
        ("left_square_bracket", 990.0),
        ("right_square_bracket", 1010.0),
        ("left_curly_bracket", 940.0),
        ("right_curly_bracket", 1060.0),
        ("b", 0.0),
    ],
)
async def test_keys_wind_it(reel: Reel, source: ReplaySource, key: str, position: float) -> None:
    source.seek(1000.0)
    assert await press(reel, key) is None
    assert source.position == position


async def test_a_goes_to_the_next_move_and_says_so_where_there_is_none(reel: Reel, source: ReplaySource) -> None:
    await press(reel, "a")
    assert source.position == 101.0
    await press(reel, "a")
    assert source.position == 200.0
    assert await press(reel, "a") == "nothing moves after this"
    assert source.position == 200.0


async def test_pause_and_pace(reel: Reel, source: ReplaySource, clock: Clock) -> None:
    await press(reel, "full_stop")
    clock.at = 10.0
    assert (source.rate, source.position) == (2.0, 20.0)
    assert "x2" in shown(reel)
    for _ in range(20):
        await press(reel, "comma")
    assert source.rate == 0.25
    await press(reel, "p")
    clock.at = 1e6
    assert "00:20 of 2:03:04 paused" in shown(reel)
    await press(reel, "p")
    clock.at = 2e6
    assert "2:03:04 of 2:03:04 end" in shown(reel)


def shown(reel: Reel, width: int = 76) -> str:
    (line,) = reel.lines(0.0, width, ASCII)
    return plain(line)


@pytest.mark.parametrize("width", [36, 76, 96, 116, 196])
def test_the_line_has_room_for_a_bar_and_whole_hints(reel: Reel, source: ReplaySource, width: int) -> None:
    source.seek(200.0)
    (line,) = reel.lines(0.0, width, UNICODE)
    assert wide(line) <= width
    assert "●" in plain(line)
    hints = plain(line).rsplit("─", 1)[1]
    assert "".join(f"{GAP}{key} {label}" for key, label in HINTS).startswith(hints)
    assert width < 96 or ", . speed" in hints


def test_its_keys_are_left_to_extras(reel: Reel) -> None:
    assert all(for_extras(key.key) for key in reel.keys)


def test_a_real_recording_has_its_places() -> None:
    file = Path(__file__).parents[2] / "data" / "tui" / "failover.jsonl"
    found = places(parse(str(file), file.read_text()))
    assert len(found) >= 3
    assert list(found) == sorted(found)
