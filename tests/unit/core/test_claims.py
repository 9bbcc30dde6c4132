"""Which of two claims stands when they meet: the same, whoever asks."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.claims import MAX_TERM, Claim, meet

ADDRESS = ip_address("10.0.0.1")
A, B = NodeName("a"), NodeName("b")
LINE = (B, A)

MEETINGS = {
    "an ordinary claim beats a provisional one, whatever the terms": (Claim(A, 1), Claim(B, 9, provisional=True)),
    "the original beats a take-over of its own claim": (Claim(A, 1), Claim(B, 2, taken=True)),
    "not if its speaker had forgotten it": (Claim(B, 2, taken=True), Claim(A, 1, restored=True)),
    "not against a successor that was asked": (Claim(B, 2), Claim(A, 1)),
    "of two provisional claims the higher term": (Claim(B, 2, provisional=True), Claim(A, 1, provisional=True)),
    "at the same term the place in the line": (Claim(B, 3), Claim(A, 3)),
    "who is in the line beats who is not": (Claim(A, 3), Claim(NodeName("x"), 3)),
}


@pytest.mark.parametrize(("stands", "falls"), MEETINGS.values(), ids=MEETINGS)
def test_the_claim_that_stands(stands: Claim, falls: Claim) -> None:
    assert meet(stands, falls, LINE, ADDRESS) is stands
    assert meet(falls, stands, LINE, ADDRESS) is stands


def test_a_claim_made_again_is_above_the_other_and_nobody_elses_take_over() -> None:
    assert Claim(A, 1, taken=True, restored=True).above(Claim(B, 4)) == Claim(A, 5)


def test_a_term_stops_at_what_a_beat_has_room_for() -> None:
    assert Claim(A, MAX_TERM).above(Claim(B, 1)).term == MAX_TERM
