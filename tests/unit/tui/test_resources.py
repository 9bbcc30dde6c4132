"""MetalLB's objects, Services and slices as the screens keep them; whatever they are given, they raise one error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.core import history
from pylb.core.history import Entry
from pylb.kube.decode import DecodeError
from pylb.tui import decoders, resources, watches
from pylb.tui.facts import Kind, Note, Seat
from pylb.tui.objects import BgpAdvert, BgpPeer, BgpStatus, ConfigVerdict, PoolUse
from pylb.tui.watches import MAX_SHARED, Compact, everything

META = {"name": "a", "namespace": "m"}
LABELS = {"metallb.io/node": "n1", "metallb.io/service-name": "b", "metallb.io/service-namespace": "w"}
COUNTS = {"assignedIPv4": 2, "assignedIPv6": 0, "availableIPv4": 9, "availableIPv6": -1}
MOVE = Entry(5.0, "10.0.0.1", (), "n1", "n2", "silent")


@pytest.mark.parametrize(
    ("read", "raw", "value"),
    [
        (resources.pool_use, {"metadata": META, "status": COUNTS}, PoolUse("a", 2, 0, 9, 0)),
        (resources.pool_use, {"metadata": META}, None),
        (
            resources.bgp_status,
            {"metadata": {"labels": LABELS}, "status": {"peers": ["r", 3]}},
            BgpStatus("w/b", "n1", ("r",)),
        ),
        (
            resources.bgp_status,
            {"metadata": {}, "status": {"node": "n1", "serviceName": "b", "serviceNamespace": "w"}},
            BgpStatus("w/b", "n1"),
        ),
        (resources.bgp_status, {"metadata": {}}, None),
        (
            resources.bgp_peer,
            {"metadata": META, "spec": {"peerAddress": "10.0.0.1", "peerASN": 1, "myASN": True}},
            BgpPeer("a", "10.0.0.1", 1, 0),
        ),
        (
            resources.bgp_advert,
            {"metadata": META, "spec": {"ipAddressPoolSelectors": [{}]}},
            BgpAdvert("a", (), selects=True),
        ),
        (resources.bgp_advert, {"metadata": META}, BgpAdvert("a")),
        (resources.config_verdict, {"metadata": META, "status": {"result": "Unknown"}}, ConfigVerdict("a")),
        (
            resources.config_verdict,
            {
                "metadata": {**META, "labels": {"metallb.io/component-type": "speaker", "metallb.io/node-name": "n1"}},
                "status": {"result": "Valid"},
            },
            ConfigVerdict("speaker", "n1", valid=True),
        ),
        (resources.moves, {"metadata": {"name": history.NAME}, "data": {history.KEY: history.render([MOVE])}}, (MOVE,)),
        (resources.moves, {"metadata": {"name": history.NAME}}, ()),
        (resources.moves, {"metadata": META}, None),
    ],
)
def test_values(read: Callable[[Any], Any], raw: Any, value: Any) -> None:
    assert read(raw) == value


def test_a_password_is_not_kept() -> None:
    spec = {"peerAddress": "10.0.0.1", "password": "hush", "passwordSecret": {"name": "hush"}}
    assert "hush" not in repr(resources.bgp_peer({"metadata": META, "spec": spec}))


@pytest.mark.parametrize(
    ("pools", "selects", "covers"),
    [((), False, True), (("p",), False, True), (("q",), False, False), (("q",), True, True)],
)
def test_what_an_advertisement_covers(pools: tuple[str, ...], selects: bool, covers: bool) -> None:
    assert BgpAdvert("a", pools, selects).covers("p") is covers


WORDS = [
    "metadata",
    "name",
    "namespace",
    "labels",
    "status",
    "spec",
    "peers",
    "data",
    *LABELS,
    *COUNTS,
    "result",
    "ports",
    "type",
]
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=10,
)


@given(values)
def test_anything_is_read_or_refused(raw: Any) -> None:
    for watched in everything(""):
        try:
            watched.read(raw)
        except DecodeError:
            continue


def test_every_kind_is_watched_but_the_two_that_are_read_as_a_whole() -> None:
    assert {watched.kind for watched in everything("")} == set(Kind) - {Kind.CONFIG, Kind.HISTORY}
    scoped = [watched.path for watched in everything("/namespaces/web")]
    assert sum("/namespaces/web/" in path for path in scoped) == 3
    assert len({(one.path, one.kind) for one in everything("")}) == len(scoped)


def raw_service(name: str, **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "w", "name": name, "uid": "u", "labels": {"app": "x"}, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": {"app": "x"}, "ports": [{"port": 80}]},
    }


def test_a_service_keeps_the_annotations_that_mean_something() -> None:
    """The rest may be large, or nobody's business."""
    kept = {"metallb.io/adress-pool": "a", "metallb.universe.tf/x": "b", "pylb.io/move": "n1@3"}
    service = Compact().service(raw_service("a", **kept, secret="hush"))
    assert service.annotations == kept
    assert service.uid == ""


def test_what_services_and_slices_have_in_common_stands_once() -> None:
    small = Compact()
    one, two = (small.service(raw_service(name)) for name in "ab")
    assert one.labels is two.labels is one.selector
    assert one.ports is two.ports
    meta = {"namespace": "w", "labels": {"kubernetes.io/service-name": "a"}}
    ends = [{"addresses": ["10.0.0.1"], "nodeName": "n1"}]
    first, second = (small.endpoint_slice({"metadata": {**meta, "name": name}, "endpoints": ends}) for name in "xy")
    assert first is not None
    assert second is not None
    assert first.endpoints is second.endpoints
    assert (first.key, first) == ("", second), "nobody is shown its name"
    assert small.endpoint_slice({"metadata": {"namespace": "w", "name": "z"}}) is None


def test_of_a_status_its_name_is_left_out() -> None:
    labels = {"metallb.io/node": "n1", "metallb.io/service-name": "a", "metallb.io/service-namespace": "w"}
    found = Compact().l2_status({"metadata": {"name": "l2-abcde", "namespace": "pylb-system", "labels": labels}})
    assert found is not None
    assert (found.name, found.service, found.node) == ("", "w/a", "n1")


def test_label_sets_that_are_alike_by_chance_alone_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "hash", lambda value: 1, raising=False)
    small = Compact()
    raws = [raw_service(name) for name in "ab"]
    for name, raw in zip("ab", raws, strict=True):
        raw["metadata"]["labels"] = {"app": name}
    one, two = map(small.service, raws)
    assert (one.labels, two.labels) == ({"app": "a"}, {"app": "b"})


def test_what_is_kept_once_is_bounded() -> None:
    small = Compact()
    for number in range(MAX_SHARED + 10):
        raw = raw_service("a")
        raw["metadata"]["labels"] = {"app": str(number)}
        small.service(raw)
    assert len(small._labels) <= MAX_SHARED


def test_a_controllers_seat() -> None:
    lease = {"identity": "c1", "holder": "c2", "may_write": True, "trouble": "late"}
    raw = {"role": "leader", "version": "0.1", "lease": lease, "config": {"problems": ["bad"]}}
    assert decoders.seat(raw, "p/c", "n1") == Seat("p/c", "n1", "0.1", True, True, "c1", "c2", "late", ("bad",))
    assert decoders.seat({"lease": 3, "config": []}, "p/c", "n1") == Seat("p/c", "n1")
    with pytest.raises(DecodeError):
        decoders.seat([], "p/c", "n1")


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (
            {"involvedObject": {"kind": "Node", "name": "n1"}, "source": {"component": "kubelet"}, "reason": "R"},
            Note(0.0, "", False, "R", "", "kubelet", "Node n1"),
        ),
        (
            {
                "involvedObject": {"kind": "Pod", "name": "p", "namespace": "x"},
                "reportingComponent": "k",
                "type": "Warning",
            },
            Note(0.0, "", True, "", "", "k", "Pod x/p"),
        ),
        ({"involvedObject": {"kind": "Pod"}}, None),
        ({"involvedObject": 3}, None),
    ],
)
def test_events_of_kubernetes(raw: Any, note: Note | None) -> None:
    assert decoders.note(raw) == note
