"""The table of evidence, row by row, as a suspicion reads it."""

from __future__ import annotations

import pytest

from pylb.core.ownership.claims import Cause
from pylb.core.ownership.evidence import STAND_IN, STAND_IN_MUTE, TABLE, Port, Suspicion, Verdict
from pylb.core.ownership.peers import DEADLINE

NOW = 10.0
SILENT_SINCE = NOW - DEADLINE - 0.01


def suspicion(owns: bool = False, node: bool = False, port: Port | None = None) -> Suspicion:
    """One whose owner has been silent for just longer than the deadline, with these answers."""
    found = Suspicion(since=SILENT_SINCE + 0.25, silent_since=SILENT_SINCE, port_first=NOW - 0.41, port_asked=NOW)
    found.owns = NOW - 0.05 if owns else found.owns
    found.node = NOW - 0.05 if node else found.node
    if port is not None:
        found.port, found.port_answered = port, NOW - 0.05
    return found


ROWS = {
    "it answers for the address": (suspicion(owns=True), Verdict.OWNS, None, None),
    "it does, and nothing else matters": (suspicion(True, True, Port.REFUSES), Verdict.OWNS, None, None),
    "its kubelet accepts": (suspicion(node=True, port=Port.ACCEPTS), Verdict.SERVES, STAND_IN, Cause.SPEAKERLESS),
    "its kubelet refuses": (suspicion(node=True, port=Port.REFUSES), Verdict.STOPPED, 0.0, Cause.STOPPED),
    "its kubelet is silent": (suspicion(node=True), Verdict.MUTE, STAND_IN_MUTE, Cause.UNREACHABLE),
    "nothing answers": (suspicion(), Verdict.GONE, None, Cause.GONE),
    "a port alone is no node": (suspicion(port=Port.ACCEPTS), Verdict.GONE, None, Cause.GONE),
}


@pytest.mark.parametrize(("signs", "verdict", "limit", "cause"), ROWS.values(), ids=ROWS)
def test_a_row(signs: Suspicion, verdict: Verdict, limit: float | None, cause: Cause | None) -> None:
    row = signs.judge(DEADLINE, NOW)
    assert row is not None
    assert (row.verdict, row.limit, row.cause) == (verdict, limit, cause)


def test_each_combination_of_signs_has_exactly_one_row() -> None:
    bits = (True, False)
    for listed, owns, node in ((x, y, z) for x in bits for y in bits for z in bits):
        for port in Port:
            assert sum(row.fits(listed, owns, node, port) for row in TABLE) == 1


def test_before_the_deadline_nothing_is_judged() -> None:
    early = Suspicion(since=NOW, silent_since=NOW - DEADLINE + 0.05)
    assert early.judge(DEADLINE, NOW) is None


def test_a_port_is_not_silent_before_it_had_its_time() -> None:
    young = suspicion(node=True)
    young.port_first = NOW - 0.1
    assert young.judge(DEADLINE, NOW) is None


@pytest.mark.parametrize(("port", "limit"), [(Port.ACCEPTS, STAND_IN), (Port.SILENT, STAND_IN_MUTE)])
def test_it_is_stood_in_for_as_long_as_the_row_says(port: Port, limit: float) -> None:
    signs = suspicion(node=True, port=port)
    row = signs.judge(DEADLINE, NOW)
    assert row is not None
    assert not signs.is_over(row, NOW)
    assert not signs.is_over(row, NOW + limit - 0.01)
    assert signs.is_over(row, NOW + limit)


def test_a_sign_that_it_owns_starts_the_limit_anew() -> None:
    signs = suspicion(node=True, port=Port.ACCEPTS)
    serves, owns = (next(row for row in TABLE if row.verdict is verdict) for verdict in (Verdict.SERVES, Verdict.OWNS))
    assert not signs.is_over(serves, NOW)
    assert not signs.is_over(owns, NOW + 20.0)
    assert not signs.is_over(serves, NOW + STAND_IN + 1.0)


def test_a_kubelet_that_falls_silent_late_is_given_its_own_time_and_the_whole_is_bounded() -> None:
    signs = suspicion(node=True, port=Port.ACCEPTS)
    serves, mute = (next(row for row in TABLE if row.verdict is verdict) for verdict in (Verdict.SERVES, Verdict.MUTE))
    assert not signs.is_over(serves, NOW)
    assert not signs.is_over(mute, NOW + 20.0)
    assert not signs.is_over(mute, NOW + 20.0 + STAND_IN_MUTE - 0.01)
    assert signs.is_over(mute, NOW + 20.0 + STAND_IN_MUTE)
    assert not signs.is_over(serves, NOW + 26.0)
    assert signs.is_over(mute, NOW + STAND_IN)


def test_standing_in_needs_an_answer_after_the_last_beat() -> None:
    signs = suspicion()
    signs.node = SILENT_SINCE - 0.1
    assert not signs.may_stand_in
    signs.node = SILENT_SINCE + 0.3
    assert signs.may_stand_in
