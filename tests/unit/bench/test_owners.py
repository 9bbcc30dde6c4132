"""What the topics about owners make of what they saw: which figure misses when, and what is counted as what."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from bench import calm, splits
from bench._ended import Ended, of_ends
from bench._moved import Moved, of_moves
from bench._outages import EVERY_NODE, SURVIVING, Cut, Many, of_cuts, of_many
from bench._processes import Use
from bench._program import Program
from bench._requests import Request
from bench._victims import Turns
from bench._watch import Eyes
from bench._written import Written
from bench.footprint import FEW, MANY, NODES, figures
from bench.report import Figure
from bench.splits import KINDS, Kind, Split, of_heals, of_writes
from fakes.endurance import Saw


def missed(found: list[Figure]) -> list[str]:
    """What the figures that miss are about."""
    return [one.name.rpartition(": ")[2] for one in found if one.verdict == "MISS"]


# Nodes are lost

CUT = Cut(450.0, 420.0, 430.0)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (CUT, []),
        (replace(CUT, answered=801.0), ["cable pulled -> first answer, worst"]),
        (replace(CUT, answered=None), ["cable pulled, no answer while it was watched"]),
        (replace(CUT, returned=True), ["two MACs for one address after it"]),
        (replace(CUT, share={SURVIVING: 1.4, EVERY_NODE: 34.0}), ["requests failed in 60 s, pods on surviving nodes"]),
    ],
)
def test_a_lost_node_is_to_be_replaced_in_time_and_for_good(cut: Cut, expected: list[str]) -> None:
    assert missed(of_cuts("cable", [CUT, CUT, cut], "")) == expected


def test_slow_on_the_whole_is_a_miss_though_none_is_too_slow() -> None:
    assert missed(of_cuts("power", [replace(CUT, answered=501.0)], "")) == ["power lost -> first answer, median"]


def test_nothing_seen_is_no_pass() -> None:
    assert "cable pulled -> first answer, worst" in missed(of_cuts("cable", [], ""))


def test_many_addresses_are_taken_over_as_one() -> None:
    verdicts = [of_many(50, [Many(400.0, 403.0), Many(400.0, last)])[0].verdict for last in (500.0, 501.0)]
    assert verdicts == ["PASS", "MISS"]


def test_no_node_is_lost_so_often_that_it_is_held_down() -> None:
    turns = Turns(["a", "b"])
    assert [turns.next() for _ in range(3)] == ["a", "b", "a"]
    for now in (100.0, 130.0):
        assert turns.wait("a", now) == 0.0
        turns.note("a", now)
    assert turns.wait("a", 140.0) == pytest.approx(21.0)
    assert turns.wait("a", 161.0) == 0.0
    assert turns.wait("b", 140.0) == 0.0


# Speakers end

QUIET = Ended(0, 300, slowest=5.0, silent=20.0)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (QUIET, []),
        (Ended(1, 300, 5.0, 20.0, ("TimeoutError",)), ["requests failed"]),
        (Ended(0, 300, 351.0, 20.0), ["slowest request"]),
        (Ended(0, 300, 5.0, 20.0, moved=True), ["addresses moved"]),
        (Ended(0, 300, 5.0, 20.0, reset=True), ["established connections reset"]),
        (Ended(0, 0), ["requests failed", "slowest request", "nobody answers ARP, worst"]),
    ],
)
def test_a_speaker_that_ends_is_to_be_noticed_by_nobody(end: Ended, expected: list[str]) -> None:
    assert missed(of_ends("SIGKILL", [QUIET, end] if end.sent else [end])) == expected


# Moves on purpose

GOOD = Request(1.0, 5.0, True)
MOVED = Moved((GOOD,), (GOOD,), took=10.0, reset=True, both=20.0, silent=20.0)


@pytest.mark.parametrize(
    ("move", "expected", "reset"),
    [
        (MOVED, [], 2),
        (replace(MOVED, asked=(GOOD, Request(1.0, 3.0, False, "ConnectionResetError"))), [], 3),
        (replace(MOVED, asked=(GOOD, Request(1.0, 3.0, False, "TimeoutError"))), ["new connections refused"], 2),
        (replace(MOVED, asked=(Request(1.0, 101.0, True),)), ["slowest request on a new connection"], 2),
        (replace(MOVED, sent=(GOOD, Request(1.0, 1000.0, False, "lost"))), ["UDP datagrams lost"], 2),
        (replace(MOVED, reset=False), [], 1),
    ],
)
def test_a_move_on_purpose_costs_established_connections_alone(move: Moved, expected: list[str], reset: int) -> None:
    found = of_moves("drain", [MOVED, move])
    assert missed(found) == expected
    assert next(one.value for one in found if one.name.endswith("connections reset")) == reset


def test_no_client_at_all_is_no_pass() -> None:
    found = of_moves("drain", [replace(MOVED, asked=(), sent=())])
    assert {"new connections refused", "UDP datagrams lost"} <= set(missed(found))


# Nothing moves

CALM = Saw(120.0, {"10.0.0.1": {"n1": 1}}, {"10.0.0.1": {"n1": 1}}, set(), 0.02, 0)


@pytest.mark.parametrize(
    ("saw", "expected"),
    [
        (CALM, []),
        (replace(CALM, after={"10.0.0.1": {"n2": 2}}), ["addresses moved"]),
        (replace(CALM, others={"02:00:00:00:00:02"}), ["addresses moved"]),  # there and back
    ],
)
def test_another_claim_or_another_mac_is_a_move(saw: Saw, expected: list[str]) -> None:
    assert missed(calm.of_calm("busy", saw, "")) == expected


def test_with_loss_the_first_answer_may_take_longer() -> None:
    verdicts = [calm.of_lossy([replace(CUT, answered=ms)])[0].verdict for ms in (2500.0, 2501.0)]
    assert verdicts == ["PASS", "MISS"]


# Splits

SPLIT = Split(KINDS[0], 180.0, 100.0, Counter(events=30), 0.1, 61.0)


def test_two_macs_after_a_heal_and_more_than_a_write_a_second_are_misses() -> None:
    assert missed(of_heals([SPLIT], "")) == []
    assert missed(of_heals([SPLIT, replace(SPLIT, lingered=1001.0)], "")) == ["LAN healed -> one MAC alone, worst"]
    assert missed(of_writes(SPLIT, [])) == []
    assert missed(of_writes(replace(SPLIT, writes=Counter(events=62)), [])) == ["API writes"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind(3, 1, owner=True), ["b"]),
        (Kind(3, 2, owner=True), ["b", "a"]),
        (Kind(3, 1, owner=False), ["a"]),
        (Kind(3, 2, owner=False), ["a", "c"]),
    ],
)
def test_who_is_cut_off(kind: Kind, expected: list[str]) -> None:
    assert kind.chosen("abc", "b") == expected


def test_each_way_to_cut_is_played_with_the_owner_on_either_side() -> None:
    sides = {(kind.nodes, kind.away, kind.owner) for kind in splits.KINDS}
    assert {(5, 1), (5, 4), (4, 2), (3, 1), (3, 2)} == {(nodes, away) for nodes, away, _ in sides}
    assert all((nodes, away, not owner) in sides for nodes, away, owner in sides)


def test_writes_are_counted_in_their_span() -> None:
    found = Written([(1.0, "events"), (2.0, "events"), (2.0, "services"), (3.0, "events")])
    assert found.between(2.0, 3.0) == Counter(events=1, services=1)


# What the router sees


def heard(*answers: tuple[float, int, str]) -> Program:
    """A program that told these answers: when, to which question, whose."""
    told = [{"at": at, "asked": asked, "mac": mac, "ip": "10.0.0.1"} for at, asked, mac in answers]
    return cast(Program, SimpleNamespace(objects=lambda: told))


def test_silence_counts_from_the_last_answer_before_and_a_dispute_needs_two_answers_to_a_question() -> None:
    told = heard((1.0, 50, "a"), (1.02, 51, "a"), (1.5, 75, "a"), (1.5, 75, "b"), (1.52, 76, "b"))
    watch = Eyes(None, told, told)  # type: ignore[arg-type]  # no address is looked at here
    assert watch.silent(1.1, 1.6) == pytest.approx(0.48)
    assert watch.silent(1.1, 1.2) == pytest.approx(0.18)
    assert watch.disputed(1.0, 2.0) == pytest.approx(0.02)
    assert watch.disputed(1.51, 2.0) == 0.0


# What it costs


def test_the_cost_is_held_against_the_process_that_needs_most() -> None:
    few = {"controller": Use(30.0, 20.0, 0.1), **{f"n{number}": Use(35.0, 22.0, 1.0) for number in range(1, NODES + 1)}}
    many = {**few, "n2": Use(48.5, 30.0, 1.6)}
    found = figures({FEW: few, MANY: many}, "")
    assert [one.name for one in found if one.verdict == "MISS"] == [
        f"speaker, {MANY} addresses, {NODES} nodes: RSS, the largest",
        f"speaker, {MANY} addresses, {NODES} nodes: idle processor time, the largest",
    ]
    assert not any(math.isnan(one.value) for one in found)
