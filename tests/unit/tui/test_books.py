"""The books of a cluster: they follow its state, and look again at what changed alone."""

from __future__ import annotations

import pytest

from fakes import tui_source as fake
from fakes import world
from pylb.core.allocation import allocator
from pylb.core.explanation import scene
from pylb.core.model import Service
from pylb.tui import cases
from pylb.tui.cases import Books
from pylb.tui.facts import ConfigSeen, Fact, Kind, ObjectChanged
from pylb.tui.state import State
from pylb.tui.store import fold_all

CONFIG = ConfigSeen(world.configured(world.pool("p", "10.0.0.0/23")))
FIRST = [CONFIG, *(fake.change("ns", f"s{place}", f"10.0.0.{place}") for place in range(1, 6))]
MANY = [fake.change("ns", f"t{place}", f"10.0.1.{place}") for place in range(cases.MAX_STEPS + 1)]
STEPS: dict[str, list[Fact]] = {
    "another address": [fake.change("ns", "s1", "10.0.0.77")],
    "an address that another has": [fake.change("ns", "s1", "10.0.0.2")],
    "the first by name takes it": [fake.change("ns", "a", "10.0.0.2")],
    "one goes": [ObjectChanged(Kind.SERVICE, "ns/s3", None)],
    "many at once": MANY,
    "another configuration": [ConfigSeen(world.configured(world.pool("q", "10.0.0.0/30")))],
    "no configuration, and one again": [ConfigSeen(None, ("bad",))],
}


def held(books: Books) -> dict[object, object]:
    """Who has what."""
    return dict(books.ledger.allocations)


@pytest.mark.parametrize("facts", STEPS.values(), ids=STEPS)
def test_they_come_to_the_same_as_new_ones(facts: list[Fact]) -> None:
    state, books, anew = fold_all(State(), FIRST), Books(), Books()
    books.follow(state)
    assert len(held(books)) == 5
    state = fold_all(state, facts)
    books.follow(state)
    anew.follow(state)
    assert held(books) == held(anew)
    assert books.services == anew.services
    books.follow(fold_all(State(), FIRST))
    assert len(held(books)) == 5, "and back again"


def test_what_did_not_change_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    state = fold_all(State(), FIRST)
    first = cases.scenery(state, fake.NOW)
    looked: list[str] = []

    def watched(config: object, ledger: object, service: Service, *rest: object) -> object:
        looked.append(service.key)
        return allocator.adoptable(config, ledger, service, *rest)  # type: ignore[arg-type]  # it is handed on

    monkeypatch.setattr(scene, "adoptable", watched)
    second = cases.scenery(fold_all(state, [fake.change("ns", "s1", "10.0.0.2")]), fake.NOW, first)
    assert sorted(looked) == ["ns/s1", "ns/s2"], "who changed, and who has the same address"
    assert second.books.ledger.allocations.keys() == {f"ns/s{place}" for place in range(1, 6)} - {"ns/s2"}
