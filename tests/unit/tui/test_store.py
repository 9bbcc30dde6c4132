"""The store: facts in any order make a state, and no fact breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import tui_source as fake
from pylb.core import events
from pylb.core.model import Node, NodeName, Pod
from pylb.tui import gauges, news, rows, summary, words
from pylb.tui.facts import (
    Dropped,
    Fact,
    Kind,
    Listed,
    Note,
    ObjectChanged,
    Offline,
    Online,
    SpeakerHeard,
    SpeakerSilent,
)
from pylb.tui.state import State
from pylb.tui.store import MAX_EVENTS, fold, fold_all
from pylb.tui.tables import MAX_NOTES

NOW = fake.NOW
ADDRESSES = ("192.168.1.240", "192.168.1.241", "fd00:10::102")
times = st.floats(min_value=NOW - 3600, max_value=NOW + 60) | st.sampled_from([0.0, float("nan"), float("inf")])
nodes = st.sampled_from(("n1", "n2", "[red]"))
addresses = st.sampled_from((*ADDRESSES, "no address", ""))
keys = st.sampled_from(("home/mqtt", "web/[/bad]", "odd"))
names = st.tuples(keys)
numbers = st.none() | st.floats(min_value=0, max_value=1e6)

facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(events.Allocated, times, keys, st.tuples(addresses), st.just("default")),
    st.builds(events.Released, times, keys, st.tuples(addresses), st.just("service_deleted")),
    st.builds(events.Pending, times, keys, st.just("no_pool"), st.text(max_size=5)),
    st.builds(events.Claimed, times, addresses, nodes, names),
    st.builds(events.Moved, times, addresses, nodes, nodes, names, st.just("silent"), numbers, numbers),
    st.builds(events.Withdrawn, times, addresses, nodes, st.just("not_elected")),
    st.builds(events.MemberUp, times, nodes, nodes),
    st.builds(events.MemberDown, times, nodes, nodes, st.just("silent"), st.just(500.0)),
    st.builds(events.Conflict, times, addresses, st.just("02:00:00:00:00:01"), nodes),
    st.builds(events.ConfigLoaded, times, st.just(("default",)), nodes),
    st.builds(events.ConfigRejected, times, st.just(("[bad]",)), nodes),
    st.builds(events.Unknown, times, st.text(max_size=3)),
    st.builds(
        fake.change, st.just("home"), st.sampled_from(("mqtt", "x")), addresses, st.sampled_from(("", fake.SPEC))
    ),
    st.builds(ObjectChanged, st.sampled_from(Kind), keys, st.none() | st.just(Node(NodeName("n1"), ready=False))),
    st.builds(fake.status, st.just("home/mqtt"), nodes, times),
    st.builds(fake.speaker, nodes, times, st.sets(nodes)),
    st.builds(SpeakerSilent, times, nodes, st.text(max_size=3)),
    st.builds(Online, times),
    st.builds(Offline, times, st.text(max_size=3), times),
    st.builds(Listed, st.sampled_from(Kind), st.booleans()),
    st.sampled_from([one for one in fake.homelab() if isinstance(one, fake.ConfigSeen)]),
    st.builds(Dropped, st.integers(0, 9)),
)


def draw(state: State, now: float) -> None:
    """Everything that the screen works out of a state."""
    found = rows.services(state, now)
    summary.standing(state, found, now)
    summary.offline(state, now)
    summary.freshness(state, now, words.UNICODE)
    gauges.lines(gauges.pools(state), 96, 4, words.ASCII)
    for item in news.latest(state):
        news.line(item, 80, words.ASCII)


@given(st.lists(facts, max_size=30))
def test_every_prefix_is_a_state_that_can_be_drawn(some: list[Fact]) -> None:
    state = State()
    draw(state, NOW)
    for fact in some:
        state = fold(state, fact)
        draw(state, NOW)


@given(st.lists(facts, max_size=30))
def test_folding_together_is_folding_one_by_one(some: list[Fact]) -> None:
    state = State()
    for fact in some:
        state = fold(state, fact)
    assert fold_all(State(), some) == state


@given(st.lists(facts, max_size=20), st.lists(facts, max_size=5))
def test_a_state_is_never_changed_in_place(before: list[Fact], after: list[Fact]) -> None:
    state = fold_all(State(), before)
    copy = replace(state, **{name: _copied(getattr(state, name)) for name in State.__slots__})
    fold_all(state, after)
    assert state == copy


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


def test_no_fact_no_new_state() -> None:
    state = fold_all(State(), fake.homelab())
    assert fold_all(state, []) is state


def test_unknown_events_are_counted() -> None:
    state = fold_all(
        State(), [events.Unknown(NOW, "x"), events.Unknown(NOW, "y"), events.Claimed(float("nan"), "a", "b", ())]
    )
    assert state.counters["unknown"] == 3
    assert state.events == ()


def test_events_are_bounded_in_order_and_said_once() -> None:
    """A stream that is read again after a reconnect adds nothing."""
    some = [events.MemberUp(NOW + number, "n1", "n2") for number in range(MAX_EVENTS + 50)]
    state = fold_all(fold_all(State(), reversed(some)), some[-3:])
    assert state.events == tuple(some[-MAX_EVENTS:])


def test_notes_are_bounded() -> None:
    some = [ObjectChanged(Kind.NOTE, f"n{n}", Note(NOW, "a/b", False, "X", "")) for n in range(MAX_NOTES + 5)]
    state = fold_all(State(), some)
    assert len(state.notes) == MAX_NOTES
    assert "n0" not in state.notes
    assert state.counters["dropped"] == 5


def test_only_load_balancers_are_kept() -> None:
    change = fake.change("home", "mqtt", ADDRESSES[0])
    state = fold(State(), change)
    assert list(state.services) == ["home/mqtt"]
    plain = replace(fake.service("home", "mqtt"), type="ClusterIP")
    assert fold(state, replace(change, value=plain)).services == {}


@pytest.mark.parametrize(
    ("told", "node", "before", "since"),
    [
        ([("n1", 1, "")], "n1", "", 1),
        ([("n1", 1, ""), ("n1", 5, "")], "n1", "", 1),  # said again by who holds it
        ([("n1", 1, ""), ("n2", 5, "n1")], "n2", "n1", 5),
        ([("n2", 5, "n1"), ("n1", 1, "")], "n2", "n1", 5),  # the older comes later
        ([("n1", 1, ""), ("n2", 5, "")], "n2", "n1", 5),
        ([("n1", 1, ""), ("n2", 5, "n1"), ("n1", 9, "n2")], "n1", "n2", 9),
        ([("n2", 5, "n1"), ("n2", 5, "n1")], "n2", "n1", 5),  # twice
    ],
)
def test_trail(told: list[tuple[str, float, str]], node: str, before: str, since: float) -> None:
    """Who announces an address since when, and who did before."""
    state = State()
    for who, at, from_node in told:
        moved = events.Moved(at, "10.0.0.1", from_node, who, (), "silent")
        state = fold(state, moved if from_node else events.Claimed(at, "10.0.0.1", who, ()))
    take = state.trails["10.0.0.1"].of(node)
    assert take is not None
    assert (take.before, take.since) == (before, since)


def test_withdrawn_ends_a_take_and_a_new_claim_begins_one() -> None:
    claimed = events.Claimed(1, "10.0.0.1", "n1", ())
    state = fold_all(State(), [claimed, events.Withdrawn(5, "10.0.0.1", "n1", "no_endpoint")])
    assert state.trails["10.0.0.1"].of("n1") is None
    again = fold(state, replace(claimed, at=9.0)).trails["10.0.0.1"].of("n1")
    assert again is not None
    assert again.since == 9


def test_a_claim_of_what_nobody_held_is_no_move() -> None:
    """A speaker that restarted owns what it owned; whoever had the address long before it gave it up."""
    before = [events.Claimed(1, "10.0.0.1", "n1", ()), events.Withdrawn(5, "10.0.0.1", "n1", "not_elected")]
    state = fold_all(State(), [*before, events.Claimed(90, "10.0.0.1", "n3", ())])
    take = state.trails["10.0.0.1"].of("n3")
    assert take is not None
    assert (take.before, state.trails["10.0.0.1"].changes) == ("", ())


def test_a_take_after_a_conflict_settles_it() -> None:
    conflict = events.Conflict(NOW, "10.0.0.1", "02:00:00:00:00:01", "n1")
    state = fold(State(), conflict)
    assert "10.0.0.1" in fold(state, events.Withdrawn(NOW - 1, "10.0.0.1", "n2", "not_elected")).foreign
    assert "10.0.0.1" not in fold(state, events.Withdrawn(NOW + 1, "10.0.0.1", "n2", "not_elected")).foreign


def test_waiting_ends_with_an_address_and_is_not_woken_by_what_is_older() -> None:
    waits = events.Pending(NOW, "a/b", "no_pool", "why")
    state = fold(State(), waits)
    assert state.waits["a/b"].text == "why"
    assert "a/b" in fold(state, events.Allocated(NOW - 5, "a/b", ("10.0.0.1",), "p")).waits
    assert "a/b" not in fold(state, events.Allocated(NOW + 5, "a/b", ("10.0.0.1",), "p")).waits


def test_claims_keep_their_first_time_while_the_speaker_is_heard() -> None:
    state = fold_all(State(), [fake.speaker("rpi1", NOW), fake.speaker("rpi1", NOW + 2)])
    assert set(state.speakers["rpi1"].claims.values()) == {NOW}
    silent = fold(state, SpeakerSilent(NOW + 4, "rpi1", "gone"))
    assert set(fold(silent, fake.speaker("rpi1", NOW + 6)).speakers["rpi1"].claims.values()) == {NOW + 6}


def test_offline_keeps_when_it_began_and_online_ends_it() -> None:
    state = fold_all(State(), [Online(NOW), Offline(NOW + 5, "refused", NOW + 6), Offline(NOW + 7, "refused", NOW + 9)])
    assert (state.link.online, state.link.lost_at, state.link.retry_at) == (False, NOW + 5, NOW + 9)
    back = fold(state, Online(NOW + 12)).link
    assert (back.online, back.heard_at, back.back_at, back.lost_at) == (True, NOW + 12, NOW + 12, None)


def test_silence_that_was_the_api_servers_is_forgiven() -> None:
    """A speaker is asked through the API server: while that is away, its speakers are silent for no fault of theirs."""
    lost = [Online(NOW), fake.speaker("rpi1", NOW), SpeakerSilent(NOW + 4, "rpi1", "no answer")]
    state = fold_all(State(), [*lost, Offline(NOW + 5, "refused", NOW + 6), Online(NOW + 30)])
    assert state.speakers["rpi1"].silent == ""
    before = fold_all(State(), [fake.speaker("rpi1", NOW - 9), SpeakerSilent(NOW - 5, "rpi1", "x"), Online(NOW)])
    assert fold_all(before, [Offline(NOW + 5, "", NOW + 6), Online(NOW + 30)]).speakers["rpi1"].silent == "x"


def test_a_speaker_leaves_with_its_last_pod() -> None:
    def pod(name: str) -> ObjectChanged:
        return ObjectChanged(Kind.POD, name, Pod("pylb-system", name, node=NodeName("rpi1")))

    state = fold_all(State(), [pod("a"), pod("b"), fake.speaker("rpi1")])
    one_left = fold(state, replace(pod("a"), value=None))
    assert "rpi1" in one_left.speakers
    assert "rpi1" not in fold(one_left, replace(pod("b"), value=None)).speakers


def test_a_refused_configuration_leaves_the_last_good_one() -> None:
    seen = next(one for one in fake.homelab() if isinstance(one, fake.ConfigSeen))
    state = fold_all(State(), [seen, fake.ConfigSeen(None, ("overlap",))])
    assert state.config is seen.config
    assert state.problems == ("overlap",)


def test_a_heard_speaker_is_known() -> None:
    heard = fake.speaker("rpi2")
    assert isinstance(heard, SpeakerHeard)
    assert fold(State(), heard).speakers["rpi2"].snapshot is heard.snapshot
