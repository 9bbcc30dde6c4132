"""The log's lines: level, who told it, what it is about."""

from __future__ import annotations

import pytest

from pylb.core import events
from pylb.core.events import Event
from pylb.tui import logbook
from pylb.tui.facts import Note
from pylb.tui.logbook import Logged

S = ("web/blog",)


@pytest.mark.parametrize(
    ("item", "level", "source", "about", "reason"),
    [
        (events.Pending(1, "a/b", "no_pool", "why"), "warn", "controller", "a/b", "pending"),
        (events.Allocated(1, "a/b", ("10.0.0.1",), "p"), "info", "controller", "a/b", "allocated"),
        (events.MemberDown(1, "n1", "n2", "silent", 4.0), "warn", "speaker/n2", "n1", "member_down"),
        (events.Conflict(1, "10.0.0.1", "02:00:00:00:00:01", "n2"), "error", "speaker/n2", "10.0.0.1", "conflict"),
        (events.ConfigRejected(1, ("x",), "controller"), "error", "controller", "configuration", "config_rejected"),
        (events.Moved(1, "10.0.0.1", "n1", "n2", S, "silent"), "info", "speaker/n2", "10.0.0.1", "moved"),
        (events.StoodIn(1, "10.0.0.1", "n1", "n2"), "warn", "speaker/n1", "10.0.0.1", "stood_in"),
        (events.Unknown(1, "nova"), "info", "", "nova", "nova"),
    ],
)
def test_events(item: Event, level: str, source: str, about: str, reason: str) -> None:
    found = logbook.entry(item)
    assert (found.at, found.level, found.source, found.object, found.reason) == (1, level, source, about, reason)
    assert found.text


def test_every_kind_of_event_has_a_line() -> None:
    for kind in events.KINDS.values():
        assert kind in logbook.news._TELLERS


def test_notes() -> None:
    note = Note(2, "", True, "BackOff", "restarting", "kubelet", "Pod pylb-system/x")
    assert logbook.entry(note) == Logged(2, "warn", "kubelet", "Pod pylb-system/x", "BackOff", "restarting")
    service = Note(2, "a/b", False, "IPAllocated", "x", "metallb-controller")
    assert logbook.entry(service) == Logged(2, "info", "metallb-controller", "a/b", "IPAllocated", "x")
