"""Which ServiceL2Status objects are written and deleted."""

from __future__ import annotations

import pytest

from pylb.core.model import L2Status, NodeName, ServiceKey
from pylb.speaker.statuses import Plan, metadata, name, plan, status

N1, N2 = NodeName("n1"), NodeName("n2")
WEB, DNS = ServiceKey("default/web"), ServiceKey("kube-system/dns")
MINE, OTHERS = name(N1, WEB), name(N2, WEB)


def standing(node: NodeName, service: ServiceKey, *interfaces: str, called: str = "") -> L2Status:
    return L2Status("pylb-system", called or name(node, service), service, node, interfaces)


@pytest.mark.parametrize(
    ("owned", "existing", "expected"),
    [
        ({}, [], Plan()),
        ({WEB: ()}, [], Plan(write=((MINE, WEB, ()),))),
        ({WEB: ()}, [standing(N1, WEB)], Plan()),
        ({WEB: ("eth0",)}, [standing(N1, WEB)], Plan(write=((MINE, WEB, ("eth0",)),))),
        ({WEB: ()}, [standing(N2, WEB)], Plan(write=((MINE, WEB, ()),), delete=(OTHERS,))),
        ({}, [standing(N1, WEB)], Plan(delete=(MINE,))),
        ({}, [standing(N2, WEB)], Plan()),  # is for its owner to delete
        ({WEB: ()}, [standing(N1, WEB), standing(N1, WEB, called="l2-x")], Plan(delete=("l2-x",))),  # MetalLB's
        ({WEB: ()}, [standing(N1, WEB), standing(N2, DNS)], Plan()),
    ],
)
def test_what_is_written_and_deleted(
    owned: dict[ServiceKey, tuple[str, ...]], existing: list[L2Status], expected: Plan
) -> None:
    assert plan(N1, owned, existing) == expected


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
