"""The line below a recording that is played: where it is, how fast it goes, and the keys that wind it.

What is played, and when, is `replay`'s matter; this names places in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence

from pylb.tui import words
from pylb.tui.recording import Recording
from pylb.tui.replay import ReplaySource
from pylb.tui.seams import Key, Selection
from pylb.tui.words import Glyphs, Line, Span

STEP_S, LEAP_S = 10.0, 60.0
RATES = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
TOLD = ('"is":"Moved"', '"is":"StoodIn"', '"is":"MemberDown"')  # lines worth winding to
BURST_S = 2.0  # what happens so close together is one place
MIN_BAR, MAX_BAR = 6, 60  # cells
HINTS = (("[ ]", "10s"), ("{ }", "60s"), ("a", "move"), ("p", "pause"), (", .", "speed"), ("b", "start"))
GAP = "  "


class Reel:
    """See `seams.Extra`."""

    title = "REPLAY"
    mode = "REPLAY"
    height = 1

    def __init__(self, source: ReplaySource, recording: Recording) -> None:
        self._source = source
        self._places = places(recording)
        self.keys: Sequence[Key] = (
            Key("left_square_bracket", "10 s back", self._by(-STEP_S)),
            Key("right_square_bracket", "10 s on", self._by(STEP_S)),
            Key("left_curly_bracket", "60 s back", self._by(-LEAP_S)),
            Key("right_curly_bracket", "60 s on", self._by(LEAP_S)),
            Key("a", "To the next move", self._ahead),
            Key("p", "Pause the recording", self._pause),
            Key("comma", "Slower", self._paced(-1)),
            Key("full_stop", "Faster", self._paced(1)),
            Key("b", "To the start", self._start),
        )

    def lines(self, now: float, width: int, glyphs: Glyphs) -> Sequence[Line]:
        """Where it is, a bar with the places where something moved, and the keys as far as there is room."""
        source = self._source
        ended = source.position >= source.duration
        state = "end" if ended else "paused" if source.paused else f"x{source.rate:g}"
        head = Span(
            f"{time_of(source.position)} of {time_of(source.duration)} {state:<6}", "warn" if ended else "strong"
        )
        room = width - len(head.text) - len(GAP) - MIN_BAR
        keys: list[Span] = []
        for key, label in HINTS:
            if words.wide(tuple(keys)) + len(GAP) + len(key) + 1 + len(label) > room:
                break
            keys += [Span(GAP + key, "info"), Span(f" {label}", "dim")]
        left = width - len(head.text) - len(GAP) - words.wide(tuple(keys))
        return ((head, Span(GAP), *self._bar(min(left, MAX_BAR), glyphs), *keys),)

    def _bar(self, width: int, glyphs: Glyphs) -> Line:
        length = max(self._source.duration, 1e-9)
        here = min(int(self._source.position / length * width), width - 1)
        marks = {min(int(place / length * width), width - 1) for place in self._places}
        spans = []
        for cell in range(width):
            tone = "move" if cell in marks else "info" if cell <= here else "track"
            sign = glyphs.live if cell == here else glyphs.full if cell in marks or cell < here else glyphs.rest
            spans.append(Span(sign, tone))
        return tuple(spans)

    def _by(self, seconds: float) -> Callable[[Selection], Awaitable[str | None]]:
        async def wind(_: Selection) -> str | None:
            self._source.seek(self._source.position + seconds)
            return None

        return wind

    def _paced(self, step: int) -> Callable[[Selection], Awaitable[str | None]]:
        async def pace(_: Selection) -> str | None:
            nearest = min(range(len(RATES)), key=lambda index: abs(RATES[index] - self._source.rate))
            self._source.rate = RATES[min(max(nearest + step, 0), len(RATES) - 1)]
            return None

        return pace

    async def _ahead(self, _: Selection) -> str | None:
        index = bisect_right(self._places, self._source.position)
        if index == len(self._places):
            return "nothing moves after this"
        self._source.seek(self._places[index])
        return None

    async def _pause(self, _: Selection) -> str | None:
        self._source.paused = not self._source.paused
        return None

    async def _start(self, _: Selection) -> str | None:
        self._source.seek(0.0)
        return None


def places(recording: Recording) -> tuple[float, ...]:
    """Seconds from the beginning at which something moved or was lost; of a burst, its end."""
    found: list[float] = []
    for at, line in zip(recording.times, recording.lines, strict=True):
        if any(told in line for told in TOLD):
            place = at - recording.began
            if found and place - found[-1] <= BURST_S:
                found[-1] = place
            else:
                found.append(place)
    return tuple(found)


def time_of(seconds: float) -> str:
    """A duration as `02:13`, `1:02:13` from an hour on."""
    minutes, second = divmod(int(seconds), words.MINUTE_S)
    hours, minute = divmod(minutes, words.MINUTE_S)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"
