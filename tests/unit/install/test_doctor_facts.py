"""What was read in a cluster, as facts: which image is where, whose pods run, what is typed there, and what stays unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pylb.addon import access
from pylb.addon.iproute import Machine
from pylb.addon.render import IMAGE, Settings, render
from pylb.core.explanation.checks import examine
from pylb.core.explanation.diagnosis import Check, Commands, Daemon, Level, Report
from pylb.install import doctor, doctor_facts
from pylb.install.doctor_look import PLACES, Look, questions

JSON = dict[str, Any]
OWN = {item["kind"]: item for item in render(Settings("", "")) if item["kind"] in ("Deployment", "DaemonSet")}
ADDRESSES = [{"type": "InternalIP", "address": "10.0.0.21"}]


def node(name: str = "n1", *, images: tuple[str, ...] = (), version: str = "v1.33.1", **metadata: Any) -> JSON:
    return {
        "kind": "Node",
        "metadata": {"name": name, **metadata},
        "status": {
            "addresses": ADDRESSES,
            "conditions": [{"type": "Ready", "status": "True"}],
            "images": [{"names": list(images)}],
            "nodeInfo": {"kubeletVersion": version},
        },
    }


def pod(component: str, on: str = "n1", *, state: JSON | None = None, image_id: str = "sha256:1", **meta: Any) -> JSON:
    labels = {"app.kubernetes.io/component": component}
    running = state is None
    return {
        "kind": "Pod",
        "metadata": {"name": f"pylb-{component}-x", "namespace": "pylb-system", "labels": labels, **meta},
        "spec": {"nodeName": on},
        "status": {
            "conditions": [{"type": "Ready", "status": str(running)}],
            "containerStatuses": [{"imageID": image_id, "state": state or {"running": {}}}],
        },
    }


def service(name: str, *addresses: str) -> JSON:
    status = {"loadBalancer": {"ingress": [{"ip": one} for one in addresses]}}
    return {"kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": {}, "status": status}


def resource(kind: str, name: str, spec: JSON) -> JSON:
    return {"kind": kind, "metadata": {"name": name, "namespace": "metallb-system"}, "spec": spec}


def healthy() -> Look:
    daemon_set = {**OWN["DaemonSet"], "status": {"desiredNumberScheduled": 1}}
    deployment = {**OWN["Deployment"], "spec": {**OWN["Deployment"]["spec"], "replicas": 1}}
    lists = {name: [] for name in PLACES} | {
        "nodes": [node()],
        "deployments": [deployment],
        "daemonsets": [daemon_set],
        "pods": [pod("controller"), pod("speaker")],
        "pools": [resource("IPAddressPool", "lan", {"addresses": ["10.0.0.240-10.0.0.249"]})],
        "advertisements": [resource("L2Advertisement", "all", {})],
        "services": [service("a", "10.0.0.240"), service("b", "10.0.0.240", "10.0.0.241"), service("c")],
    }
    return Look("v1.33.1", lists, reports={"n1": Report(frozenset({"n1"}))})


def changed(**lists: list[JSON]) -> Look:
    """The same with these lists instead; the names' blanks are underscores."""
    look = healthy()
    return replace(look, lists={**look.lists, **{name.replace("_", " "): items for name, items in lists.items()}})


def test_all_is_well() -> None:
    """On one node: nobody could take over, and that is no fault. A shared address counts once."""
    rows = examine(doctor_facts.facts(healthy(), Machine()))
    assert {row.level for row in rows} == {Level.OK}, rows
    assert "lan (2 of 10 in use)" in {row.text for row in rows}


@pytest.mark.parametrize(
    ("state", "image_id", "listed", "has"),
    [
        (None, "sha256:1", (), True),
        ({"waiting": {"reason": "ErrImageNeverPull"}}, "", (), False),
        ({"waiting": {"reason": "ImagePullBackOff"}}, "", (f"docker.io/library/{IMAGE}",), True),
        ({"waiting": {"reason": "ContainerCreating"}}, "", (), None),
    ],
    ids=["it runs", "it is missing", "the node lists it", "it is not known yet"],
)
def test_the_image_of_a_node(state: JSON | None, image_id: str, listed: tuple[str, ...], has: bool | None) -> None:
    look = changed(nodes=[node(images=listed)], pods=[pod("speaker", state=state, image_id=image_id)])
    assert doctor_facts.facts(look, Machine()).images == {"n1": has}


@pytest.mark.parametrize(
    ("state", "meta", "expected"),
    [
        (None, {}, Daemon("speaker", "pylb-speaker-x", "n1", ready=True)),
        (None, {"deletionTimestamp": "now"}, Daemon("speaker", "pylb-speaker-x", "n1", ready=False, ending=True)),
        (
            {"terminated": {"reason": "Completed"}},
            {"deletionTimestamp": "now"},
            Daemon("speaker", "pylb-speaker-x", "n1", ready=False, running=False, ending=True),
        ),
        (
            {"waiting": {"reason": "CrashLoopBackOff"}},
            {},
            Daemon("speaker", "pylb-speaker-x", "n1", ready=False, running=False, trouble="CrashLoopBackOff"),
        ),
    ],
    ids=["ready", "ending", "ended in order", "crashing"],
)
def test_a_daemon(state: JSON | None, meta: JSON, expected: Daemon) -> None:
    assert doctor_facts.facts(changed(pods=[pod("speaker", state=state, **meta)]), Machine()).daemons == (expected,)


MICROK8S = node(labels={"microk8s.io/cluster": "true"})
K3S = node(version="v1.33.1+k3s1")


@pytest.mark.parametrize(
    ("nodes", "image", "kubectl", "bring"),
    [
        ([MICROK8S], IMAGE, "microk8s kubectl", "microk8s images import"),
        ([K3S], IMAGE, "sudo k3s kubectl", "sudo k3s ctr images import"),
        ([node()], IMAGE, "kubectl", "sudo ctr -n k8s.io images import"),
        ([node()], "ghcr.io/somebody/pylb:1", "kubectl", ""),
    ],
    ids=["MicroK8s", "k3s", "another", "an image of a registry"],
)
def test_what_is_typed(nodes: list[JSON], image: str, kubectl: str, bring: str) -> None:
    typed = doctor_facts.typed(nodes, image)
    assert typed.kubectl == kubectl
    assert typed.bring_image.startswith(bring)
    assert bool(typed.bring_image) == bool(bring)
    assert typed.manifests == Commands().manifests + ("" if image == IMAGE else f" --image {image}")


def test_rivals_and_kube_proxy_come_from_the_installers_own_detection() -> None:
    server = node(annotations={"k3s.io/node-args": json.dumps(["server"])}, version="v1.33.1+k3s1")
    proxy = {"kind": "ConfigMap", "metadata": {"name": "kube-proxy"}, "data": {"config.conf": "mode: ipvs\n"}}
    rows = examine(doctor_facts.facts(changed(nodes=[server], kube_proxy=[]), Machine()))
    [rival] = [row for row in rows if row.level is not Level.OK]
    assert rival.check is Check.RIVALS
    assert "ServiceLB" in rival.text
    look = replace(healthy(), lists={**healthy().lists, "kube-proxy": [proxy]})
    [row] = [row for row in examine(doctor_facts.facts(look, Machine())) if row.level is not Level.OK]
    assert (row.check, "strictARP" in row.text) == (Check.PROXY, True)


@pytest.mark.parametrize("name", PLACES)
def test_a_list_that_may_not_be_read_is_told(name: str) -> None:
    """No check looks well that would have needed it; but for Cilium's kinds, which hardly a cluster has, and
    the backup, which only adds to what is told."""
    look = healthy()
    lists = {key: items for key, items in look.lists.items() if key != name}
    told = doctor_facts.facts(replace(look, lists=lists, refused={name: "forbidden"}), Machine()).unseen
    assert (set(told.values()) == {"forbidden"}) == (not name.startswith(("cilium", "backup")))


def test_rights_and_speakers_that_cannot_be_asked_about_are_told() -> None:
    look = replace(healthy(), lacks_unseen="forbidden", reports={}, reports_unseen="no token")
    told = {row.check: row.text for row in examine(doctor_facts.facts(look, Machine())) if row.level is Level.WARN}
    assert told == {Check.RIGHTS: "not looked at: forbidden", Check.SPEAKERS: "not looked at: no token"}


def test_each_right_of_the_daemons_is_asked_for() -> None:
    """One question for each verb, resource and name of their rules; a part of a resource is asked for as such."""
    asked = [(lack.account, lack.namespace, question) for lack, question in questions()]
    wanted = sum(
        len(rule["verbs"]) * len(rule["resources"]) * len(rule.get("resourceNames", [""]))
        for holder, rules in [*access.CLUSTER_RULES.items(), *access.NAMESPACE_RULES.items()]
        if access.VIEWER not in holder
        for rule in rules
    )
    assert len(asked) == wanted > 20
    parts = {(question["resource"], question["subresource"]) for _, _, question in asked}
    assert ("services", "status") in parts
    maps = {question["name"] for _, _, question in asked if question["resource"] == "configmaps"}
    assert maps == {"", "config", "pylb-history", "pylb-memory"}  # "": no name can narrow what is created
    assert all("/" not in resource for resource, _ in parts)


BACKUP = {"kind": "Secret", "metadata": {"name": "pylb-metallb-backup", "namespace": "pylb-system"}}
METALLB_SPEAKER = {
    "kind": "DaemonSet",
    "metadata": {
        "name": "speaker",
        "namespace": "metallb-system",
        "labels": {"app": "metallb", "component": "speaker"},
    },
    "spec": {"template": {"spec": {"containers": [{"name": "speaker", "image": "quay.io/metallb/speaker:v0.14.9"}]}}},
    "status": {"desiredNumberScheduled": 1, "numberReady": 1},
}


def test_a_take_over_is_told_with_the_way_back() -> None:
    rows = examine(doctor_facts.facts(changed(backup=[BACKUP]), Machine()))
    [row] = [row for row in rows if row.check is Check.RIVALS]
    assert (row.level, "`pylb rollback` returns to it" in row.text) == (Level.OK, True)


@pytest.mark.parametrize("taken", [True, False])
def test_metallb_beside_us_is_a_fault(taken: bool) -> None:
    """Once its place was taken there are two ways out, and both are told."""
    look = changed(backup=[BACKUP] if taken else [])
    look = replace(look, lists={**look.lists, "daemonsets": [*look.lists["daemonsets"], METALLB_SPEAKER]})
    rows = examine(doctor_facts.facts(look, Machine()))
    [row] = [row for row in rows if row.check is Check.RIVALS]
    assert row.level is Level.FAIL
    assert "daemonset/speaker in metallb-system" in row.text
    assert row.fix[0] == "pylb install --takeover"
    assert ("MetalLB is back" in row.text, any("pylb rollback" in line for line in row.fix)) == (taken, taken)


def test_services_that_wait_are_told_with_what_helps() -> None:
    """The row is the evaluator's, which is the allocator's; of many the first are told."""
    spec = {"type": "LoadBalancer", "clusterIP": "10.96.0.1", "loadBalancerIP": "10.9.9.9", "ports": [{"port": 80}]}
    waits = {**service("late"), "spec": spec}
    others = [{**service("a", "10.0.0.240"), "spec": {**spec, "loadBalancerIP": ""}}, {**service("plain"), "spec": {}}]
    look = changed(services=[waits, *others])
    (row,) = [row for row in examine(doctor_facts.facts(look, Machine())) if row.level is Level.WARN]
    assert row.check is Check.POOLS
    assert row.text.startswith('default/late waits for an address: ["10.9.9.9"] is not allowed in config')
    assert row.fix[0].startswith("kubectl -n default patch service late --type merge -p ")
    assert row.fix[1] == "pylb explain default/late"
    many = changed(services=[{**waits, "metadata": {"name": f"s{n}", "namespace": "x"}} for n in range(7)])
    rows = [row for row in examine(doctor_facts.facts(many, Machine())) if row.level is Level.WARN]
    assert len(rows) == 4
    assert rows[-1].text == "4 more Services wait"


def test_a_controller_may_run_where_no_taint_is_in_its_way() -> None:
    specs: dict[str, JSON] = {
        "free": {},
        "soft": {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]},
        "tainted": {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]},
        "cordoned": {"unschedulable": True},
    }
    look = changed(nodes=[{**node(name), "spec": spec} for name, spec in specs.items()])
    assert doctor_facts.facts(look, Machine()).roomy == {"free", "soft"}


@pytest.mark.parametrize("left", ["Deployment", "DaemonSet"])
def test_the_image_has_a_name_while_one_of_the_two_is_there(left: str) -> None:
    gone = "daemonsets" if left == "Deployment" else "deployments"
    facts = doctor_facts.facts(changed(**{gone: []}), Machine())
    assert facts.image == IMAGE


def test_no_row_is_of_an_image_without_a_name() -> None:
    """Nothing of ours is there, and something else may not be read: the image's row says why there is none."""
    look = replace(changed(daemonsets=[], deployments=[]), refused={"kube-proxy": "forbidden"})
    (row,) = (row for row in examine(doctor_facts.facts(look, Machine())) if row.check is Check.IMAGE)
    assert (row.level, row.text) == (Level.WARN, f"not looked at: {doctor_facts.NAMELESS}")


def test_the_heading_does_not_count_nodes_that_may_not_be_seen() -> None:
    for look, said in (
        (healthy(), "1 node"),
        (
            replace(changed(nodes=[]), refused={"nodes": "nodes is forbidden"}),
            "its nodes may not be looked at (nodes is forbidden)",
        ),
    ):
        known = doctor_facts.facts(look, Machine())
        assert doctor.lines("api", look, known, ())[0] == f"api, Kubernetes {look.version}, {said}"


def test_what_is_wrong_with_bgp_is_told_and_takes_no_pool() -> None:
    found = doctor_facts.facts(
        changed(peers=[resource("BGPPeer", "router", {"myASN": 64512, "peerAddress": "10.0.0.1"})]), Machine()
    )
    assert [problem.field for problem in found.loaded.problems] == ["spec.peerASN"]
    assert found.loaded.config is not None
    assert set(found.loaded.config.pools) == {"lan"}


def test_reserved_addresses_in_use_are_counted_apart() -> None:
    """Once each, however often a range holds them."""
    pool = resource("IPAddressPool", "lan", {"addresses": ["10.0.0.240-10.0.0.249"]})
    pool["metadata"]["annotations"] = {"pylb.io/reserved": "10.0.0.240, 10.0.0.249"}
    found = doctor_facts.facts(changed(pools=[pool]), Machine())
    assert (found.used, found.reserved) == ({"lan": 2}, {"lan": 1})
