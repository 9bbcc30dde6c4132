"""The fake controllers of the embedded API server: Deployments, the scheduler, the instant kubelet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from pylb.embedded.errors import JSON
from pylb.embedded.resources import DEPLOYMENTS, NODES, PODS, SERVICES, SLICES
from pylb.embedded.server import Options, serve
from pylb.embedded.store import Store
from pylb.embedded.workloads import Plan, is_true, plan, share, template_hash

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


async def test_the_service_of_the_api_itself_is_there() -> None:
    """default/kubernetes, at the first address of the service network."""
    async with serve(Options(service_networks=("10.152.183.0/24",))) as server:
        assert server.store.get(SERVICES, "default", "kubernetes")["spec"]["clusterIP"] == "10.152.183.1"
