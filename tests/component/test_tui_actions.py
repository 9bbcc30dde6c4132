"""Actions: off unless asked for, Cancel first, the right is asked before, and what came of it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from fakes import tui_source as fake
from fakes.tui_stage import Stage, stage
from pylb.tui.options import Options
from pylb.tui.pages.orders import Order, Right
from pylb.tui.seams import Outcome


@dataclass
class FakeHands:
    """Hands that write down what they are told to do."""

    refusal: str = ""
    outcome: Outcome = field(default_factory=lambda: Outcome(done=True, said="moved"))
    asked: list[Right] = field(default_factory=list)
    done: list[Order] = field(default_factory=list)

    async def forbidden(self, right: Right) -> str:
        self.asked.append(right)
        return self.refusal

    async def carry_out(self, order: Order) -> Outcome:
        self.done.append(order)
        return self.outcome


@asynccontextmanager
async def writing(hands: FakeHands, *, write: bool = True) -> AsyncIterator[Stage]:
    """The homelab, with the cursor on monitoring/grafana, the filter's only row."""
    async with stage((120, 40), hands=hands, options=Options(write=write)) as on:
        await on.pilot.press("slash", *"svc:grafana", "enter")
        await on.shows("SERVICES 1 of")
        yield on


async def test_without_write_nothing_is_asked() -> None:
    hands = FakeHands()
    async with writing(hands, write=False) as on:
        for key in "PuMDR":
            await on.pilot.press(key)
            await on.shows("read-only: start pylb tui --write")
        assert (hands.asked, hands.done) == ([], [])
        await on.shows("READ-ONLY")


@pytest.mark.parametrize("write", [False, True])
async def test_the_bar_names_the_keys_that_change_the_cluster_where_they_may(write: bool) -> None:
    async with writing(FakeHands(), write=write) as on:
        await on.shows("? Help", "q Quit")
        assert ("M Move" in on.text(), "D Drain" in on.text()) == (write, write)


async def test_a_move_is_confirmed_with_cancel_in_focus() -> None:
    hands = FakeHands()
    async with writing(hands) as on:
        await on.shows("WRITE")
        await on.pilot.press("M")
        await on.shows("Move 192.168.1.244 to which node?", "it may go to")
        await on.pilot.press("enter")
        await on.shows("the same, typed:", "pylb move 192.168.1.244", "Cancel")
        await on.pilot.press("enter")
        await on.until(lambda: on.app.screen is on.app.shown)
        assert hands.done == []
        await on.pilot.press("M")
        await on.shows("to which node?")
        await on.pilot.press("enter")
        await on.shows("Cancel")
        await on.pilot.press("tab", "enter")
        await on.shows("moved")
        assert [one.arguments[:2] for one in hands.done] == [("move", "192.168.1.244")]
        assert hands.asked[0] == Right("patch", "services", "monitoring")


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        (("P", "enter", "y"), "kubectl -n monitoring annotate service grafana"),
        (("D", "y"), "pylb drain rpi3"),
        (("R", "y"), "pylb rebalance"),
    ],
)
async def test_each_action_is_carried_out_once(keys: tuple[str, ...], command: str) -> None:
    hands = FakeHands()
    async with writing(hands) as on:
        for key in keys:
            page = on.app.screen
            await on.pilot.press(key)
            await on.until(lambda page=page: on.app.screen is not page)  # type: ignore[misc] - bound as it is now
        await on.shows("moved")
        assert len(hands.done) == 1
        assert hands.done[0].command.startswith(command)


async def test_unpin_ends_a_pin() -> None:
    hands = FakeHands()
    async with stage((120, 40), hands=hands, options=Options(write=True)) as on:
        await on.pilot.press("slash", *"svc:nginx", "enter", "u")
        await on.shows("Unpin ingress/nginx?", "kubectl -n ingress patch service nginx")
        await on.pilot.press("y")
        await on.shows("moved")
        assert hands.done[0].patch == {"spec": {"loadBalancerIP": None}}


async def test_what_is_not_allowed_is_not_even_asked_for() -> None:
    hands = FakeHands(refusal="you may not patch services: [/x] kubectl auth can-i")
    async with writing(hands) as on:
        await on.pilot.press("R")
        await on.shows("you may not patch services: [/x]")
        assert hands.done == []
        assert on.app.screen is on.app.shown


async def test_what_the_cluster_refuses_is_told() -> None:
    hands = FakeHands(outcome=Outcome(done=False, said="n3 is excluded [/x]"))
    async with writing(hands) as on:
        await on.pilot.press("R")
        await on.shows("Rebalance all addresses?")
        await on.pilot.press("y")
        await on.shows("Rebalance all addresses: n3 is excluded [/x]")


async def test_while_the_api_server_is_away_nothing_is_changed() -> None:
    hands = FakeHands()
    async with writing(hands) as on:
        on.source.push(fake.offline())
        await on.shows("OFFLINE")
        await on.pilot.press("R")
        await on.shows("nothing can be changed now")
        assert hands.asked == []


async def test_an_order_that_makes_no_sense_is_explained() -> None:
    async with writing(FakeHands()) as on:
        await on.pilot.press("u")
        await on.shows("monitoring/grafana is not pinned")
        await on.pilot.press("M")
        await on.shows("to which node?")
        await on.pilot.press(*["backspace"] * 20, *"rpi9", "enter")
        await on.shows("'rpi9' is no node")


async def test_a_recording_cannot_be_changed() -> None:
    async with stage((120, 40), options=Options(write=True)) as on:
        await on.pilot.press("R")
        await on.shows("a recording cannot be changed")
