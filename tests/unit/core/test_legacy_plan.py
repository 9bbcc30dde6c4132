"""What turning an old ConfigMap into resources would do, and what speaks against it."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.core.config.objects import Objects
from pylb.core.legacy import conversion as legacy
from pylb.core.legacy import names as legacy_names
from pylb.core.legacy import plan as legacy_plan
from pylb.core.legacy.conversion import Converted
from pylb.core.legacy.numbers import MANAGER
from pylb.core.legacy.plan import Plan, Standing, Verdict
from pylb.core.model import LOAD_BALANCER, ObjectRef, Service, service_key

CONFIGMAP = ObjectRef("ConfigMap", "metallb-system", "config")
LAN = {"name": "lan", "protocol": "layer2", "addresses": ["10.0.0.0/28"]}


def convert(*pools: dict[str, Any], **more: Any) -> Converted:
    return legacy.convert({"address-pools": list(pools), **more}, CONFIGMAP)


def planned(made: Converted, standing: Standing) -> Plan:
    return legacy_plan.plan(made, legacy_names.named(made, "metallb-system"), standing)


def pool(name: str, *addresses: str, manager: str = "kubectl", namespace: str = "metallb-system") -> dict[str, Any]:
    return {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": name, "namespace": namespace, "managedFields": [{"manager": manager}]},
        "spec": {"addresses": list(addresses), "autoAssign": True},
    }


@pytest.mark.parametrize(
    ("standing", "verdict", "faults"),
    [
        ([], Verdict.CREATED, 0),
        ([pool("lan", "10.0.0.0/28")], Verdict.UNCHANGED, 0),
        ([pool("lan", "10.0.0.0/28", manager=MANAGER)], Verdict.UNCHANGED, 0),
        ([pool("lan", "10.0.0.0/29", manager=MANAGER)], Verdict.CHANGED, 0),
        ([pool("lan", "10.0.0.0/29")], Verdict.CONFLICTING, 1),
        ([pool("other", "10.9.0.0/29")], Verdict.CREATED, 0),
        ([pool("other", "10.0.0.4/32")], Verdict.CREATED, 1),
        ([pool("lan", "10.0.0.0/28", namespace="pylb-system")], Verdict.CREATED, 1),
    ],
)
def test_verdicts(standing: list[dict[str, Any]], verdict: Verdict, faults: int) -> None:
    plan = planned(convert(LAN), Standing(Objects(pools=standing)))
    first, _ = plan.steps
    assert first.verdict is verdict
    assert bool(plan.faults) == bool(faults), plan.faults
    assert [step.wanted.kind for step in plan.due] == (
        ["IPAddressPool"] if verdict in (Verdict.CREATED, Verdict.CHANGED) else []
    ) + ["L2Advertisement"]


def test_another_configmap_may_say_the_same_and_no_more_than_that() -> None:
    same = planned(convert(LAN), Standing(others=[convert(LAN, {**LAN, "name": "far", "addresses": ["10.7.0.0/28"]})]))
    assert same.faults == ()
    [fault] = planned(convert(LAN), Standing(others=[convert({**LAN, "addresses": ["10.0.0.8/32"]})])).faults[:1]
    assert "ConfigMap metallb-system/config" in f"{fault.where} {fault.text}"


def service(name: str, kind: str = LOAD_BALANCER, **annotations: str) -> Service:
    notes = {f"{prefix.replace('_', '.')}/address-pool": value for prefix, value in annotations.items()}
    return Service(key=service_key("web", name), type=kind, annotations=notes)


@pytest.mark.parametrize(
    ("one", "fix"),
    [
        (service("a", metallb_io="My_Pool"), "metallb.io/address-pool- now"),
        (service("a", metallb_universe_tf="My_Pool"), "metallb.universe.tf/address-pool- now"),
        (
            service("a", metallb_io="My_Pool", metallb_universe_tf="other"),
            "metallb.io/address-pool- metallb.universe.tf/address-pool- now",
        ),
        (service("a", metallb_io="lan"), None),
        (service("a", metallb_io="my-pool"), None),
        (service("a", "ClusterIP", metallb_io="My_Pool"), None),
        (service("a"), None),
    ],
)
def test_a_service_that_asks_for_a_name_that_goes(one: Service, fix: str | None) -> None:
    made = convert(LAN, {**LAN, "name": "My_Pool", "addresses": ["10.7.0.0/28"]})
    faults = planned(made, Standing(services=[one])).faults
    assert len(faults) == (0 if fix is None else 1)
    assert all(str(fix) in fault.fix for fault in faults)
    assert all(fault.where == "Service web/a" and '"my-pool"' in fault.fix for fault in faults)


@pytest.mark.parametrize(
    ("made", "place", "says"),
    [
        (convert(LAN, odd=1), "odd", 'unknown key "odd"'),
        (convert(LAN, {**LAN, "name": "1_2"}), "address-pools[1].name", "cannot be made a name"),
        (convert({**LAN, "addresses": ["10.0.0.9-10.0.0.1"]}), "address-pools[0]", "is after the end IP"),
        (convert({**LAN, "addresses": []}), "address-pools[0]", "has no prefixes defined"),
        (convert(LAN, peers=[{"my-asn": 1, "peer-asn": 2, "peer-address": "x"}]), "peers[0]", "invalid"),
        (
            convert(LAN, peers=[{"my-asn": 1, "peer-asn": 2, "peer-address": "10.0.0.1", "hold-time": "2s"}]),
            "peers[0]",
            "must be 0 or >=3s",
        ),
        (convert(LAN, **{"bgp-communities": {"a": "x"}}), "bgp-communities", "community"),
    ],
)
def test_what_is_wrong_with_a_configmap_by_itself(made: Converted, place: str, says: str) -> None:
    named = legacy_names.named(made, "metallb-system")
    [fault] = legacy_plan.check(made, named)
    assert fault.place == place
    assert says in fault.text
    assert planned(made, Standing()).faults == (fault,)


def advert(name: str, *pools: str, manager: str = MANAGER) -> dict[str, Any]:
    meta = {"name": name, "namespace": "metallb-system", "managedFields": [{"manager": manager}]}
    spec = {"ipAddressPools": list(pools)}
    return {"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": meta, "spec": spec}


FAR = {"name": "far", "protocol": "layer2", "addresses": ["10.7.0.0/28"]}


@pytest.mark.parametrize(
    ("standing", "name", "verdict"),
    [
        ([], "l2advertisement1", Verdict.CREATED),
        ([advert("l2advertisement1", "lan")], "l2advertisement1", Verdict.UNCHANGED),
        ([advert("l2advertisement1", "lan", "gone")], "l2advertisement1", Verdict.CHANGED),
        ([advert("l2advertisement1", "far")], "l2advertisement2", Verdict.CREATED),
        ([advert("l2advertisement1", "far", manager="kubectl")], "l2advertisement2", Verdict.CREATED),
        ([advert("l2advertisement1", "lan", "x", manager="kubectl")], "l2advertisement2", Verdict.CREATED),
        ([advert("l2advertisement1", "far"), advert("l2advertisement2", "lan")], "l2advertisement2", Verdict.UNCHANGED),
        ([advert("l2advertisement1", "far"), advert("l2advertisement7", "lan")], "l2advertisement7", Verdict.UNCHANGED),
        ([advert("l2advertisement1", "far"), advert("mine", "lan")], "l2advertisement2", Verdict.CREATED),
    ],
)
def test_what_another_import_announces_stays_announced(
    standing: list[dict[str, Any]], name: str, verdict: Verdict
) -> None:
    plan = planned(convert(LAN), Standing(Objects(pools=[pool("far", "10.7.0.0/28")], advertisements=standing)))
    [step] = [step for step in plan.steps if step.wanted.kind == "L2Advertisement"]
    assert (step.wanted.name, step.verdict, plan.faults) == (name, verdict, ())


def test_two_advertisements_never_get_one_number() -> None:
    standing = Standing(Objects(advertisements=[advert("l2advertisement1", "far")]))
    plan = planned(convert(LAN, FAR), standing)
    names = {step.wanted.name: step.verdict for step in plan.steps if step.wanted.kind == "L2Advertisement"}
    assert names == {"l2advertisement2": Verdict.CREATED, "l2advertisement1": Verdict.UNCHANGED}


def test_a_peer_of_another_router_and_names_of_others_stay() -> None:
    def standing(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        meta = {"name": name, "namespace": "metallb-system", "managedFields": [{"manager": MANAGER}]}
        return {"apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": meta, "spec": spec}

    peers = [{"peer-address": "10.0.0.9", "peer-asn": "1", "my-asn": "2"}]
    made = convert(LAN, peers=peers, **{"bgp-communities": {"one": "1:1"}})
    other = {"peerAddress": "10.0.0.8", "peerASN": 1, "myASN": 2}
    plan = planned(
        made,
        Standing(
            Objects(
                peers=[standing("BGPPeer", "peer1", other)],
                communities=[standing("Community", "communities", {"communities": [{"name": "two", "value": "1:2"}]})],
            )
        ),
    )
    found = {step.wanted.kind: step.wanted.name for step in plan.due}
    assert (found["BGPPeer"], found["Community"]) == ("peer2", "communities1")


@pytest.mark.parametrize(
    ("ingress", "told"),
    [(("10.0.0.9",), True), (("10.0.0.1",), False), (("10.5.5.5",), False), (("nonsense",), False)],
)
def test_a_pool_that_shrinks_under_a_service_stops_it(ingress: tuple[str, ...], told: bool) -> None:
    one = Service(key=service_key("web", "a"), type=LOAD_BALANCER, ingress=ingress)
    made = convert({**LAN, "addresses": ["10.0.0.0/29"]})
    standing = Objects(pools=[pool("lan", "10.0.0.0/28", manager=MANAGER)])
    faults = planned(made, Standing(standing, services=[one])).faults
    assert bool(faults) == told
    assert not told or ("Service web/a" in faults[0].where and "10.0.0.9" in faults[0].text)
