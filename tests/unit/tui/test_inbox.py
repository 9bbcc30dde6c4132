"""The queue before the store: only the newest of each object, events in order, and a bound on both."""

from __future__ import annotations

from fakes import tui_source as fake
from pylb.core import events
from pylb.tui import inbox
from pylb.tui.facts import (
    ConfigSeen,
    ControllerHeard,
    ControllerSilent,
    Dropped,
    Fact,
    Kind,
    Listed,
    Offline,
    Online,
    Rewound,
    Seat,
    SpeakerSilent,
)
from pylb.tui.inbox import Inbox


def test_only_the_newest_of_each_is_kept() -> None:
    box = Inbox()
    last = [
        fake.change("a", "b", "10.0.0.2"),
        SpeakerSilent(2.0, "rpi1", "x"),
        Offline(2.0, "x", 3.0),
        Listed(Kind.NODE, False),
        ConfigSeen(None, ("b",)),
    ]
    first = [fake.change("a", "b"), fake.speaker("rpi1"), Online(1.0), Listed(Kind.NODE), ConfigSeen(None, ("a",))]
    for fact in (*first, *last):
        box.put(fact)
    assert box.drain() == last
    assert box.drain() == []


def test_events_are_all_kept_in_order() -> None:
    box = Inbox()
    some = [events.MemberUp(float(number % 3), "n1", "n2") for number in range(9)]
    for event in some:
        box.put(event)
    assert box.drain() == some


def test_what_does_not_fit_is_counted(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(inbox, "MAX_KEYS", 2)
    box = Inbox()
    for name in ("a", "b", "c", "a"):
        box.put(fake.change("ns", name))
    for number in range(inbox.MAX_EVENTS + 3):
        box.put(events.MemberUp(float(number), "n1", "n2"))
    facts = box.drain()
    assert facts[-1] == Dropped(4)
    assert len(facts) == 2 + inbox.MAX_EVENTS + 1
    assert box.drain() == []


def test_beginning_anew_forgets_what_came_before_and_comes_first() -> None:
    box = Inbox()
    some: tuple[Fact, ...] = (fake.offline(), events.MemberUp(1.0, "n1", "n2"), Rewound(2.0), Online(3.0))
    for fact in some:
        box.put(fact)
    assert box.drain() == [Rewound(2.0), Online(3.0)]


def test_controllers_are_kept_apart() -> None:
    box = Inbox()
    leader, follower = (ControllerHeard(1.0, None, Seat(pod)) for pod in ("a", "b"))
    some: tuple[Fact, ...] = (
        leader,
        follower,
        ControllerHeard(2.0, None, Seat("a")),
        ControllerSilent(3.0, "b", "gone"),
    )
    for fact in some:
        box.put(fact)
    assert box.drain() == [ControllerHeard(2.0, None, Seat("a")), ControllerSilent(3.0, "b", "gone")]
