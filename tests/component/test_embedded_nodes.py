"""What the embedded API server makes of pods and nodes: slices, an external kubelet, Leases that run out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from pylb.embedded.errors import JSON
from pylb.embedded.resources import DEPLOYMENTS, LEASES, NODES, PODS, SERVICES, SLICES
from pylb.embedded.server import EXTERNAL, Options, serve
from pylb.embedded.store import Store
from pylb.embedded.workloads import condition, is_true

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
