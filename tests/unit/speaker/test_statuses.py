"""Which ServiceL2Status objects are written and deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pylb.core.model import L2Status, NodeName, ServiceKey
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.record import Notice, Record, Renewal, parse, render, render_renewal
from pylb.core.ranges import parse_address
from pylb.speaker.statuses import (
    Account,
    Holding,
    Known,
    Plan,
    carrier,
    metadata,
    moment,
    name,
    notices,
    plan,
    status,
    strays,
)
from pylb.speaker.sweep import PATIENCE, Sweep

N1, N2 = NodeName("n1"), NodeName("n2")
WEB, DNS = ServiceKey("default/web"), ServiceKey("kube-system/dns")
MINE, OTHERS = name(N1, WEB), name(N2, WEB)
BARE, ON_ETH0 = Holding(), Holding(("eth0",))
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def standing(node: NodeName, service: ServiceKey, *interfaces: str, called: str = "") -> L2Status:
    return L2Status("pylb-system", called or name(node, service), service, node, interfaces)


@pytest.mark.parametrize(
    ("owned", "existing", "expected"),
    [
        ({}, [], Plan()),
        ({WEB: BARE}, [], Plan(write=((MINE, WEB, BARE),))),
        ({WEB: BARE}, [standing(N1, WEB)], Plan()),
        ({WEB: ON_ETH0}, [standing(N1, WEB)], Plan(write=((MINE, WEB, ON_ETH0),))),
        ({WEB: BARE}, [standing(N2, WEB)], Plan(write=((MINE, WEB, BARE),), delete=(OTHERS,))),
        ({}, [standing(N1, WEB)], Plan(delete=(MINE,))),
        ({}, [standing(N2, WEB)], Plan()),  # is for its owner to delete
        ({WEB: BARE}, [standing(N1, WEB), standing(N1, WEB, called="l2-x")], Plan(delete=("l2-x",))),  # MetalLB's
        ({WEB: BARE}, [standing(N1, WEB), standing(N2, DNS)], Plan()),
    ],
)
def test_what_is_written_and_deleted(
    owned: dict[ServiceKey, Holding], existing: list[L2Status], expected: Plan
) -> None:
    assert plan(N1, Account(owned), existing) == expected


@pytest.mark.parametrize(
    ("term", "stands", "written"),
    [
        (0, (4, EARLY), None),
        (4, (4, EARLY), None),  # made again by a speaker that was restarted: told already, with its time
        (5, (4, EARLY), Holding((), 5, LATE)),
        (4, (5, EARLY), Holding((), 4, LATE)),
        (4, (0, ""), Holding((), 4, LATE)),
    ],
)
def test_an_object_is_written_again_for_another_term_alone(
    term: int, stands: tuple[int, str], written: Holding | None
) -> None:
    existing = L2Status("pylb-system", MINE, WEB, N1, (), *stands)
    found = plan(N1, Account({WEB: Holding((), term, LATE)}), [existing])
    assert found == (Plan() if written is None else Plan(write=((MINE, WEB, written),)))


def test_a_claim_keeps_its_time_when_only_interfaces_change() -> None:
    existing = L2Status("pylb-system", MINE, WEB, N1, (), 4, EARLY)
    [(_, _, told)] = plan(N1, Account({WEB: Holding(("eth0",), 4, LATE)}), [existing]).write
    assert told == Holding(("eth0",), 4, EARLY)


def test_of_two_addresses_the_higher_term_is_told() -> None:
    one, other = Holding(("b",), 2, EARLY), Holding(("a",), 3, LATE)
    assert one.joined(other) == other.joined(one) == Holding(("a", "b"), 3, LATE)


def test_the_claim_is_told_in_annotations() -> None:
    assert metadata(N1, DNS, None, Holding((), 7, moment(0)))["annotations"] == {
        "pylb.io/term": "7",
        "pylb.io/since": "1970-01-01T00:00:00Z",
    }
    assert "annotations" not in metadata(N1, DNS, None, BARE)


def test_the_objects_are_metallbs() -> None:
    owner = {"kind": "Pod", "name": "p"}
    labels = {
        "metallb.io/node": "n1",
        "metallb.io/service-name": "dns",
        "metallb.io/service-namespace": "kube-system",
    }
    assert metadata(N1, DNS, None) == {"name": name(N1, DNS), "labels": labels}
    assert metadata(N1, DNS, owner)["ownerReferences"] == [owner]
    assert status(N1, DNS, ()) == {"node": "n1", "serviceName": "dns", "serviceNamespace": "kube-system"}
    assert status(N1, DNS, ("a", "b"))["interfaces"] == [{"name": "a"}, {"name": "b"}]


A, B = parse_address("10.0.0.9"), parse_address("10.0.0.10")
MAC = bytes.fromhex("020000000001")
TOLD = Record(Claim(N1, 4), {"eth0": MAC})
HELD = Holding((), 4, EARLY, {A: TOLD})
RENEWAL = Renewal("ab-1", frozenset({N2}))


def written(holding: Holding, node: NodeName = N1, service: ServiceKey = WEB, renewed: str = "") -> L2Status:
    told = render(holding.records)
    return L2Status("pylb-system", name(node, service), service, node, (), holding.term, holding.since, told, renewed)


@pytest.mark.parametrize(
    ("record", "renewal", "again"),
    [
        (TOLD, None, False),
        (TOLD, RENEWAL, False),
        (Record(replace(TOLD.claim, restored=True), TOLD.macs), None, False),  # a restart costs no write
        (Record(replace(TOLD.claim, restored=True), TOLD.macs), RENEWAL, True),  # but who goes by it has to know
        (Record(TOLD.claim, {"eth0": MAC[::-1]}), None, True),
        (Record(TOLD.claim, {"eth1": MAC}), None, True),
    ],
)
def test_a_record_is_written_again_if_it_would_mislead(record: Record, renewal: Renewal | None, again: bool) -> None:
    found = plan(N1, Account({WEB: replace(HELD, records={A: record})}, renewal), [written(HELD)])
    assert bool(found.write) is again


def test_an_object_of_an_earlier_version_is_completed() -> None:
    [(_, _, told)] = plan(N1, Account({WEB: HELD}), [L2Status("pylb-system", MINE, WEB, N1, (), 4, EARLY)]).write
    assert told == HELD


def test_the_records_of_both_addresses_are_told() -> None:
    other = Record(Claim(N1, 7), {"eth1": MAC})
    both = HELD.joined(Holding((), 7, LATE, {B: other}))
    notes = metadata(N1, WEB, None, both)["annotations"]
    assert notes["pylb.io/term"] == "7"
    assert parse(notes["pylb.io/claims"], N1) == {A: TOLD, B: other}


def test_who_may_be_alive_keeps_its_objects() -> None:
    existing = [written(HELD), written(HELD, N2)]
    assert plan(N1, Account({WEB: HELD}, spared=frozenset({N2})), existing) == Plan()
    assert plan(N1, Account({WEB: HELD}), existing) == Plan(delete=(OTHERS,))


def test_one_object_carries_a_renewal_once() -> None:
    account = Account({WEB: HELD, DNS: HELD}, RENEWAL)
    existing = [written(HELD), written(HELD, service=DNS), written(HELD, N2)]
    found = carrier(N1, account, existing)
    assert found == (min(MINE, name(N1, DNS)), render_renewal(RENEWAL))
    carried = [replace(one, renewed=found[1]) if one.name == found[0] else one for one in existing]
    assert carrier(N1, account, carried) is None
    assert carrier(N1, replace(account, renewal=Renewal("ab-2")), carried) is not None
    assert carrier(N1, replace(account, renewal=None), existing) is None
    assert carrier(N1, account, [written(HELD, N2)]) is None, "nothing stands that could hold"


def test_what_nodes_tell_is_read_from_their_objects() -> None:
    newer = Holding((), 5, LATE, {A: Record(Claim(N2, 5, taken=True))})
    older = Holding((), 3, LATE, {A: Record(Claim(N2, 3)), B: Record(Claim(N2, 3))})
    text = render_renewal(RENEWAL)
    existing = [written(newer, N2), written(older, N2, DNS, text), written(HELD), standing(NodeName("n3"), WEB)]
    assert notices(existing) == {
        N1: Notice({A: TOLD.claim}),
        N2: Notice({A: Claim(N2, 5, taken=True), B: Claim(N2, 3)}, frozenset({RENEWAL})),
        NodeName("n3"): Notice(),
    }


def test_strays_are_of_nodes_and_services_that_are_not_there() -> None:
    existing = [standing(N1, WEB), standing(N2, WEB, called="gone node"), standing(N1, DNS, called="gone service")]
    assert strays(existing, Known(frozenset({N1}), frozenset({WEB}))) == ["gone node", "gone service"]


def test_a_stray_is_removed_after_a_while_if_it_still_is_one() -> None:
    sweep = Sweep()
    assert sweep.due(["a"], 0.0) == ((), PATIENCE)
    assert sweep.due(["a", "b"], 20.0) == ((), PATIENCE - 20.0)
    assert sweep.due(["b"], PATIENCE) == ((), 20.0)
    assert sweep.due(["a", "b"], PATIENCE + 20.0) == (("b",), PATIENCE)
