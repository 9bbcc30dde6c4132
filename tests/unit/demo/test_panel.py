"""The demo's panel and keys, on a stage that only takes notes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pylb.core.events import StoodIn
from pylb.demo.panel import LOW, MAX_ADDED, SHORT, TALL, Panel
from pylb.tui.seams import Selection
from pylb.tui.words import ASCII, plain


class Lab:
    hosts = {"client": {}, "n1": {"management": "1"}, "n2": {"management": "2"}}  # noqa: RUF012

    def __init__(self) -> None:
        self.orders: list[tuple[Any, ...]] = []

    def cut(self, *words: str) -> None:
        self.orders.append(("cut", *words))

    def mend(self, *words: str) -> None:
        self.orders.append(("mend", *words))

    def speaker(self, *words: str) -> None:
        self.orders.append(("speaker", *words))


class Stage:
    def __init__(self) -> None:
        self.lab = Lab()
        self.created: list[Any] = []
        self.drains: list[tuple[str, bool]] = []
        self.answering = ""  # the node that answers for the address

    def nodes(self) -> list[str]:
        return ["n1", "n2"]

    async def drain(self, node: str, is_drained: bool) -> None:
        self.drains.append((node, is_drained))

    async def drained(self) -> set[str]:
        return {node for node, is_drained in dict(self.drains).items() if is_drained}

    async def owner(self, address: str) -> str:
        return self.answering

    async def wait_stood_in(self, address: str, since: float, seconds: float) -> StoodIn:
        return StoodIn(since, address, "n1", "n2")

    async def wait_address(self, seconds: float, name: str = "") -> str:
        return "10.0.0.9"

    async def do(self, act: Callable[..., Any], *words: Any) -> Any:
        return act(*words)

    async def create(self, raw: Any) -> None:
        self.created.append(raw)


class Watcher:
    url = "http://10.0.0.1/"
    requests = 3
    answered_at = 100.0

    def __init__(self) -> None:
        self.latencies: list[float | None] = [1.0, None, 2.0]
        self.outages: list[dict[str, Any]] = []
        self.lost = 0

    def outage(self, since: float) -> dict[str, Any] | None:
        return next((one for one in self.outages if one["to"] >= since), None)

    async def wait_outage(self, since: float, seconds: float) -> dict[str, Any] | None:
        for _ in range(500):
            if self.outage(since) is not None:
                break
            await asyncio.sleep(0.01)
        return self.outage(since)

    def failed(self, since: float) -> int:
        return self.lost


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def panel(stage: Stage) -> AsyncIterator[Panel]:
    made = Panel(stage, Watcher())  # type: ignore[arg-type]
    yield made
    await made.close()


async def press(panel: Panel, key: str, node: str = "n2") -> str | None:
    found = next(one for one in panel.keys if one.key == key)
    return await found.run(Selection(node=node))


@pytest.mark.parametrize(
    ("key", "done", "undone"),
    [
        ("x", ("cut", "n2", "both"), ("mend", "n2", "both")),
        ("s", ("speaker", "kill", "n2"), ("speaker", "start", "n2")),
        ("z", ("speaker", "freeze", "n2"), ("speaker", "thaw", "n2")),
    ],
)
async def test_a_key_breaks_the_node_of_the_row_and_mends_it(
    panel: Panel, stage: Stage, key: str, done: tuple[str, ...], undone: tuple[str, ...]
) -> None:
    await press(panel, key)
    await press(panel, key)
    assert stage.lab.orders == [done, undone]


async def test_what_is_broken_twice_is_mended_twice(panel: Panel, stage: Stage) -> None:
    for key in "szx":
        await press(panel, key)
    assert stage.lab.orders == [
        *(("speaker", "kill", "n2"), ("speaker", "start", "n2")),  # what is dead cannot be frozen
        *(("speaker", "freeze", "n2"), ("cut", "n2", "both")),
    ]
    assert "n2: cable pulled, speaker frozen" in shown(panel)
    await press(panel, "b")
    assert stage.lab.orders[4:] == [("speaker", "thaw", "n2"), ("mend", "n2", "both")]
    assert "n2: well" in shown(panel)


async def test_everything_can_be_mended_at_once(panel: Panel, stage: Stage) -> None:
    await press(panel, "z", "n1")
    await press(panel, "x", "n2")
    assert "n1: speaker frozen" in shown(panel)
    await press(panel, "b")
    assert stage.lab.orders[2:] == [("speaker", "thaw", "n1"), ("mend", "n1", "both"), ("mend", "n2", "both")]
    assert "n1: well" in shown(panel)


async def test_services_are_added_with_and_without_a_wish_and_not_for_ever(panel: Panel, stage: Stage) -> None:
    await press(panel, "a")
    await press(panel, "p")
    assert [raw["spec"].get("loadBalancerIP") for raw in stage.created] == [None, "10.0.0.201"]
    for _ in range(MAX_ADDED):
        await press(panel, "a")
    assert len(stage.created) == MAX_ADDED


def shown(panel: Panel, now: float = 100.1, width: int = 60) -> str:
    lines = panel.lines(now, width, ASCII)
    assert len(lines) <= panel.height
    return "\n".join(plain(line) for line in lines)


def test_it_shows_answers_gaps_and_silence(panel: Panel) -> None:
    assert "answers in 2.0 ms" in shown(panel)
    assert "x" in shown(panel).splitlines()[0]
    assert "NO ANSWER" in shown(panel, now=101.0)


def test_it_shows_the_last_and_the_longest_outage(panel: Panel) -> None:
    panel._watcher.outages += [{"ms": 500.0, "failed": 24, "to": 1.0}, {"ms": 40.0, "failed": 1, "to": 2.0}]
    assert "longest outage 500 ms; last 40 ms, 1 requests failed" in shown(panel)


async def outcome(panel: Panel, part: str) -> str:
    """The line with what became of the last deed, as soon as it has this part."""
    for _ in range(200):
        text = shown(panel, now=panel._watcher.answered_at, width=100)
        if part in text:
            return text
        await asyncio.sleep(0.02)
    raise AssertionError(text)


async def test_a_pulled_cable_tells_who_answers_now_and_after_how_long(panel: Panel, stage: Stage) -> None:
    panel._watcher.answered_at = time.time()
    await press(panel, "x")
    assert "n2's cable pulled: all is answered so far" in shown(panel, now=panel._watcher.answered_at, width=100)
    assert "n2's cable pulled: no answer for " in shown(panel, now=time.time() + 0.7, width=100)
    panel._watcher.outages.append({"ms": 412.3, "failed": 20, "to": time.time() + 1.0})
    stage.answering = "n1"
    assert "n2's cable pulled: answered by n1 after 412 ms" in await outcome(panel, "answered by n1")


async def test_gaps_after_the_outage_are_told_to_be_of_the_cut_nodes_pods(panel: Panel, stage: Stage) -> None:
    panel._watcher.answered_at = time.time()
    await press(panel, "x")
    panel._watcher.outages.append({"ms": 412.3, "failed": 20, "to": time.time() + 1.0})
    stage.answering = "n1"
    assert "gaps" not in await outcome(panel, "answered by n1")
    panel._watcher.lost = 3
    assert "answered by n1 after 412 ms; gaps: its pods, still asked" in await outcome(panel, "gaps")
    await press(panel, "x")
    assert "gaps" not in shown(panel, now=panel._watcher.answered_at, width=100)


async def test_a_killed_speaker_tells_who_answers_in_its_place(panel: Panel) -> None:
    panel._watcher.answered_at = time.time() + 2.0
    await press(panel, "s")
    assert "n2's speaker killed: no request failed, n1 answers" in await outcome(panel, "n1 answers")


async def test_an_added_service_tells_its_address(panel: Panel) -> None:
    panel._watcher.answered_at = time.time()
    await press(panel, "p")
    assert "extra-1 added: has 10.0.0.9 after " in await outcome(panel, "has 10.0.0.9")


async def test_a_node_is_drained_and_undrained_whoever_drained_it(panel: Panel, stage: Stage) -> None:
    await press(panel, "f2")
    assert "f2 drain n2" in shown(panel)
    await press(panel, "f2")
    await stage.drain("n1", True)  # as D of the screen does
    await press(panel, "b")
    assert stage.drains == [("n2", True), ("n2", False), ("n1", True), ("n1", False)]


async def test_all_speakers_are_restarted_but_those_that_are_dead(panel: Panel, stage: Stage) -> None:
    await press(panel, "s")
    await press(panel, "f3")
    assert stage.lab.orders[1:] == [("speaker", "stop", "n1"), ("speaker", "start", "n1")]


async def test_at_24_lines_it_has_two_and_names_every_key_in_one_of_them(stage: Stage) -> None:
    rows = 24
    made = Panel(stage, Watcher(), lambda: rows)  # type: ignore[arg-type]
    lines = shown(made, width=76).splitlines()
    assert made.height == LOW == len(lines)
    assert all(f"{key} {label}" in lines[1] for key, label in SHORT.items())
    assert len(lines[1].rstrip()) <= 76
    assert {key.key for key in made.keys} == set(SHORT)
    rows = 30
    assert made.height == TALL == len(made.lines(100.0, 76, ASCII))


async def test_without_a_row_it_is_what_is_broken_else_who_answers(panel: Panel, stage: Stage) -> None:
    stage.answering = "n2"
    await press(panel, "x", node="")
    await press(panel, "x", node="")
    stage.answering = ""
    await press(panel, "x", node="elsewhere")
    assert stage.lab.orders == [("cut", "n2", "both"), ("mend", "n2", "both"), ("cut", "n1", "both")]
