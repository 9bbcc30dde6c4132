"""When a look is over: a pod's first state may come before the events that tell what happened until then."""

from __future__ import annotations

from pylb.core import events
from pylb.tui.once import Calm
from pylb.tui.state import State
from pylb.tui.store import fold


def test_calm_counts_from_the_last_event() -> None:
    calm, state = Calm(), State()
    assert calm.lasts(state, 5.0) == 0.0
    assert calm.lasts(state, 5.5) == 0.5
    state = fold(state, events.Claimed(1.0, "10.0.0.1", "n1", ()))
    assert calm.lasts(state, 6.0) == 0.0
    assert calm.lasts(state, 6.5) == 0.5
