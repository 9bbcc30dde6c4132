"""The recordings of tests/data/tui, told again: what `pylb status` and the explanations say of a night that happened."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from pylb.core.explanation import findings
from pylb.core.explanation.findings import Mark
from pylb.tui import cases, document, printed, rows
from pylb.tui.inbox import Inbox
from pylb.tui.recording import Recording, load, state_at
from pylb.tui.replay import MAX_RATE, ReplaySource
from pylb.tui.state import State
from pylb.tui.store import fold_all

DATA = Path(__file__).parents[2] / "data" / "tui"
NAMES = ("failover", "pending")
MAX_BYTES = 200_000


def story(name: str) -> Recording:
    return load(DATA / f"{name}.jsonl")


def told(found: Recording, seconds: float | None = None) -> tuple[State, float]:
    at = found.began + (found.duration if seconds is None else seconds)
    return state_at(found, at), at


def words(state: State, now: float) -> dict[str, str]:
    return {f"{row.namespace}/{row.name}": row.word.name for row in rows.services(state, now)}


@pytest.mark.parametrize("name", NAMES)
def test_a_story_is_small_whole_and_told_the_same_twice(name: str) -> None:
    assert (DATA / f"{name}.jsonl").stat().st_size < MAX_BYTES
    found = story(name)
    assert found.note == ""
    state, now = told(found)
    texts = [printed.written(state, now, name, output) for output in ("table", "wide", "json", "yaml", "jsonl")]
    again, _ = told(story(name))
    assert state == again
    assert texts == [printed.written(again, now, name, output) for output in ("table", "wide", "json", "yaml", "jsonl")]
    assert state.counters.get("unknown", 0) == 0
    assert (state.denied, state.remarks, state.problems) == ({}, (), ())


@pytest.mark.parametrize("name", NAMES)
async def test_played_fast_it_ends_like_read_at_once(name: str) -> None:
    found = story(name)
    source = ReplaySource(found)
    source.rate = MAX_RATE
    inbox, state = Inbox(), State()
    task = asyncio.ensure_future(source.run(inbox.put))
    for _ in range(2000):
        await asyncio.sleep(0.005)
        state = fold_all(state, inbox.drain())
        if source.position >= source.duration and state.link.heard_at == told(found)[0].link.heard_at:
            break
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    expected, _ = told(found)
    for table in ("services", "slices", "statuses", "moves", "config", "listed", "log"):
        assert getattr(state, table) == getattr(expected, table), table
    snapshots, wanted = ({node: one.snapshot for node, one in of.speakers.items()} for of in (state, expected))
    assert snapshots == wanted


def test_the_waiting_are_told_why_and_what_helps() -> None:
    found = story("pending")
    state, now = told(found, 4.5)
    assert Counter(words(state, now).values()) == {"OK": 9, "PEND": 2, "NOAN": 2}
    scenery = cases.scenery(state, now)
    held = findings.first_trouble(cases.rows(state, scenery, "media/jellyfin-b"))
    assert held is not None
    assert held.check == "free"
    assert "home/homeassistant has TCP/8123: no clash of ports" in held.text
    assert held.fixes[0].text == "share the address with home/homeassistant: it gets 10.78.0.130 of default"
    stray = findings.first_trouble(cases.rows(state, scenery, "web/stray"))
    assert stray is not None
    assert (stray.check, stray.text) == ("pool", 'unknown pool "nova"')
    photos = findings.worst(cases.rows(state, scenery, "media/photos"))
    assert photos is Mark.UNKNOWN  # nobody looked at the wire
    echo = [row for row in cases.rows(state, scenery, "lab/echo") if row.mark is Mark.FAIL]
    assert echo[0].text == "no pod stands behind it: app=web selects none that has an address"


def test_what_was_offered_was_done_and_helped() -> None:
    state, now = told(story("pending"))
    assert {name for name, word in words(state, now).items() if word == "PEND"} == {"home/mqtt"}
    scenery = cases.scenery(state, now)
    assert cases.rows(state, scenery, "web/blog")
    trouble = findings.first_trouble(cases.rows(state, scenery, "home/mqtt"))
    assert trouble is not None
    assert (trouble.check, "192.0.2.7" in trouble.text) == ("pool", True)


@pytest.mark.parametrize("name", NAMES)
def test_who_has_an_address_and_is_announced_has_no_failure(name: str) -> None:
    """The evaluator and the table are two views of one state: they agree on who is well, at every second."""
    found = story(name)
    for seconds in range(3, int(found.duration)):
        state, now = told(found, float(seconds))
        scenery = cases.scenery(state, now)
        for key, word in words(state, now).items():
            failed = [row for row in cases.rows(state, scenery, key) if row.mark is Mark.FAIL]
            if word in ("PEND", "NOAN"):
                assert failed, (seconds, key, word)
            if word == "OK":
                assert not failed, (seconds, key, failed)


def test_a_move_is_told_once_by_history_and_event() -> None:
    state, _ = told(story("failover"))
    assert state.written
    assert state.lived
    causes = Counter(move.cause for move in state.moves)
    assert set(causes) == {"node_gone", "resumed", "stood_in", "drained"}
    for one in state.moves:
        twins = [
            other
            for other in state.moves
            if (other.address, other.from_node, other.to_node, other.cause)
            == (one.address, one.from_node, one.to_node, one.cause)
            and abs(other.at - one.at) < 2
        ]
        assert twins == [one]
    assert all(move.address for move in state.moves), "a status that came with a move is no move of its own"


def test_everything_that_programs_read_is_there() -> None:
    state, now = told(story("failover"))
    whole = json.loads(json.dumps(document.whole(state, now, "x", rows.services(state, now))))
    assert [node["name"] for node in whole["nodes"]] == ["n1", "n2", "n3"]
    assert sum(node["drained"] for node in whole["nodes"]) == 1
    assert [one["leads"] for one in whole["controllers"]] == [True]
    assert all(node["speaker"] == "heard" for node in whole["nodes"])
    assert whole["moves"][-1]["from_node"] == next(node["name"] for node in whole["nodes"] if node["drained"])
