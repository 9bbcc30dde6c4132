"""The demo's panel and keys, on a stage that only takes notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pylb.demo.panel import MAX_ADDED, Panel
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


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def panel(stage: Stage) -> Panel:
    return Panel(stage, Watcher())  # type: ignore[arg-type]


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
    panel._watcher.outages += [{"ms": 500.0, "failed": 24}, {"ms": 40.0, "failed": 1}]
    assert "longest outage 500 ms; last 40 ms, 1 requests failed" in shown(panel)
