"""What the screens beside the overview stand on: endpoints, moves, controllers, the log, kinds that may not be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import tui_source as fake
from pylb.core import events, history
from pylb.core.explanation.wire import Vantage, WireSeen
from pylb.core.history import Entry
from pylb.core.model import Endpoint, EndpointSlice, NodeName, Pod, ServiceKey
from pylb.tui.facts import (
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
)
from pylb.tui.objects import PoolUse
from pylb.tui.state import State
from pylb.tui.store import MAX_CONTROLLERS, MAX_MEMBERS, MAX_REMARKS, fold, fold_all
from pylb.tui.tables import MAX_LOG

NOW = fake.NOW
KEY = ServiceKey("web/blog")
LONG = "n" * 253


def of_slice(name: str, *nodes: str, service: ServiceKey = KEY) -> ObjectChanged:
    """The fact that a slice has a ready endpoint on each of these nodes."""
    found = tuple(Endpoint(NodeName(node), servable=True) for node in nodes)
    return ObjectChanged(Kind.SLICE, f"web/{name}", EndpointSlice(f"web/{name}", service, found))


def nodes_of(state: State, service: str = KEY) -> list[str | None]:
    return [endpoint.node for endpoint in state.endpoints(service)]


def test_endpoints_are_of_all_slices() -> None:
    state = fold_all(
        State(), [of_slice("a", "n1", "n2"), of_slice("b", "n3"), of_slice("c", "n4", service=ServiceKey("x/y"))]
    )
    assert nodes_of(state) == ["n1", "n2", "n3"]
    assert nodes_of(fold(state, of_slice("a", "n9"))) == ["n3", "n9"]
    assert nodes_of(fold(state, of_slice("a", "n9", service=ServiceKey("x/y")))) == ["n3"]


def test_a_slice_that_is_gone_leaves_nothing() -> None:
    state = fold_all(State(), [of_slice("a", "n1"), ObjectChanged(Kind.SLICE, "web/a", None)])
    assert (state.slices, state.backends, nodes_of(state)) == ({}, {}, [])
    assert fold(state, ObjectChanged(Kind.SLICE, "web/never", None)) is state


def moved(at: float, to: str = "n2", address: str = "10.0.0.1") -> events.Moved:
    return events.Moved(at, address, "n1", to, (KEY,), "silent", 400.0, 410.0)


def entry(at: float, to: str = "n2", term: int = 7, address: str = "10.0.0.1") -> Entry:
    return Entry(at, address, (KEY,), "n1", to, "silent", term, 400.0, 410.0)


@pytest.mark.parametrize(
    ("told", "terms"),
    [
        ([MovesSeen((entry(NOW),))], [7]),
        ([moved(NOW)], [0]),
        ([moved(NOW + 0.004), MovesSeen((entry(NOW),))], [7]),  # the same: history has its term
        ([MovesSeen((entry(NOW),)), moved(NOW + 0.004)], [7]),
        ([MovesSeen((entry(NOW),)), moved(NOW + 60)], [7, 0]),
        ([MovesSeen((entry(NOW),)), moved(NOW, to="n3")], [7, 0]),
        ([MovesSeen((entry(NOW),)), moved(NOW, address="10.0.0.2")], [7, 0]),
        ([moved(NOW), moved(NOW)], [0]),
        ([MovesSeen((entry(NOW), entry(NOW - 5))), MovesSeen((entry(NOW),))], [7]),  # as it stands now
        ([moved(float("nan"))], []),
    ],
)
def test_moves_are_told_once(told: list[Fact], terms: list[int]) -> None:
    assert [move.term for move in fold_all(State(), told).moves] == terms


def test_a_move_that_statuses_show_is_one_unless_somebody_tells_it() -> None:
    """A plain MetalLB cluster has nothing else; where speakers tell, they tell more."""
    first, second = fake.status(KEY, "n1", NOW - 60), fake.status(KEY, "n2", NOW, "other")
    state = fold_all(State(), [first, second])
    assert state.moves == (Entry(NOW, "", (KEY,), "n1", "n2", "observed"),)
    assert [move.cause for move in fold(state, moved(NOW - 1)).moves] == ["silent"]
    assert [move.cause for move in fold(state, MovesSeen((entry(NOW - 3),))).moves] == ["silent"]
    assert [move.cause for move in fold(state, moved(NOW - 300)).moves] == ["silent", "observed"]


def test_moves_are_bounded() -> None:
    told = [moved(NOW + number) for number in range(history.KEPT + 20)]
    state = fold_all(State(), told)
    assert len(state.moves) == len(state.lived) == history.KEPT
    assert state.moves[-1].at == NOW + history.KEPT + 19


def test_members_come_and_go_in_a_list_of_their_own() -> None:
    down = events.MemberDown(NOW, "n1", "n2", "silent", 400.0)
    noise = [events.Claimed(NOW + number, "10.0.0.1", "n1", ()) for number in range(400)]
    state = fold_all(State(), [down, *noise])
    assert down not in state.events
    assert state.members == (down,)
    many = [events.MemberUp(NOW + number, "n1", "n2") for number in range(MAX_MEMBERS + 9)]
    assert len(fold_all(State(), many).members) == MAX_MEMBERS


def test_the_log_has_events_and_notes_in_order_and_once() -> None:
    note = Note(NOW + 1, KEY, True, "AllocationFailed", "no", "metallb-controller")
    late, early = events.MemberUp(NOW + 2, "n1", "n2"), events.MemberUp(NOW, "n1", "n2")
    told: list[Fact] = [
        late,
        ObjectChanged(Kind.NOTE, "web/x", note),
        early,
        late,
        ObjectChanged(Kind.NOTE, "web/x", note),
    ]
    assert fold_all(State(), told).log == (early, note, late)


def test_the_log_is_bounded_and_keeps_the_newest() -> None:
    state = fold_all(State(), [events.MemberUp(NOW - number, "n1", "n2") for number in range(MAX_LOG + 5)])
    assert len(state.log) == MAX_LOG
    assert state.log[-1].at == NOW


SEAT = Seat("pylb-system/pylb-controller-a", "n1", leads=True)


def test_controllers_are_heard_fall_silent_and_leave_with_their_pods() -> None:
    state = fold(State(), ControllerHeard(NOW, {}, SEAT))
    follower = replace(SEAT, pod="pylb-system/pylb-controller-b", leads=False)
    state = fold(state, ControllerHeard(NOW, None, follower))
    assert {name: one.seat.leads for name, one in state.controllers.items()} == {SEAT.pod: True, follower.pod: False}
    silent = fold(state, ControllerSilent(NOW + 9, SEAT.pod, "no route"))
    assert silent.controllers[SEAT.pod].silent == "no route"
    assert silent.controllers[SEAT.pod].seat.leads
    assert fold(silent, ControllerHeard(NOW + 10, {}, SEAT)).controllers[SEAT.pod].silent == ""
    pod = Pod("pylb-system", "pylb-controller-a", node=NodeName("n1"))
    gone: list[Fact] = [ObjectChanged(Kind.POD, SEAT.pod, pod), ObjectChanged(Kind.POD, SEAT.pod, None)]
    assert list(fold_all(silent, gone).controllers) == [follower.pod]


def test_the_silence_of_controllers_that_was_the_api_servers_is_forgiven() -> None:
    told: list[Fact] = [Online(NOW), ControllerHeard(NOW, {}, SEAT), ControllerSilent(NOW + 4, SEAT.pod, "x")]
    state = fold_all(State(), [*told, Offline(NOW + 5, "refused", NOW + 6), Online(NOW + 30)])
    assert state.controllers[SEAT.pod].silent == ""


def test_a_follower_does_not_end_what_the_leader_told() -> None:
    state = fold_all(State(), [ControllerHeard(NOW, {}, SEAT), ControllerHeard(NOW + 5, None, replace(SEAT, pod="b"))])
    assert state.contests_at == NOW


def test_what_may_not_be_read_is_named_and_forgotten_when_it_may() -> None:
    state = fold(State(), Listed(Kind.NOTE, available=False, denied='cannot list "events"'))
    assert (state.denied, state.listed) == ({Kind.NOTE: 'cannot list "events"'}, {Kind.NOTE: False})
    assert fold(state, Listed(Kind.NOTE)).denied == {}


def test_the_newest_look_at_the_wire_counts() -> None:
    look = WireSeen(NOW, "10.0.0.1", Vantage("here"))
    state = fold_all(State(), [look, replace(look, at=NOW - 1, macs=("02:00:00:00:00:01",))])
    assert state.wires == {"10.0.0.1": look}


def test_beginning_anew_leaves_nothing_but_what_follows() -> None:
    after = Online(NOW)
    assert fold_all(State(), [*fake.homelab(), moved(NOW), Rewound(NOW), after]) == fold(State(), after)


def test_remarks_and_other_small_tables_are_bounded() -> None:
    remarks: list[Fact] = [Remark(NOW, f"r{number}") for number in range(MAX_REMARKS + 5)]
    seats: list[Fact] = [ControllerHeard(NOW, None, Seat(f"p{number}")) for number in range(MAX_CONTROLLERS + 5)]
    state = fold_all(State(), [*remarks, *remarks[-3:], *seats])
    assert len(state.remarks) == MAX_REMARKS
    assert len(state.controllers) == MAX_CONTROLLERS


@pytest.mark.parametrize("kind", [Kind.CONFIG, Kind.HISTORY, Kind.NODE])
def test_an_object_of_another_kind_than_said_is_counted_alone(kind: Kind) -> None:
    state = fold(State(), ObjectChanged(kind, "a", PoolUse("p")))
    assert state == replace(State(), counters={"unknown": 1})


def test_long_names_and_markup_are_names_like_others() -> None:
    told: list[Fact] = [
        of_slice(LONG, "[red]", service=ServiceKey(f"[/x]/{LONG}")),
        moved(NOW, to=LONG),
        fake.status(f"[/x]/{LONG}", LONG, NOW),
    ]
    state = fold_all(State(), told)
    assert nodes_of(state, f"[/x]/{LONG}") == ["[red]"]
    assert state.moves[0].to_node == LONG
