"""What the doctor says of each fault: the check, how grave it is, a part of the text, and what is to be typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from pylb.core.config import loader as config
from pylb.core.config.loader import Objects
from pylb.core.explanation.checks import examine
from pylb.core.explanation.diagnosis import Check, Commands, Daemon, Facts, Lack, Level, Report, Row, worst
from pylb.core.model import Node, NodeName
from pylb.core.ownership.election import EXCLUDE_LABEL
from pylb.core.ownership.moves import DRAIN, drain_fault

NAMES = ("n1", "n2", "n3")
ALL = frozenset(NAMES)


def node(name: str, address: str, labels: Mapping[str, str] | None = None, **more: Any) -> Node:
    return Node(NodeName(name), labels or {}, (ip_address(address),), **more)


def resource(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "metallb-system"}, "spec": spec}


def loaded(*advertisements: dict[str, Any], addresses: Sequence[str] = ("10.0.0.240-10.0.0.249",)) -> config.Loaded:
    return config.load(Objects([resource("IPAddressPool", "lan", addresses=list(addresses))], list(advertisements)))


EVERYWHERE = resource("L2Advertisement", "all")
_POOL = resource("IPAddressPool", "lan", addresses=["10.0.0.240-10.0.0.249"])
_POOL["metadata"]["annotations"] = {"pylb.io/reserved": "10.0.0.240-10.0.0.241"}
RESERVING = config.load(Objects([_POOL], [EVERYWHERE]))
NODES = tuple(node(name, f"10.0.0.2{name[1]}") for name in NAMES)
SPEAKERS = tuple(Daemon("speaker", f"pylb-speaker-{name}", name, ready=True) for name in NAMES)
CONTROLLERS = tuple(Daemon("controller", f"pylb-controller-{name}", name, ready=True) for name in ("n1", "n2"))
HEALTHY = Facts(
    nodes=NODES,
    roomy=ALL,
    controllers=2,
    speakers=3,
    daemons=(*CONTROLLERS, *SPEAKERS),
    image="pylb:1",
    images=dict.fromkeys(NAMES, True),
    loaded=loaded(EVERYWHERE),
    used={"lan": 3},
    reports={name: Report(ALL, frozenset({"eth0"})) for name in NAMES},
    subnets=(ip_network("10.0.0.0/24"),),
    commands=Commands(bring_image="bring it"),
)


def speakers(**changed: Daemon | None) -> tuple[Daemon, ...]:
    """The daemons, with these nodes' speakers instead; None takes one away."""
    kept = tuple(one for one in SPEAKERS if one.node not in changed)
    return (*CONTROLLERS, *kept, *(one for one in changed.values() if one is not None))


def bad(name: str, **how: Any) -> Daemon:
    return Daemon("speaker", f"pylb-speaker-{name}", name, ready=False, **how)


def said(facts: Facts) -> list[Row]:
    return [row for row in examine(facts) if row.level is not Level.OK]


def test_all_is_well_in_ten_rows() -> None:
    rows = examine(HEALTHY)
    assert [row.check for row in rows] == list(Check)
    assert worst(rows) is Level.OK
    assert not any(row.fix for row in rows)
    assert "lan (3 of 10 in use)" in {row.text for row in rows}


def test_a_pool_whose_reserved_addresses_are_in_use_has_others_left() -> None:
    rows = examine(replace(HEALTHY, loaded=RESERVING, used={"lan": 8}, reserved={"lan": 2}))
    assert worst(rows) is Level.OK
    assert "lan (8 of 10 in use)" in {row.text for row in rows}


@pytest.mark.parametrize("roomy", [frozenset(), frozenset({"n1"})])
def test_controllers_that_have_one_node_only_are_well_there(roomy: frozenset[str]) -> None:
    """Of one node, or beside control planes whose taint keeps others away."""
    daemons = (*(replace(one, node="n1") for one in CONTROLLERS), *SPEAKERS)
    assert said(replace(HEALTHY, roomy=roomy, daemons=daemons)) == []


K = "kubectl -n pylb-system"
AGAIN = "pylb manifests --without-keys | kubectl apply -f -"
POOL = "kubectl -n metallb-system edit ipaddresspool"
FAULTS: dict[str, tuple[dict[str, Any], Check, Level, str, str]] = {
    "nothing installed": (
        {"controllers": None, "speakers": None, "daemons": (), "image": "", "images": {}, "reports": {}},
        Check.PODS, Level.FAIL, "not installed", "pylb install",
    ),
    "no DaemonSet": ({"speakers": None}, Check.PODS, Level.FAIL, "the DaemonSet is gone", AGAIN),
    "one controller": (
        {"daemons": (*CONTROLLERS[:1], *SPEAKERS)}, Check.PODS, Level.WARN, "1 of 2 controllers are ready",
        f"{K} describe deployment/pylb-controller",
    ),
    "both controllers on one node": (
        {"daemons": (*(replace(one, node="n1") for one in CONTROLLERS), *SPEAKERS)}, Check.PODS, Level.WARN,
        "all controllers run on n1", f"{K} delete pod pylb-controller-n1",
    ),
    "scaled to none": (
        {"controllers": 0, "daemons": SPEAKERS}, Check.PODS, Level.FAIL, "scaled to no controller",
        f"{K} scale deployment/pylb-controller --replicas=2",
    ),
    "a speaker crashes": (
        {"daemons": speakers(n2=bad("n2", running=False, trouble="CrashLoopBackOff")), "reports": {
            name: Report(ALL - {"n2"}) for name in ("n1", "n3")}},
        Check.PODS, Level.FAIL, "no speaker is ready on n2: CrashLoopBackOff", f"{K} describe pod pylb-speaker-n2",
    ),
    "a speaker is not ready": (
        {"daemons": speakers(n2=bad("n2"))}, Check.PODS, Level.FAIL, "on n2", f"{K} logs pylb-speaker-n2",
    ),
    "a speaker ends": (
        {"daemons": speakers(n2=bad("n2", ending=True))}, Check.PODS, Level.FAIL, "on n2", f"{K} get pods --watch",
    ),
    "a speaker is missing": (
        {"daemons": speakers(n2=None), "reports": {name: Report(ALL) for name in ("n1", "n3")}},
        Check.PODS, Level.FAIL, "no speaker is ready on n2", f"{K} describe daemonset/pylb-speaker",
    ),
    "a node is tainted": (
        {"daemons": speakers(n2=None), "speakers": 2}, Check.PODS, Level.WARN, "leaves out n2", "kubectl describe node n2",
    ),
    "no image": ({"images": {"n1": True, "n2": False, "n3": True}}, Check.IMAGE, Level.FAIL, "missing on n2", "on n2: bring it"),
    "image unknown": ({"images": {"n1": None}}, Check.IMAGE, Level.WARN, "not seen on n1", "on n1: bring it"),
    "image of a registry": (
        {"images": {"n1": False}, "commands": Commands()}, Check.IMAGE, Level.FAIL, "missing on n1", "see that n1 can pull pylb:1",
    ),
    "a right is missing": (
        {"lacks": (Lack("pylb-speaker", "list", "nodes"), Lack("pylb-speaker", "get", "pods", "pylb-system"))},
        Check.RIGHTS, Level.FAIL, "pylb-speaker may not list nodes, get pods in pylb-system", AGAIN,
    ),
    "no kinds": (
        {"kinds": False, "loaded": config.load(Objects())}, Check.POOLS, Level.FAIL, "does not know IPAddressPools", AGAIN,
    ),
    "no pool": ({"loaded": config.load(Objects())}, Check.POOLS, Level.FAIL, "there is no pool", "pylb install --range A-B"),
    "a pool that cannot be read": (
        {"loaded": loaded(EVERYWHERE, addresses=["10.0.0.300"])}, Check.POOLS, Level.FAIL, "lan", f"{POOL} lan",
    ),
    "a full pool": ({"used": {"lan": 10}}, Check.POOLS, Level.WARN, "no address is left in lan", f"{POOL} lan"),
    "all but what is reserved": (
        {"loaded": RESERVING, "used": {"lan": 8}}, Check.POOLS, Level.WARN, "no address is left in lan (free but reserved: 2)",
        f"{POOL} lan",
    ),
    "all but one that is reserved": (
        {"loaded": RESERVING, "used": {"lan": 9}, "reserved": {"lan": 1}},
        Check.POOLS, Level.WARN, "no address is left in lan (free but reserved: 1)", f"{POOL} lan",
    ),
    "no advertisement": ({"loaded": loaded()}, Check.ADVERTISEMENTS, Level.FAIL, "no L2Advertisement selects lan", "echo '{"),
    "an advertisement of no node": (
        {"loaded": loaded(resource("L2Advertisement", "some", nodeSelectors=[{"matchLabels": {"a": "b"}}]))},
        Check.ADVERTISEMENTS, Level.FAIL, "select no node", "kubectl -n metallb-system edit l2advertisement some",
    ),
    "a node is labelled": (
        {"nodes": (*NODES[:2], node("n3", "10.0.0.23", {EXCLUDE_LABEL: ""}))},
        Check.NODES, Level.WARN, "n3 is labelled", f"kubectl label node n3 {EXCLUDE_LABEL}-",
    ),
    "every node is labelled": (
        {"nodes": tuple(replace(one, labels={EXCLUDE_LABEL: ""}) for one in NODES)},
        Check.NODES, Level.FAIL, "n1, n2, n3 are labelled", f"kubectl label node n1 n2 n3 {EXCLUDE_LABEL}-",
    ),
    "a node is drained": (
        {"nodes": (*NODES[:2], replace(NODES[2], drained=True))},
        Check.NODES, Level.WARN, "n3 is drained", "pylb undrain n3",
    ),
    "a node was to be drained, maybe": (
        {"nodes": (*NODES[:2], replace(NODES[2], drain_fault=drain_fault({DRAIN: "yes"})))},
        Check.NODES, Level.WARN, 'n3 is not drained: annotation pylb.io/drain: "yes" is none of true, false', "pylb drain n3",
    ),
    "a node is away": (
        {"nodes": (*NODES[:2], replace(NODES[2], ready=False)), "daemons": speakers(n3=bad("n3", running=False))},
        Check.NODES, Level.WARN, "n3 is not Ready", "kubectl describe node n3",
    ),
    "a node without network": (
        {"nodes": (*NODES[:2], replace(NODES[2], network_unavailable=True))},
        Check.NODES, Level.WARN, "n3 is without a network", "kubectl describe node n3",
    ),
    "a speaker stands still": (
        {"reports": {"n1": Report(ALL - {"n3"}), "n2": Report(ALL - {"n3"}), "n3": Report(obstacle="no answer")}},
        Check.SPEAKERS, Level.FAIL, "n3 does not answer, and no other speaker hears it", f"{K} delete pod pylb-speaker-n3",
    ),
    "the API server is kept out": (
        {"reports": {"n1": Report(ALL), "n2": Report(ALL), "n3": Report(obstacle="refused")}},
        Check.SPEAKERS, Level.WARN, "the speaker on n3, which its peers hear: refused", "sudo ufw allow 7472/tcp",
    ),
    "beats do not pass": (
        {"reports": {name: Report(ALL - ({"n3"} if name == "n1" else set())) for name in NAMES}},
        Check.SPEAKERS, Level.FAIL, "n1 does not hear n3: UDP port 7946", "sudo ufw allow 7946/udp",
    ),
    "another key of the beats": (
        {"reports": {**{name: Report(ALL - {"n3"}, strangers={"n3": 200.0}) for name in ("n1", "n2")}, "n3": Report(ALL - {"n1", "n2"})}},
        Check.SPEAKERS, Level.FAIL, "n1, n2, n3 do not share a key, and", f"{K} rollout restart daemonset/pylb-speaker",
    ),
    "a key that is on its way": (
        {"reports": {"n1": Report(ALL - {"n3"}, strangers={"n3": 20.0}), "n2": Report(ALL), "n3": Report(ALL - {"n1"})}},
        Check.SPEAKERS, Level.WARN, "n1, n3 do not share a key yet", "wait three minutes",
    ),
    "another reader's key": (
        {"reports": {**HEALTHY.reports, "n2": Report(obstacle="401", token_refused=True)}},
        Check.SPEAKERS, Level.FAIL, "n2 do not take the key", f"{K} rollout restart daemonset/pylb-speaker",
    ),
    "a second writer": (
        {"contests": {"a/web": "k3s", "a/dns": "k3s"}},
        Check.RIVALS, Level.FAIL, '"k3s" writes the status of a/dns, a/web, too', "stop one of the two; for MetalLB:",
    ),
    "no controller answers": (
        {"contests_unseen": "refused"},
        Check.RIVALS, Level.WARN, "somebody else writes Services, too, was not told: refused", f"{K} get pods",
    ),
    "ServiceLB": ({"rivals": (Row(Check.RIVALS, Level.WARN, "it", ("do",)),)}, Check.RIVALS, Level.WARN, "it", "do"),
    "IPVS": ({"proxy": (Row(Check.PROXY, Level.WARN, "ipvs", ("do",)),)}, Check.PROXY, Level.WARN, "ipvs", "do"),
    "another subnet": (
        {"loaded": loaded(EVERYWHERE, addresses=["10.9.0.0/28"])},
        Check.NETWORK, Level.WARN, "outside of the nodes' networks (10.0.0.0/24): 10.9.0.0/28 of lan", "on the router",
    ),
    "a node's address": (
        {"loaded": loaded(EVERYWHERE, addresses=["10.0.0.16/28"])},
        Check.NETWORK, Level.FAIL, "10.0.0.21 (n1) is in lan", POOL,
    ),
    "Wi-Fi": (
        {"reports": {**HEALTHY.reports, "n2": Report(ALL, frozenset({"wlan0"}))}},
        Check.NETWORK, Level.WARN, "Wi-Fi, where many access points filter it: n2 (wlan0)", "wire these nodes",
    ),
    "no right to look": (
        {"unseen": {Check.RIGHTS: "forbidden"}}, Check.RIGHTS, Level.WARN, "not looked at: forbidden", "pylb doctor, as",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "check", "level", "text", "fix"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_by_one_row(change: dict[str, Any], check: Check, level: Level, text: str, fix: str) -> None:
    [row] = said(replace(HEALTHY, **change))
    assert (row.check, row.level) == (check, level)
    assert text in row.text
    assert row.fix
    assert row.fix[0].startswith(fix)


def test_what_is_unseen_never_looks_well() -> None:
    """Whatever a check is made of: where it could not be read, there is a warning and no other row of that check."""
    rows = examine(replace(HEALTHY, unseen=dict.fromkeys(Check, "forbidden")))
    assert {row.check: row.level for row in rows} == dict.fromkeys(Check, Level.WARN)
    assert len(rows) == len(Check)
