"""What `pylb record` says while it records: that the cluster is away, and that it is back, each once."""

from __future__ import annotations

from pylb.core import events
from pylb.tui.facts import Fact, Offline, Online
from pylb.tui.recorder import Away
from pylb.tui.words import clock


def told(*facts: Fact) -> list[str]:
    said: list[str] = []
    away = Away(said.append)
    for fact in facts:
        away.put(fact)
    return said


def test_a_cluster_that_goes_and_comes_back_is_told_once_each() -> None:
    gone = [Offline(at, "connection refused", at + 2) for at in (100.0, 102.0, 106.0)]
    event = events.Claimed(103.0, "10.0.0.1", "n1", ())
    assert told(Online(98.0), *gone, event, Online(165.0), Online(167.0)) == [
        f"{clock(100.0)} the cluster does not answer (connection refused): it is tried again, Ctrl-C ends",
        f"{clock(165.0)} the cluster answers again, after 1m",
    ]


def test_each_time_is_told() -> None:
    assert len(told(*(fact for at in (10.0, 20.0, 30.0) for fact in (Offline(at, "x", at), Online(at + 5))))) == 6


def test_nothing_is_told_while_it_answers() -> None:
    assert told(Online(1.0), Online(2.0)) == []
