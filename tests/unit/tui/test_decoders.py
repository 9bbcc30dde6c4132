"""JSON from strangers: a value or a DecodeError, whatever it is."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.kube.decode import DecodeError
from pylb.tui import decoders
from pylb.tui.facts import Contest, Held, Member, Note, Snapshot

STATE = {
    "node": "n1",
    "incarnation": "ab",
    "version": "0.1.0",
    "state": "active",
    "members": [{"node": "n2", "alive": True, "last_heard_ms": 4}],
    "addresses": [
        {
            "address": "10.0.0.1",
            "owner": "n1",
            "mine": True,
            "services": ["a/b"],
            "pool": "p",
            "candidates": ["n1", "n2"],
            "excluded": {"n3": "not_alive"},
            "reason": None,
            "interfaces": ["eth0"],
            "standing": "n2",
            "term": 4,
            "provisional": True,
        }
    ],
    "config": {"stale": True, "problems": ["bad"]},
    "strangers": [{"node": "n3", "for_ms": 1500}],
}
EVENT = {
    "metadata": {"creationTimestamp": "2026-11-20T14:00:00Z"},
    "involvedObject": {"kind": "Service", "namespace": "a", "name": "b"},
    "type": "Warning",
    "reason": "AllocationFailed",
    "message": "no",
    "lastTimestamp": "2026-11-20T14:03:22Z",
}
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*STATE, *EVENT, "alive"]), inner),
    max_leaves=12,
)


def test_snapshot() -> None:
    held = Held("10.0.0.1", "n1", True, ("n1", "n2"), (("n3", "not_alive"),), "", ("eth0",), "n2", 4, True)
    assert decoders.snapshot(STATE) == Snapshot(
        "n1", "ab", "0.1.0", "active", (Member("n2", True),), (held,), True, ("bad",), (("n3", 1.5),)
    )


def test_what_speakers_say_of_many_addresses_stands_in_memory_once() -> None:
    held = {"owner": "n1", "candidates": ["n1", "n2"], "interfaces": ["eth0"], "term": 7}
    raw = {"addresses": [{"address": f"10.0.0.{last}", **held} for last in range(3)]}
    one, two = (decoders.snapshot(decoders.loaded(json.dumps({"node": node, **raw}).encode())) for node in ("n1", "n2"))
    assert len({id(said) for told in (one, two) for said in told.said.values()}) == 1
    assert [held.address for held in one.addresses] == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    assert one.addresses[1] == Held("10.0.0.1", "n1", False, ("n1", "n2"), interfaces=("eth0",), term=7)
    assert (len(one.addresses), one.addresses) == (3, two.addresses)
    assert one.addresses != decoders.snapshot({"node": "n1"}).addresses


def test_snapshot_of_a_name_alone() -> None:
    """A newer or older speaker may say less."""
    assert decoders.snapshot({"node": "n1"}) == Snapshot("n1")


@pytest.mark.parametrize(
    "raw", [None, [], 3, {}, {"node": ""}, {"node": "n", "addresses": [{}]}, {"node": "n", "members": 3}]
)
def test_no_snapshot(raw: Any) -> None:
    with pytest.raises(DecodeError):
        decoders.snapshot(raw)


def test_note() -> None:
    assert decoders.note(EVENT) == Note(1_795_183_402.0, "a/b", True, "AllocationFailed", "no")
    assert decoders.note({**EVENT, "involvedObject": {"kind": "Pod"}}) is None
    without = {key: value for key, value in EVENT.items() if key != "lastTimestamp"}
    micro = decoders.note({**without, "eventTime": "2026-11-20T14:03:22.500000Z"})
    assert micro is not None
    assert micro.at == 1_795_183_402.5
    made = decoders.note(without)
    assert made is not None
    assert made.at == 1_795_183_200.0


@given(json_values)
def test_any_json_is_a_value_or_a_decode_error(raw: Any) -> None:
    for decode in (decoders.snapshot, decoders.note):
        with suppress(DecodeError):
            decode(raw)
    decoders.created(raw)
    decoders.moment(raw)


def test_the_leader_tells_of_contested_services() -> None:
    told = {"a/b": {"by": "k3s", "wrote": ["10.0.0.9"], "left_alone_s": 500}}
    assert decoders.contests({"role": "leader", "contested": told}) == {"a/b": Contest("k3s", ("10.0.0.9",))}
    assert decoders.contests({"role": "leader"}) == {}
    assert decoders.contests({"role": "follower", "contested": told}) is None


@pytest.mark.parametrize("raw", [None, 7, [], "x", {"role": "leader", "contested": {"a/b": 7}}])
def test_what_no_controller_says_is_one_error(raw: object) -> None:
    with pytest.raises(DecodeError):
        decoders.contests(raw)


def test_contested_services_are_bounded() -> None:
    many = {f"a/{number}": {} for number in range(decoders.MAX_CONTESTS + 9)}
    found = decoders.contests({"role": "leader", "contested": many})
    assert found is not None
    assert len(found) == decoders.MAX_CONTESTS
