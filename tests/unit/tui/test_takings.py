"""Addresses in use, counted step by step as if they were counted anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import tui_source as fake
from fakes import world
from pylb.core.allocation import requests
from pylb.core.model import Service
from pylb.tui import takings
from pylb.tui.addresses import parsed
from pylb.tui.facts import ConfigSeen, Fact, Kind, ObjectChanged
from pylb.tui.state import State
from pylb.tui.store import fold_all

SMALL = world.pool("small", "10.0.0.0/30")
LARGE = world.pool("large", "10.0.1.0/24", "fd00::/120")
CONFIGS = (world.configured(SMALL, LARGE), world.configured(LARGE))
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.1.1", "fd00::5", "8.8.8.8", "not an address")


def counted(state: State) -> dict[str, tuple[int, int]]:
    """The plain way: each pool looks at all addresses of all Services."""
    found = {}
    for name, pool in state.config.pools.items() if state.config is not None else ():
        users = [
            (address, bool(requests.pin_source(dated.service)))
            for dated in state.services.values()
            for address in map(parsed, dated.service.ingress)
            if address is not None and address in pool
        ]
        both = len({address for address, _ in users}), len({address for address, pinned in users if pinned})
        if any(both):
            found[name] = both
    return found


changes: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        lambda name, address, pin: fake.change("ns", name, address, pin) if pin else fake.change("ns", name, address),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(ADDRESSES),
        st.sampled_from([None, fake.SPEC]),
    ),
    st.builds(lambda name: ObjectChanged(Kind.SERVICE, f"ns/{name}", None), st.sampled_from(["a", "b", "c"])),
    st.sampled_from([ConfigSeen(config) for config in CONFIGS]),
)


@given(st.lists(st.lists(changes, max_size=3), max_size=8))
def test_step_by_step_comes_to_the_same_as_anew(steps: list[list[Fact]]) -> None:
    state, known = fold_all(State(), [ConfigSeen(CONFIGS[0])]), None
    for facts in steps:
        state = fold_all(state, facts)
        known = takings.count(state, known)
        assert {name: both for name, both in known.by_pool.items() if any(both)} == counted(state)


def test_what_did_not_change_is_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    state = fold_all(State(), fake.homelab())
    known = takings.count(state)
    looked: list[str] = []
    real = requests.pin_source

    def watched(service: Service) -> str:
        looked.append(service.key)
        return real(service)

    monkeypatch.setattr(requests, "pin_source", watched)
    assert takings.count(state, known) is known
    takings.count(fold_all(state, [fake.change("web", "blog", "192.168.1.250")]), known)
    assert looked == ["web/blog"]


def test_many_changes_at_once_come_to_the_same() -> None:
    state = fold_all(State(), [ConfigSeen(CONFIGS[0])])
    known = takings.count(state)
    many = [fake.change("ns", f"s{place}", f"10.0.1.{place}") for place in range(takings.MAX_STEPS + 1)]
    assert takings.count(fold_all(state, many), known).by_pool == {"large": (takings.MAX_STEPS + 1, 0)}
