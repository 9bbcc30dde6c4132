"""The store whatever comes in whatever order: any prefix is a state that every view of it can tell, and all is bounded."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import tui_source as fake
from pylb.core import events
from pylb.core.explanation.wire import Vantage, WireSeen
from pylb.core.history import KEPT, Entry
from pylb.core.model import Endpoint, EndpointSlice, Node, NodeName, Pod, ServiceKey
from pylb.tui import cases, document, logbook, printed, rows, tape
from pylb.tui.facts import (
    ConfigSeen,
    Contest,
    ControllerHeard,
    ControllerSilent,
    Fact,
    Kind,
    Listed,
    MovesSeen,
    Note,
    ObjectChanged,
    Offline,
    Online,
    Remark,
    Rewound,
    Seat,
    SpeakerSilent,
)
from pylb.tui.objects import BgpAdvert, BgpStatus, ConfigVerdict, PoolUse
from pylb.tui.state import State
from pylb.tui.store import fold, fold_all

NOW = fake.NOW
LONG = "x" * 253
times = st.floats(NOW - 1e6, NOW + 1e6) | st.sampled_from([0.0, -5.0, 1e18, float("nan"), float("inf")])
nodes = st.sampled_from(("n1", "n2", "[red]", LONG, ""))
keys = st.sampled_from(("home/mqtt", "web/[/bad]", f"{LONG}/{LONG}", "odd", ""))
ips = st.sampled_from(("192.168.1.240", "192.168.1.243", "fd00:10::102", "no address", ""))
texts = st.sampled_from(("", "[/x]", "two\nlines", "\x1b[2J", "漢字" * 200))
some = st.lists(nodes, max_size=2).map(tuple)
services = st.lists(keys, max_size=2).map(tuple)


def changed(kind: Kind, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Fact]:
    return st.builds(ObjectChanged, st.just(kind), keys, st.none() | value, st.none() | times)


endpoints = st.lists(st.builds(Endpoint, st.none() | nodes.map(NodeName), st.booleans()), max_size=3).map(tuple)
entries = st.builds(
    Entry, st.floats(0, 2e9), ips, services, nodes, nodes, texts, st.just(0), st.none() | st.floats(0, 1e9)
)
facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(events.Moved, times, ips, nodes, nodes, services, texts, st.none() | times, st.none() | times),
    st.builds(events.Claimed, times, ips, nodes, services),
    st.builds(events.Pending, times, keys, texts, texts),
    st.builds(events.MemberDown, times, nodes, nodes, texts, times),
    st.builds(events.MemberUp, times, nodes, nodes),
    st.builds(events.StoodIn, times, ips, nodes, nodes),
    st.builds(events.Conflict, times, ips, texts, nodes),
    st.builds(events.ConfigRejected, times, st.lists(texts, max_size=2).map(tuple), nodes),
    st.builds(events.Unknown, times, texts),
    changed(
        Kind.SERVICE,
        st.builds(
            fake.service,
            st.sampled_from(("home", "[b]")),
            st.sampled_from(("mqtt", LONG)),
            ips,
            st.sampled_from(("", fake.SPEC, fake.NEW)),
        ),
    ),
    changed(Kind.SLICE, st.builds(EndpointSlice, keys, keys.map(ServiceKey), endpoints)),
    changed(Kind.NODE, st.builds(Node, nodes.map(NodeName), ready=st.booleans(), drained=st.booleans())),
    changed(
        Kind.POD, st.builds(Pod, st.just("pylb-system"), nodes, st.just({"component": "speaker"}), nodes.map(NodeName))
    ),
    changed(Kind.NOTE, st.builds(Note, times, keys, st.booleans(), texts, texts, texts, texts)),
    changed(Kind.POOL, st.builds(PoolUse, texts, st.integers(0, 9))),
    changed(Kind.BGP, st.builds(BgpStatus, keys, nodes, some)),
    changed(Kind.BGP_ADVERT, st.builds(BgpAdvert, texts, some, st.booleans())),
    changed(Kind.VERDICT, st.builds(ConfigVerdict, texts, nodes, st.none() | st.booleans(), texts)),
    st.builds(fake.status, keys, nodes, times),
    st.builds(fake.speaker, nodes, times, st.sets(nodes)),
    st.builds(SpeakerSilent, times, nodes, texts),
    st.builds(
        ControllerHeard,
        times,
        st.none() | st.just({"home/mqtt": Contest("k3s", ("10.0.0.1",))}),
        st.builds(Seat, nodes, leads=st.booleans(), writes=st.booleans(), trouble=texts),
    ),
    st.builds(ControllerSilent, times, nodes, texts),
    st.builds(MovesSeen, st.lists(entries, max_size=4).map(tuple)),
    st.builds(WireSeen, times, ips, st.builds(Vantage, nodes, texts), some),
    st.builds(Listed, st.sampled_from(Kind), st.booleans(), texts),
    st.builds(Online, times),
    st.builds(Offline, times, texts, times),
    st.builds(Remark, times, texts),
    st.builds(Rewound, times),
    st.sampled_from([one for one in fake.homelab() if isinstance(one, ConfigSeen)] + [ConfigSeen(None, ("[x]",))]),
)


def tell(state: State, now: float) -> None:
    """Everything that programs and people are told of a state."""
    found = rows.services(state, now)
    assert json.dumps(document.whole(state, now, "x", found), allow_nan=False)
    for output in ("table", "wide", "yaml", "jsonl"):
        text = printed.written(state, now, "x", output)
        assert "\x1b" not in text
    scenery = cases.scenery(state, now)
    for key in state.services:
        for line in printed.explanation(key, cases.rows(state, scenery, key)):
            assert line.isprintable() or not line
    for item in state.log:
        assert logbook.entry(item).level in logbook.LEVELS


@settings(max_examples=60)
@given(st.lists(facts, max_size=12), st.sampled_from([NOW, NOW - 5000.0, NOW + 1e9]))
def test_every_prefix_can_be_told_at_any_time(told: list[Fact], now: float) -> None:
    state = State()
    for fact in told:
        state = fold(state, fact)
    tell(state, now)


@given(st.lists(facts, max_size=25))
def test_together_is_one_by_one(told: list[Fact]) -> None:
    state = State()
    for fact in told:
        state = fold(state, fact)
    assert fold_all(State(), told) == state


@given(st.lists(facts, max_size=25))
def test_what_is_ordered_is_in_order_once_and_bounded(told: list[Fact]) -> None:
    state = fold_all(State(), told + told)
    for ordered in (state.log, state.events, state.members, state.moves):
        assert [one.at for one in ordered] == sorted(one.at for one in ordered)
        assert len(set(ordered)) == len(ordered)
    assert len(state.moves) <= KEPT


@given(
    st.lists(
        st.builds(MovesSeen, st.lists(entries, max_size=4).map(tuple))
        | st.builds(events.Moved, st.floats(NOW - 9, NOW), ips, nodes, nodes, services, texts),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_moves_do_not_depend_on_the_order_in_which_they_are_told(told: list[Any], random: Any) -> None:
    """But for the ConfigMap, of which the newest counts."""
    seen = [one for one in told if isinstance(one, MovesSeen)][-1:]
    lived = [one for one in told if not isinstance(one, MovesSeen)]
    mixed = seen + lived
    random.shuffle(mixed)
    assert fold_all(State(), mixed).moves == fold_all(State(), seen + lived).moves


@given(facts)
def test_what_is_recorded_is_read_or_was_no_fact_to_keep(fact: Fact) -> None:
    """A time that is no number is not written by anybody but a broken clock: its line is refused, and nothing else."""
    try:
        assert tape.read(tape.line(NOW, fact)) == (NOW, fact)
    except tape.TapeError:
        assert "NaN" in tape.line(NOW, fact) or "Infinity" in tape.line(NOW, fact)
