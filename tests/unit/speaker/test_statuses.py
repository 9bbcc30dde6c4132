"""Which ServiceL2Status objects are written and deleted."""

from __future__ import annotations

import pytest

from pylb.core.model import L2Status, NodeName, ServiceKey
from pylb.speaker.statuses import Holding, Plan, metadata, moment, name, plan, status

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
    assert plan(N1, owned, existing) == expected


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
    found = plan(N1, {WEB: Holding((), term, LATE)}, [existing])
    assert found == (Plan() if written is None else Plan(write=((MINE, WEB, written),)))


def test_a_claim_keeps_its_time_when_only_interfaces_change() -> None:
    existing = L2Status("pylb-system", MINE, WEB, N1, (), 4, EARLY)
    [(_, _, told)] = plan(N1, {WEB: Holding(("eth0",), 4, LATE)}, [existing]).write
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
