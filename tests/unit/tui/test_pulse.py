"""When the screen is drawn: soon after facts, together, and not at all for what changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from fakes import tui_source as fake
from pylb.tui import pulse
from pylb.tui.facts import Offline, Online
from pylb.tui.pages.changes import differ
from pylb.tui.pulse import Pulse
from pylb.tui.state import State
from pylb.tui.store import fold_all

NOW = fake.NOW


class Desk:
    """What a pulse asks for."""

    def __init__(self, *, lively: bool = False) -> None:
        self.now = NOW
        self.drawn: list[tuple[State, float]] = []
        self.clocks = 0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.pulse = Pulse(lambda: self.now, self.draw, self.clock, self.later, lively=lively)

    def draw(self) -> None:
        self.drawn.append(self.pulse.view)

    def clock(self) -> None:
        self.clocks += 1

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.timers.append((seconds, call))

    def ring(self) -> None:
        """The timers that were set go off."""
        due, self.timers = self.timers, []
        for _, call in due:
            call()


def test_facts_that_come_together_are_drawn_together_and_soon() -> None:
    desk = Desk()
    for fact in fake.homelab():
        desk.pulse.put(fact)
    assert [seconds for seconds, _ in desk.timers] == [pulse.SOON_S]
    desk.ring()
    assert len(desk.drawn) == 1
    assert len(desk.drawn[0][0].services) == 13
    desk.pulse.put(fake.change("web", "more"))
    assert len(desk.timers) == 1


def test_what_is_only_heard_again_is_not_drawn() -> None:
    desk = Desk()
    for fact in (*fake.homelab(), fake.speaker("rpi1")):
        desk.pulse.put(fact)
    desk.ring()
    desk.pulse.put(Online(NOW + 2))
    desk.pulse.put(fake.speaker("rpi1", NOW + 2))
    desk.ring()
    assert len(desk.drawn) == 1
    assert desk.pulse.state.link.heard_at == NOW + 2
    desk.pulse.put(fake.speaker("rpi1", NOW + 4, owners={"192.168.1.241": "rpi1"}))
    desk.ring()
    assert len(desk.drawn) == 2


def test_states_differ_by_what_is_shown() -> None:
    before = fold_all(State(), fake.homelab())
    assert not differ(before, before)
    assert not differ(before, fold_all(before, [Online(NOW + 5)]))
    assert differ(State(), fold_all(State(), [Online(NOW)]))
    assert differ(before, fold_all(before, [Offline(NOW + 5, "refused", NOW + 6)]))
    assert differ(before, fold_all(before, [fake.change("web", "more")]))
    assert not differ(before, fold_all(before, [fake.change("web", "blog", pin=fake.POOL, created=NOW - 41.0)]))


def test_a_paused_view_stands_still_and_counts() -> None:
    desk = Desk()
    desk.pulse.pause()
    desk.now += 10
    desk.pulse.put(fake.change("web", "more"))
    desk.ring()
    assert desk.pulse.paused == 1
    assert desk.pulse.view == (State(), NOW)
    desk.pulse.tick()
    assert len(desk.drawn) == 1
    assert desk.clocks == 2
    desk.pulse.pause()
    assert desk.pulse.paused is None
    assert len(desk.drawn[-1][0].services) == 1


def test_time_alone_is_drawn_the_more_seldom_the_longer_nothing_happened() -> None:
    desk = Desk()
    desk.pulse.put(Online(NOW))
    drawn, clocks = ticked(desk, 200)
    assert drawn == [*range(1, 15), *range(19, 120, 5), *range(149, 200, 30)]
    told = sorted({*drawn, *clocks})
    assert not {*drawn} & {*clocks}
    steps = [(earlier, later - earlier) for earlier, later in pairwise(told)]
    for first, last, longest in ((1, 14, 1), (14, 118, 2), (120, 190, 10)):  # the clock goes on, more seldom, too
        assert max(step for at, step in steps if first <= at < last) == longest


def test_the_clock_goes_on_each_second_for_extras_and_while_seconds_to_a_try_are_counted() -> None:
    for desk, fact in ((Desk(lively=True), Online(NOW)), (Desk(), Offline(NOW, "gone", NOW + 300))):
        desk.pulse.put(fact)
        drawn, clocks = ticked(desk, 100, heard=desk.pulse._lively)
        assert sorted(drawn + clocks) == list(range(1, 100))


def test_each_second_counts_while_the_api_server_is_late_with_its_word() -> None:
    desk = Desk()
    desk.pulse.put(Online(NOW))
    ticked(desk, 200)
    late = range(int(pulse.LATE_WORD_S) + 1, 60)
    for second in late:
        desk.now = NOW + 199 + second
        desk.pulse.tick()
    assert desk.clocks >= len(late) - 3


def test_what_is_done_at_rest_is_done_once_and_not_before_something_was_read() -> None:
    desk, rested = Desk(), []
    desk.pulse.rest = lambda: rested.append(desk.now)
    desk.pulse.tick()
    desk.pulse.put(fake.change("web", "more"))
    ticked(desk, 60, heard=False)
    assert rested == [NOW + pulse.REST_S]


def ticked(desk: Desk, seconds: int, *, heard: bool = True) -> tuple[list[int], list[int]]:
    """The seconds at which everything was drawn, and those of the clock alone; the API server may be heard in each."""
    desk.ring()
    drawn, clocks = [], []
    for second in range(1, seconds):
        desk.now, before = NOW + second, (len(desk.drawn), desk.clocks)
        if heard:
            desk.pulse.put(Online(desk.now))
            desk.ring()
        desk.pulse.tick()
        drawn += [second] * (len(desk.drawn) - before[0])
        clocks += [second] * (desk.clocks - before[1])
    return drawn, clocks


def test_a_slow_screen_is_drawn_more_seldom_but_within_the_limit() -> None:
    desk = Desk()
    desk.pulse._cost = 0.06
    desk.pulse.put(Online(NOW))
    assert desk.timers[0][0] == 0.06 * pulse.GENTLE
    desk.ring()
    desk.pulse._cost = 5.0
    desk.pulse.put(Offline(NOW, "", NOW))
    assert desk.timers[0][0] == pulse.LATE_S
