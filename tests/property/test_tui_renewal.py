"""Rows that are kept from one drawing to the next are those that would be made anew, whatever comes in and whenever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import tui_source as fake
from pylb.core import events
from pylb.core.model import Node, NodeName
from pylb.tui import renewal, rows
from pylb.tui.facts import (
    ConfigSeen,
    Contest,
    ControllerHeard,
    Fact,
    Held,
    Kind,
    Listed,
    Note,
    ObjectChanged,
    Offline,
    Online,
    Rewound,
    SpeakerHeard,
    SpeakerSilent,
)
from pylb.tui.holders import NODE_ASSIGNED
from pylb.tui.recording import load
from pylb.tui.renewal import Roll
from pylb.tui.state import State
from pylb.tui.store import fold_all

NOW = fake.NOW
KEYS = tuple(f"{namespace}/{name}" for namespace, name, *_ in fake.SERVICES[:6])
ADDRESSES = tuple(address for _, _, address, *_ in fake.SERVICES if address)[:4]
keys, ips, nodes = (st.sampled_from(some) for some in (KEYS, ADDRESSES, fake.NODES))


def _is_plain(fact: Fact) -> bool:
    """Whether a cluster without speakers of ours, and without ServiceL2Statuses, has it too."""
    return not isinstance(fact, ObjectChanged) or fact.kind is not Kind.POD


WHOLE = fake.homelab(NOW - 100.0)
PLAIN = [fact for fact in WHOLE if isinstance(fact, (ObjectChanged, ConfigSeen, Online)) and _is_plain(fact)]
Happening = Callable[[float], Fact]  # what a time makes a fact


def spoken(node: str, owner: str, address: str, provisional: bool, heard: float) -> Happening:
    """A speaker says that an address is somebody's, and of the others what it always says."""

    def happen(now: float) -> SpeakerHeard:
        said = fake.speaker(node, now - heard)
        mine = Held(address, owner, mine=owner == node, candidates=fake.NODES, provisional=provisional)
        others = tuple(one for one in said.snapshot.addresses if one.address != address)
        return replace(said, snapshot=replace(said.snapshot, addresses=(*others, mine)))

    return happen


def changed(key: str, address: str, pin: str, age: float) -> Happening:
    return lambda now: fake.change(*key.split("/"), address, pin, now - age)


def gone(kind: Kind, key: str) -> Happening:
    return lambda now: ObjectChanged(kind, key, None)


def contested(wrote: dict[str, Contest]) -> Happening:
    return lambda now: ControllerHeard(now, wrote)


happenings: st.SearchStrategy[Happening] = st.one_of(
    st.builds(
        changed, keys, ips | st.just(""), st.sampled_from(["", fake.SPEC, fake.NEW]), st.sampled_from([1.0, 5e4])
    ),
    st.builds(gone, st.just(Kind.SERVICE), keys),
    st.builds(spoken, nodes, nodes, ips, st.booleans(), st.sampled_from([0.0, 8.0, 20.0])),
    st.builds(lambda node: lambda now: fake.speaker(node, now), nodes),
    st.builds(lambda node: lambda now: SpeakerSilent(now, node, "it is silent"), nodes),
    st.builds(lambda ip, a, b: lambda now: events.Moved(now, ip, a, b, (), "asked_for", None, None), ips, nodes, nodes),
    st.builds(lambda ip, node: lambda now: events.Claimed(now, ip, node, ()), ips, nodes),
    st.builds(lambda ip, node: lambda now: events.Withdrawn(now, ip, node, "asked_for"), ips, nodes),
    st.builds(lambda ip: lambda now: events.Conflict(now, ip, "d8:3a:dd:01:22:11", "rpi2"), ips),
    st.builds(lambda key: lambda now: events.Pending(now, key, "why", "because"), keys),
    st.builds(lambda key, node: lambda now: fake.status(key, node, now), keys, nodes),
    st.builds(lambda key, node: gone(Kind.STATUS, f"l2-{key}-{node}"), keys, nodes),
    st.builds(contested, st.dictionaries(keys, st.just(Contest("k3s", ())), max_size=2)),
    st.builds(
        lambda node, ready: lambda now: ObjectChanged(Kind.NODE, node, Node(NodeName(node), ready=ready)),
        nodes,
        st.booleans(),
    ),
    st.builds(
        lambda key, why: lambda now: ObjectChanged(Kind.NOTE, f"{key}.1", Note(now, key, True, why, "it failed")),
        keys,
        st.sampled_from(["AllocationFailed", "Other"]),
    ),
    st.builds(
        lambda key, node: (
            lambda now: ObjectChanged(
                Kind.NOTE,
                f"{key}.2",
                Note(now, key, False, NODE_ASSIGNED, f'announcing from node "{node}" with protocol'),
            )
        ),
        keys,
        nodes,
    ),
    st.builds(lambda kind: lambda now: Listed(kind, False), st.sampled_from([Kind.STATUS, Kind.SLICE])),
    st.sampled_from([lambda now: Online(now), lambda now: Offline(now, "gone", now + 1), lambda now: Rewound(now)]),
)
pauses = st.sampled_from([0.0, 0.4, 3.0, 6.0, 11.0, 31.0, 59.0, 61.0, 4000.0, -30.0])


def look(state: State, now: float, before: Roll | None) -> Roll:
    found = renewal.roll(state, now, before)
    assert found.rows == rows.services(state, now)
    return found


@settings(max_examples=800)
@given(st.sampled_from([WHOLE, PLAIN]), st.lists(st.tuples(pauses, st.lists(happenings, max_size=3)), max_size=8))
def test_kept_rows_are_those_that_would_be_made_anew(
    first: list[Fact], steps: list[tuple[float, list[Happening]]]
) -> None:
    now, state = NOW, fold_all(State(), first)
    roll = look(state, now, None)
    for pause, some in steps:
        now += pause
        state = fold_all(state, [happen(now) for happen in some])
        roll = look(state, now, roll)
    look(state, now + 3600.0, roll)


@pytest.mark.parametrize("name", ["failover", "pending"])
def test_through_a_recorded_story(name: str) -> None:
    found = load(Path(__file__).parents[1] / "data" / "tui" / f"{name}.jsonl")
    said: dict[str, SpeakerHeard] = {}
    state, roll = State(), None
    for index, at in enumerate(found.times):
        state = fold_all(state, found.facts(index, index + 1, said))
        roll = look(state, at, roll)


def test_what_did_not_change_is_not_made_again() -> None:
    state = fold_all(State(), fake.homelab())
    before = renewal.roll(state, NOW + 100.0)
    after = renewal.roll(fold_all(state, [fake.change("web", "blog", "192.168.1.250")]), NOW + 101.0, before)
    known = {id(row) for row in before.rows}
    assert [row.name for row in after.rows if id(row) not in known] == ["blog"]


def test_two_that_announce_become_a_conflict_by_time_alone() -> None:
    said = [fake.speaker(node, NOW, owners={"192.168.1.247": node}) for node in ("rpi1", "rpi2")]
    state = fold_all(State(), [*PLAIN, *said])
    roll = look(state, NOW + 4.0, None)
    words = {row.address: row.word.name for row in look(state, NOW + 6.0, roll).rows}
    assert words["192.168.1.247"] == "CONF"
