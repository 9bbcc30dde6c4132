"""The fake controllers of the embedded API server: Deployments, the scheduler, the kubelet, slices, node Leases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from pylb.embedded.errors import JSON
from pylb.embedded.resources import DEPLOYMENTS, LEASES, NODES, PODS, SERVICES, SLICES
from pylb.embedded.server import EXTERNAL, Options, serve
from pylb.embedded.store import Store
from pylb.embedded.workloads import Plan, condition, is_true, plan, share, template_hash

LIMIT_S = 5.0


async def until(test: Callable[[], Any], what: str = "") -> Any:
    """Wait until a test holds; returns what it returned."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if found := test():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(what or "it did not come to be")


def node(store: Store, name: str, *, ready: bool = True, **labels: str) -> None:
    """A node."""
    status = {
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "addresses": [{"type": "InternalIP", "address": "192.0.2.9"}],
    }
    store.create(NODES, "", {"metadata": {"name": name, "labels": labels}, "status": status})


def deployment(name: str = "web", replicas: int = 3, **spec: Any) -> JSON:
    """A Deployment of one container with a named port."""
    ports = [{"name": "http", "containerPort": 8080}]
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "one", "ports": ports}], **spec},
    }
    selector = {"matchLabels": {"app": name}}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": selector, "template": template}}


def pods(store: Store) -> list[JSON]:
    """The pods that are not ending."""
    return [pod for pod in store.objects(PODS) if "deletionTimestamp" not in pod["metadata"]]


def ready(store: Store) -> list[JSON]:
    """Those that are ready."""
    return [pod for pod in pods(store) if is_true(pod, "Ready")]


def endpoints(store: Store, name: str = "web") -> list[JSON]:
    """The endpoints of a Service, over all its slices."""
    found = [s for s in store.objects(SLICES) if s["metadata"]["labels"]["kubernetes.io/service-name"] == name]
    return [endpoint for one in found for endpoint in one["endpoints"]]


async def test_a_deployment_becomes_pods_spread_over_ready_nodes() -> None:
    """Names, owner, labels, addresses; the status says Available; replicas are followed both ways."""
    async with serve() as server:
        store = server.store
        for name in ("n1", "n2", "n3"):
            node(store, name)
        node(store, "off", ready=False)
        made = store.create(DEPLOYMENTS, "default", deployment())
        await until(lambda: len(ready(store)) == 3)
        hashed = template_hash(made)
        for pod in pods(store):
            assert pod["metadata"]["name"].startswith(f"web-{hashed}-")
            assert pod["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
        assert {pod["spec"]["nodeName"] for pod in pods(store)} == {"n1", "n2", "n3"}
        assert len({pod["status"]["podIP"] for pod in pods(store)}) == 3
        status = await until(lambda: _available(store, 3))
        assert status["observedGeneration"] == 1

        def scaled(count: int) -> Callable[[JSON], JSON]:
            return lambda old: {**old, "spec": {**old["spec"], "replicas": count}}

        store.update(DEPLOYMENTS, "default", "web", scaled(5))
        await until(lambda: len(ready(store)) == 5)
        store.update(DEPLOYMENTS, "default", "web", scaled(1))
        await until(lambda: len(pods(store)) == 1)
        lost = pods(store)[0]["metadata"]["name"]
        store.delete(PODS, "default", lost)
        await until(lambda: len(ready(store)) == 1 and pods(store)[0]["metadata"]["name"] != lost)
        store.delete(DEPLOYMENTS, "default", "web")
        assert pods(store) == []


def _available(store: Store, count: int) -> JSON | None:
    found = store.get(DEPLOYMENTS, "default", "web")
    done = found["status"].get("availableReplicas") == count and is_true(found, "Available")
    return found["status"] if done else None


async def test_a_new_template_rolls_out_without_losing_availability() -> None:
    """At every change, at least replicas - 25 % pods are ready; at the end all are of the new template."""
    async with serve() as server:
        store = server.store
        node(store, "n1")
        store.create(DEPLOYMENTS, "default", deployment(replicas=4))
        await until(lambda: len(ready(store)) == 4)
        fewest: list[int] = []
        store.listen(PODS.key, lambda change: fewest.append(len(ready(store))))
        old = {pod["metadata"]["name"] for pod in pods(store)}

        def renewed(obj: JSON) -> JSON:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = "two"
            return obj

        store.update(DEPLOYMENTS, "default", "web", renewed)
        await until(lambda: len(ready(store)) == 4 and not old & {pod["metadata"]["name"] for pod in pods(store)})
        assert min(fewest) >= 3
        assert {pod["spec"]["containers"][0]["image"] for pod in pods(store)} == {"two"}


@pytest.mark.parametrize(
    ("value", "replicas", "up", "wanted"),
    [(2, 10, True, 2), ("25%", 3, True, 1), ("25%", 3, False, 0), ("0%", 5, True, 0), ("x", 4, True, 1)],
)
def test_shares(value: Any, replicas: int, up: bool, wanted: int) -> None:
    """maxSurge is rounded up, maxUnavailable down."""
    assert share(value, replicas, up=up) == wanted


def test_recreate_waits_until_the_old_pods_are_gone() -> None:
    """No pod of two templates at a time, the ending ones included."""
    body = deployment(replicas=1)
    body["spec"]["strategy"] = {"type": "Recreate"}
    old: JSON = {
        "metadata": {"name": "old", "labels": {"pod-template-hash": "other"}},
        "spec": {},
        "status": {"phase": "Running"},
    }
    assert plan(body, [old]) == Plan(0, ("old",))
    old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert plan(body, [old]) == Plan(0, ())
    assert plan(body, []) == Plan(1, ())


async def test_pods_wait_for_a_node_that_fits() -> None:
    """No node, a cordoned one, one without the label: Pending; then it is placed."""
    async with serve() as server:
        store = server.store
        store.create(DEPLOYMENTS, "default", deployment(replicas=1, nodeSelector={"disk": "ssd"}))
        await until(lambda: len(pods(store)) == 1)
        node(store, "plain")
        node(store, "cordoned", disk="ssd")
        store.update(NODES, "", "cordoned", lambda old: {**old, "spec": {"unschedulable": True}})
        await asyncio.sleep(0.1)
        assert "nodeName" not in pods(store)[0]["spec"]
        node(store, "fits", disk="ssd")
        await until(lambda: ready(store))
        assert pods(store)[0]["spec"]["nodeName"] == "fits"


async def test_slices_follow_service_and_pods() -> None:
    """Named ports, conditions, node, target; one slice a family; gone with the Service."""
    async with serve() as server:
        store = server.store
        node(store, "n1")
        store.create(DEPLOYMENTS, "default", deployment(replicas=2))
        ports = [{"name": "web", "port": 80, "targetPort": "http"}]
        body = {
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": ports, "ipFamilyPolicy": "PreferDualStack"},
        }
        store.create(SERVICES, "default", body)
        await until(lambda: len(endpoints(store)) == 2)
        four, six = sorted(store.objects(SLICES), key=lambda s: str(s["addressType"]))
        assert (four["addressType"], six["addressType"], six["endpoints"]) == ("IPv4", "IPv6", [])
        assert four["ports"] == [{"name": "web", "protocol": "TCP", "port": 8080}]
        one = four["endpoints"][0]
        assert one["conditions"] == {"ready": True, "serving": True, "terminating": False}
        assert (one["nodeName"], one["targetRef"]["kind"]) == ("n1", "Pod")
        store.update(
            SERVICES, "default", "web", lambda old: {**old, "spec": {**old["spec"], "selector": {"app": "no"}}}
        )
        await until(lambda: endpoints(store) == [])
        store.update(
            SERVICES, "default", "web", lambda old: {**old, "spec": {**old["spec"], "selector": {"app": "web"}}}
        )
        await until(lambda: len(endpoints(store)) == 2)
        store.delete(SERVICES, "default", "web")
        assert store.objects(SLICES) == []


async def test_pods_that_resolve_a_named_port_differently_stand_in_slices_of_their_own() -> None:
    """As the real controller does it."""
    async with serve() as server:
        store = server.store
        node(store, "n1")
        for name, number in (("a", 8080), ("b", 9090)):
            body = deployment(name, 1)
            body["spec"]["template"]["metadata"]["labels"]["group"] = "g"
            body["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = number
            store.create(DEPLOYMENTS, "default", body)
        ports = [{"port": 80, "targetPort": "http"}]
        store.create(
            SERVICES, "default", {"metadata": {"name": "web"}, "spec": {"selector": {"group": "g"}, "ports": ports}}
        )
        await until(lambda: len(endpoints(store)) == 2)
        assert sorted(s["ports"][0]["port"] for s in store.objects(SLICES)) == [8080, 9090]


def external(**more: Any) -> Options:
    """Options of a server whose kubelets are outside."""
    return Options(kubelet=EXTERNAL, node_grace=0.3, **more)


def running(pod: JSON) -> JSON:
    """A pod's status as a kubelet writes it."""
    conditions = [{"type": kind, "status": "True"} for kind in ("ContainersReady", "Ready")]
    return {**pod, "status": {"phase": "Running", "podIP": "10.244.1.2", "conditions": conditions}}


def renew(store: Store, name: str) -> None:
    """A node's heartbeat."""
    spec = {"holderIdentity": name, "renewTime": datetime.now(timezone.utc).isoformat()}
    if store.find(LEASES, "kube-node-lease", name) is None:
        store.create(LEASES, "kube-node-lease", {"metadata": {"name": name}, "spec": spec})
    else:
        store.update(LEASES, "kube-node-lease", name, lambda old: {**old, "spec": spec})


async def test_with_an_external_kubelet_a_pod_is_placed_and_no_more() -> None:
    """Its status is the kubelet's; a deleted pod ends in slices as terminating, and goes when the kubelet says so."""
    async with serve(external(pod_grace=60.0)) as server:
        store = server.store
        node(store, "n1")
        store.create(DEPLOYMENTS, "default", deployment(replicas=1))
        store.create(
            SERVICES,
            "default",
            {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}},
        )
        pod = await until(lambda: next((p for p in pods(store) if p["spec"].get("nodeName")), None))
        await asyncio.sleep(0.05)
        assert store.get(PODS, "default", pod["metadata"]["name"])["status"] == {"phase": "Pending"}
        store.update(PODS, "default", pod["metadata"]["name"], running, subresource="status")
        await until(lambda: [e["conditions"]["ready"] for e in endpoints(store)] == [True])
        store.delete(PODS, "default", pod["metadata"]["name"])
        wanted = {"ready": False, "serving": True, "terminating": True}
        await until(lambda: wanted in [e["conditions"] for e in endpoints(store)])
        store.delete(PODS, "default", pod["metadata"]["name"], grace=0)
        assert store.find(PODS, "default", pod["metadata"]["name"]) is None


async def test_a_pod_that_no_kubelet_ends_goes_after_its_grace() -> None:
    """So that a dead node holds no namespace."""
    async with serve(external(pod_grace=0.2)) as server:
        store = server.store
        node(store, "n1")
        store.create(DEPLOYMENTS, "default", deployment(replicas=1))
        name = (await until(lambda: next((p for p in pods(store) if p["spec"].get("nodeName")), None)))["metadata"][
            "name"
        ]
        store.delete(DEPLOYMENTS, "default", "web")
        assert "deletionTimestamp" in store.get(PODS, "default", name)["metadata"]
        await until(lambda: store.find(PODS, "default", name) is None)


async def test_a_node_whose_lease_runs_out_is_not_ready_nor_are_its_pods() -> None:
    """Ready becomes Unknown, the pods' Ready False, their endpoints not ready; a renewal brings all of it back."""
    async with serve(external()) as server:
        store = server.store
        node(store, "n1")
        renew(store, "n1")
        store.create(DEPLOYMENTS, "default", deployment(replicas=1))
        store.create(
            SERVICES,
            "default",
            {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}},
        )
        pod = await until(lambda: next((p for p in pods(store) if p["spec"].get("nodeName")), None))
        store.update(PODS, "default", pod["metadata"]["name"], running, subresource="status")
        await until(lambda: [e["conditions"]["ready"] for e in endpoints(store)] == [True])

        def state() -> str:
            return str((condition(store.get(NODES, "", "n1"), "Ready") or {})["status"])

        await until(lambda: state() == "Unknown")
        await until(lambda: [e["conditions"]["ready"] for e in endpoints(store)] == [False])
        renew(store, "n1")
        await until(lambda: state() == "True")
        await until(lambda: [e["conditions"]["ready"] for e in endpoints(store)] == [True])


async def test_a_node_that_is_renewed_stays_ready() -> None:
    """Over several graces."""
    async with serve(external()) as server:
        node(server.store, "n1")
        changes: list[str] = []
        renew(server.store, "n1")
        await asyncio.sleep(0.05)
        server.store.listen(NODES.key, lambda change: changes.append(change.type))
        for _ in range(10):
            renew(server.store, "n1")
            await asyncio.sleep(0.1)
        assert changes == []


async def test_the_service_of_the_api_itself_is_there() -> None:
    """default/kubernetes, at the first address of the service network."""
    async with serve(Options(service_networks=("10.152.183.0/24",))) as server:
        assert server.store.get(SERVICES, "default", "kubernetes")["spec"]["clusterIP"] == "10.152.183.1"
