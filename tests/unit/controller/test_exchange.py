"""Services that ask for each other's addresses: one round gives all of them what they ask for, or nobody anything.

What is asked for comes in one `kubectl apply`, which is several changes: at once, one after the other, in either order.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from fakes.allocating import Play
from fakes.allocation_rules import BOTH, P, of, requires
from fakes.world import pool
from pylb.controller import exchange, reconcile
from pylb.controller.exchange import in_circles
from pylb.core.allocation.allocator import Decision, decide
from pylb.core.allocation.ledger import Ledger
from pylb.core.config.loader import Config
from pylb.core.model import Service, ServiceKey
from pylb.core.reasons import Reason

Wishes = dict[str, str]  # of a Service: the addresses that it pins
Made = Callable[[Wishes], list[Service]]
WIDE = pool("p", "10.0.0.0/24")
EIGHT = pool("p", "10.0.0.0/29", "fd00::/125")


def plain(wishes: Wishes) -> list[Service]:
    return [of(name, PIN=pin) for name, pin in wishes.items()]


def dual(wishes: Wishes) -> list[Service]:
    return [requires(name, PIN=pin) for name, pin in wishes.items()]


def shared(wishes: Wishes) -> list[Service]:
    """The key is a name's first letter, the port its second; a name of one letter shares with nobody."""
    return [
        of(name, int(name[1]), PIN=pin, SHARE=name[0]) if name[1:] else of(name, PIN=pin)
        for name, pin in wishes.items()
    ]


def dotted(wishes: dict[str, str]) -> Wishes:
    """`1` for 10.0.0.1, `1+2` for that and fd00::2."""
    parts = {name: text.split("+") for name, text in wishes.items()}
    return {
        name: ",".join(str(ip_address(f"{net}{one}")) for net, one in zip(("10.0.0.", "fd00::"), found, strict=False))
        for name, found in parts.items()
    }


CASES: dict[str, tuple[Made, dict[str, str], dict[str, str]]] = {
    "two": (plain, {"a": "1", "b": "2"}, {"a": "2", "b": "1"}),
    "three in a ring": (plain, {"a": "0", "b": "1", "c": "2"}, {"a": "1", "b": "2", "c": "0"}),
    "two of both families": (dual, {"a": "1+1", "b": "2+2"}, {"a": "2+2", "b": "1+1"}),
    "one family alone": (dual, {"a": "1+1", "b": "2+2"}, {"a": "1+2", "b": "2+1"}),
    "each asks two others": (dual, {"a": "0+0", "b": "1+1", "c": "2+2"}, {"a": "1+2", "b": "2+0", "c": "0+1"}),
    "two pairs that are held up by each other": (
        dual,
        {"a": "0+0", "b": "1+1", "c": "2+2", "d": "3+3"},
        {"a": "1+2", "b": "0+3", "c": "3+0", "d": "2+1"},
    ),
    "one and two that share": (shared, {"a": "1", "x1": "2", "x2": "2"}, {"a": "2", "x1": "1", "x2": "1"}),
    "groups that share": (
        shared,
        {"x1": "1", "x2": "1", "y1": "2", "y2": "2"},
        {"x1": "2", "x2": "2", "y1": "1", "y2": "1"},
    ),
    "two of one key with one port": (
        shared,
        {"x1": "1", "x2": "1", "x1b": "2"},
        {"x1": "2", "x2": "1", "x1b": "1"},
    ),
}


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_all_have_what_they_ask_for(case: str, at_once: bool, backwards: bool) -> None:
    made, before, after = CASES[case]
    played, wishes = Play(EIGHT).put(*made(dotted(before))), dotted(after)
    changed = made(wishes)[:: -1 if backwards else 1]
    for some in [changed] if at_once else [[one] for one in changed]:
        played.put(*some)
    assert {name: ",".join(has) for name, has in played.all.items()} == wishes
    assert played.restart().all == {name: pins.split(",") for name, pins in wishes.items()}


def test_many_pairs_exchange_in_one_round() -> None:
    """More than a round has passes."""
    names = [f"s{number:02}" for number in range(100)]
    played = Play(WIDE).put(*plain({name: f"10.0.0.{number}" for number, name in enumerate(names)}))
    wishes = {name: f"10.0.0.{number ^ 1}" for number, name in enumerate(names)}
    assert played.put(*plain(wishes)).all == {name: [pin] for name, pin in wishes.items()}


def test_a_group_that_it_does_not_help_is_in_nobodys_way() -> None:
    """`a` asks for a free family of z's as well."""
    names = {"a": "0+0", "b": "1+1", "c": "2+2", "d": "3+3"}
    played = Play(EIGHT).put(*dual(dotted({**names, "z": "4+4"})))
    played.put(*dual(dotted({"a": "1+4", "b": "0+0", "c": "3+3", "d": "2+2"})))
    assert played.all == {
        "a": ["10.0.0.0", "fd00::"],
        "b": ["10.0.0.1", "fd00::1"],
        "c": ["10.0.0.3", "fd00::3"],
        "d": ["10.0.0.2", "fd00::2"],
        "z": ["10.0.0.4", "fd00::4"],
    }


def test_a_group_that_it_never_helps_is_no_news_for_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """`z` has a port on the address that `b` asks for: round after round a and b alone are tried, and nobody else."""
    key: dict[str, Any] = {"SHARE": "k"}
    played = Play(P).put(of("z", 81, PIN="10.0.0.0", **key), of("a", 80, PIN="10.0.0.0", **key))
    played.put(of("b", 80, 81, PIN="10.0.0.1", **key), of("w", PIN="10.0.0.1"))
    played.put(of("b", 80, 81, PIN="10.0.0.0", **key)).put(of("a", 80, PIN="10.0.0.1", **key))
    asked: list[str] = []

    def decided(config: Config, ledger: Ledger, one: Service, *more: Any) -> Decision:
        asked.append(one.name)
        return decide(config, ledger, one, *more)

    monkeypatch.setattr(reconcile, "decide", decided)
    assert not played.books.settle(played.config, played.present, ())
    assert asked == ["a", "b"]


@pytest.mark.parametrize("late", ["0", "z"])
def test_who_asks_for_what_two_exchange_waits_on(late: str) -> None:
    """Whether it is the first by name or the last."""
    played = Play(P).put(of("a", PIN="10.0.0.1"), of("b", PIN="10.0.0.2"), of(late, PIN="10.0.0.3"))
    played.put(of(late, PIN="10.0.0.2"), of("a", PIN="10.0.0.2"), of("b", PIN="10.0.0.1"))
    assert played.all == {"a": ["10.0.0.2"], "b": ["10.0.0.1"], late: ["10.0.0.3"]}


def test_an_address_in_use_and_one_in_no_pool_leave_what_there_is() -> None:
    """Where MetalLB was seen to clear it (`pin-in-use`, `pin-change-out-of-pool`), ADR 25."""
    played = Play(P).put(of("a"), of("b")).put(of("b", PIN="10.0.0.0"))
    assert played.all == {"a": ["10.0.0.0"], "b": ["10.0.0.1"]}
    assert played.put(of("b", PIN="10.9.9.9")).all == {"a": ["10.0.0.0"], "b": ["10.0.0.1"]}


def test_a_group_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_GROUP", 2)
    before = {"a": "10.0.0.0", "b": "10.0.0.1", "c": "10.0.0.2"}
    played = Play(P).put(*plain(before)).put(*plain({"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.0"}))
    assert played.all == {name: [pin] for name, pin in before.items()}


def test_families_that_fit_nowhere_are_in_no_group() -> None:
    played = Play(BOTH).put(of("a", PIN="10.0.0.0"), of("b", PIN="10.0.0.1"))
    played.put(of("a", PIN="10.0.0.1"), of("b", PIN="fd00::"))
    assert played.all == {"a": ["10.0.0.0"], "b": ["10.0.0.1"]}


def test_who_waits_for_one_that_moves_nowhere_is_in_no_circle() -> None:
    def held(*by: str) -> Decision:
        return Decision(None, reason=Reason.ADDRESS_IN_USE, blockers=tuple(map(ServiceKey, by)))

    unmet = {ServiceKey(name): held(*by) for name, by in {"a": "b", "b": "a", "c": "ax", "d": "c", "e": ""}.items()}
    assert in_circles(unmet).keys() == {"a", "b"}
