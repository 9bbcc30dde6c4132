"""Whether this node is the one that was cut off."""

from __future__ import annotations

from pylb.core.ownership.evidence import ASK_AGAIN
from pylb.core.ownership.witness import ASK_IDLE, LOST, Witness


def test_one_that_never_answered_is_never_lost() -> None:
    witness = Witness()
    witness.ask(0.0)
    assert not witness.is_lost(100.0)


def test_it_is_lost_once_it_answered_and_does_not_any_more() -> None:
    witness = Witness()
    witness.ask(0.0)
    witness.answer(0.01)
    witness.ask(5.0)
    witness.ask(5.1)
    assert not witness.is_lost(5.0 + LOST)
    assert witness.is_lost(5.01 + LOST)
    witness.answer(6.0)
    assert not witness.is_lost(6.0 + LOST)


def test_it_is_asked_seldom_while_nothing_is_wrong_and_often_otherwise() -> None:
    witness = Witness()
    witness.ask(0.0)
    witness.answer(0.001)
    assert not witness.is_due(False, ASK_IDLE - 0.01)
    assert witness.is_due(False, ASK_IDLE)
    assert witness.is_due(True, ASK_AGAIN)
    witness.ask(2.0)
    assert witness.is_due(False, 2.01 + ASK_AGAIN)  # its answer is missing


def test_after_a_stall_that_it_did_not_answer_says_nothing() -> None:
    witness = Witness()
    witness.ask(0.0)
    witness.answer(0.01)
    witness.ask(1.0)
    witness.start_anew()
    assert not witness.is_lost(9.0)
