"""What a node counts of moves and stand-ins, and what of them goes down in history."""

from __future__ import annotations

import pytest

from pylb.core.history import Entry
from pylb.core.model import NodeName, ServiceKey
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.effects import StoodDown, StoodIn, Took
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.core.ranges import parse_address
from pylb.speaker.journal import Journal

N1, N2 = NodeName("n1"), NodeName("n2")
IP = parse_address("192.0.2.1")
WEB = ServiceKey("default/web")


def taken(journal: Journal, previous: NodeName | None, cause: Cause, silent: float | None = None) -> None:
    journal.take(Took(Line(IP, (WEB,), Verdict()), Claim(N2, 2), previous, cause, silent), 0.05, 100.0)


def test_moves_are_counted_and_first_and_resumed_claims_are_none() -> None:
    told: list[Entry] = []
    journal = Journal(N2, told.append)
    taken(journal, None, Cause.FIRST)
    taken(journal, N2, Cause.RESUMED)
    taken(journal, N1, Cause.GONE, 0.42)
    taken(journal, N1, Cause.NOT_ELIGIBLE)
    assert journal.counts == {"node_gone": 1, "no_longer_eligible": 1}
    assert [(entry.cause, entry.detected_ms, entry.announced_ms) for entry in told] == [
        ("resumed", None, None),
        ("node_gone", 420.0, 470.0),
        ("no_longer_eligible", None, None),
    ]
    assert (journal.detection.count, journal.takeover.count) == (1, 1), "an owner that was not lost has no such time"
    assert journal.takeover.sum == pytest.approx(0.47)


@pytest.mark.parametrize(("lasted", "noted"), [(0.5, False), (1.0, False), (1.5, True)])
def test_a_stand_in_goes_down_in_history_if_it_lasts(lasted: float, noted: bool) -> None:
    told: list[Entry] = []
    journal = Journal(N2, told.append)
    journal.stand_in(StoodIn(IP, N1), 10.0)
    assert (journal.stand_ins, journal.standing, told) == (1, 1, [])
    journal.stand_down(StoodDown(IP, N1), (WEB,), 10.0 + lasted, 100.0)
    assert journal.standing == 0
    assert [(one.from_node, one.to_node, one.lasted_ms) for one in told] == ([("n1", "n2", 1500.0)] if noted else [])
