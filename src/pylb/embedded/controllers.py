"""The loop that keeps what a cluster's controllers, scheduler and (if asked) kubelets keep.

It notes which objects a change may concern and works them off at once; all decisions are in `workloads` and
`endpoints`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pylb.embedded import endpoints, resources, workloads
from pylb.embedded.errors import JSON, ApiError
from pylb.embedded.history import DELETED, Change
from pylb.embedded.http import wait_set
from pylb.embedded.metadata import seconds
from pylb.embedded.resources import DEPLOYMENTS, LEASES, NODES, PODS, SERVICES, SLICES
from pylb.embedded.selectors import labels
from pylb.embedded.store import Store

NODE_LEASES = "kube-node-lease"
MIN_TICK_S, MAX_TICK_S = 0.05, 1.0  # how often Leases and ending pods are looked at
BURST = 50  # objects worked off before requests get their turn
MAX_FAILURES = 100  # refused writes that are kept for whoever asks

Item = tuple[str, str, str]  # what to look at, namespace, name


@dataclass(frozen=True, slots=True)
class Settings:
    """`instant`: placed pods run at once. Times are seconds."""

    instant: bool
    node_grace: float
    pod_grace: float
    pod_networks: tuple[str, ...]


class Controllers:
    """The controllers of one store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.failures: list[str] = []
        self._dirty: dict[Item, None] = {}  # a set that keeps its order
        self._heard: dict[str, float] = {}  # node -> when its Lease was last seen to change
        self._ending: dict[tuple[str, str], float] = {}  # pod -> when it goes at the latest
        self._wake = asyncio.Event()
        self._work: dict[str, Callable[[str, str], None]] = {
            "pod": self._pod,
            "deployment": self._deployment,
            "service": self._service,
            "node": self._node,
            "unplaced": self._unplaced,
        }
        for service in store.objects(SERVICES):
            self._mark("service", service)
        store.listen(None, self._on_change)

    def _mark(self, what: str, obj: JSON) -> None:
        self._dirty[what, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]] = None
        self._wake.set()

    def _on_change(self, change: Change) -> None:
        handlers = {PODS.key: self._pod_changed, LEASES.key: self._lease_changed, SLICES.key: self._slice_changed}
        names = {DEPLOYMENTS.key: "deployment", SERVICES.key: "service", NODES.key: "node"}
        if change.resource in handlers:
            handlers[change.resource](change)
        elif change.resource in names:
            self._mark(names[change.resource], change.new)

    def _pod_changed(self, change: Change) -> None:
        self._mark("pod", change.new)
        for owner in change.new["metadata"].get("ownerReferences") or ():
            if owner.get("kind") == "Deployment":
                self._dirty["deployment", change.new["metadata"]["namespace"], owner.get("name", "")] = None
        for service in self.store.objects(SERVICES, change.new["metadata"]["namespace"]):
            chosen = (service["spec"].get("selector") or {}).items()
            seen = [obj["metadata"].get("labels") or {} for obj in (change.old, change.new) if obj]
            if chosen and any(chosen <= found.items() for found in seen):
                self._mark("service", service)

    def _lease_changed(self, change: Change) -> None:
        meta = change.new["metadata"]
        if meta["namespace"] != NODE_LEASES or change.type == DELETED:
            return
        renewed = [seconds(((obj or {}).get("spec") or {}).get("renewTime")) for obj in (change.old, change.new)]
        if renewed[0] != renewed[1] or meta["name"] not in self._heard:
            self._heard[meta["name"]] = self.store.clock()
            self._dirty["node", "", meta["name"]] = None
            self._wake.set()

    def _slice_changed(self, change: Change) -> None:
        found = change.new["metadata"].get("labels") or {}
        if found.get(endpoints.MANAGED_BY) == endpoints.MANAGER:
            service = found.get(endpoints.SERVICE_NAME, "")
            self._dirty["service", change.new["metadata"]["namespace"], service] = None
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        tick = min(MAX_TICK_S, max(MIN_TICK_S, self.settings.node_grace / 10))
        next_look = 0.0
        while True:
            self._work_off(BURST)
            if self._dirty:
                await asyncio.sleep(0)
                continue
            self._wake.clear()
            await wait_set(self._wake, tick)
            if self.store.clock() >= next_look:
                next_look = self.store.clock() + tick
                self._look_at_times()

    def _work_off(self, count: int) -> None:
        for _ in range(count):
            if not self._dirty:
                return
            item = next(iter(self._dirty))
            del self._dirty[item]
            self._attempt(self._work[item[0]], *item[1:])

    def _attempt(self, work: Callable[[str, str], None], namespace: str, name: str) -> None:
        try:
            work(namespace, name)
        except ApiError as error:  # it went in between, or its namespace goes
            self.failures = [*self.failures, f"{namespace}/{name}: {error}"][-MAX_FAILURES:]

    # pods

    def _pod(self, namespace: str, name: str) -> None:
        pod = self.store.find(PODS, namespace, name)
        if pod is None:
            self._ending.pop((namespace, name), None)
            return
        if "deletionTimestamp" in pod["metadata"]:
            self._ending.setdefault((namespace, name), self.store.clock() + self.settings.pod_grace)
        elif not pod["spec"].get("nodeName"):
            self._place(pod)
        elif self.settings.instant and (pod.get("status") or {}).get("phase") == "Pending":
            self._start(pod)

    def _place(self, pod: JSON) -> None:
        node = workloads.choose_node(pod, self.store.objects(NODES), self.store.objects(PODS))
        if node is not None:
            self._change(PODS, pod, lambda obj: {**obj, "spec": {**obj["spec"], "nodeName": node}})

    def _start(self, pod: JSON) -> None:
        node = self.store.find(NODES, "", pod["spec"]["nodeName"])
        if node is None:
            return
        taken = {str((p.get("status") or {}).get("podIP")) for p in self.store.objects(PODS)}
        address = workloads.pod_address(node, pod, self.settings.pod_networks, taken)
        self._set_status(PODS, pod, workloads.running_status(pod, address, self.store.clock()))

    def _unplaced(self, namespace: str, name: str) -> None:
        for pod in self.store.objects(PODS):
            if not pod["spec"].get("nodeName") or (pod.get("status") or {}).get("phase") == "Pending":
                self._mark("pod", pod)

    def _change(self, resource: resources.Resource, obj: JSON, change: Callable[[JSON], JSON]) -> None:
        meta = obj["metadata"]
        self.store.update(resource, meta.get("namespace", ""), meta["name"], change)

    def _set_status(self, resource: resources.Resource, obj: JSON, status: JSON) -> None:
        meta = obj["metadata"]
        change = {"status": status}
        namespace = meta.get("namespace", "")
        self.store.update(resource, namespace, meta["name"], lambda old: {**old, **change}, subresource="status")

    # deployments

    def _deployment(self, namespace: str, name: str) -> None:
        deployment = self.store.find(DEPLOYMENTS, namespace, name)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return
        step = workloads.plan(deployment, self._pods_of(deployment))
        for gone in step.delete:
            self.store.delete(PODS, namespace, gone)
        for _ in range(step.create):
            self.store.create(PODS, namespace, workloads.new_pod(deployment))
        status = workloads.deployment_status(deployment, self._pods_of(deployment), self.store.clock())
        self._set_status(DEPLOYMENTS, deployment, status)

    def _pods_of(self, deployment: JSON) -> list[JSON]:
        uid = deployment["metadata"]["uid"]
        pods = self.store.objects(PODS, deployment["metadata"]["namespace"])
        return [pod for pod in pods if workloads.controller_uid(pod) == uid]

    # services

    def _service(self, namespace: str, name: str) -> None:
        service = self.store.find(SERVICES, namespace, name)
        if service is None or "deletionTimestamp" in service["metadata"]:
            return
        wanted = {s["metadata"]["name"]: s for s in endpoints.slices(service, self.store.objects(PODS, namespace))}
        match = labels(f"{endpoints.SERVICE_NAME}={name},{endpoints.MANAGED_BY}={endpoints.MANAGER}")
        present = [s for s in self.store.objects(SLICES, namespace) if match(s["metadata"].get("labels") or {})]
        for key, new in wanted.items():
            if self.store.find(SLICES, namespace, key) is None:
                self.store.create(SLICES, namespace, new)
            else:
                self.store.update(SLICES, namespace, key, lambda old, new=new: _renewed(old, new))  # type: ignore[misc]
        for old in present:
            if old["metadata"]["name"] not in wanted:
                self.store.delete(SLICES, namespace, old["metadata"]["name"])

    # nodes

    def _node(self, namespace: str, name: str) -> None:
        node = self.store.find(NODES, "", name)
        if node is None:
            self._heard.pop(name, None)
            return
        heard = self._heard.get(name)
        alive = heard is None or self.store.clock() - heard <= self.settings.node_grace
        now = self.store.clock()
        if self.settings.instant and workloads.condition(node, "Ready") is None:
            status = dict(node.get("status") or {})
            workloads.set_condition(status, {"type": "Ready", "status": "True", "reason": "KubeletReady"}, now)
            self._set_status(NODES, node, status)
            return
        if heard is not None and (changed := workloads.node_status(node, alive=alive, now=now)) is not None:
            self._set_status(NODES, node, changed)
            return  # the change brings us here again
        if workloads.is_ready_node(node):
            self._dirty["unplaced", "", ""] = None
        self._pods_on(node)

    def _pods_on(self, node: JSON) -> None:
        alive = workloads.is_ready_node(node)
        for pod in self.store.objects(PODS):
            if pod["spec"].get("nodeName") == node["metadata"]["name"]:
                status = workloads.pod_status_on(pod, alive=alive, now=self.store.clock())
                if status is not None:
                    self._set_status(PODS, pod, status)

    def _look_at_times(self) -> None:
        """What only time brings: Leases run out, pods that nobody ends go."""
        now = self.store.clock()
        for name, heard in self._heard.items():
            if now - heard > self.settings.node_grace:
                self._dirty["node", "", name] = None
        for (namespace, name), end in [*self._ending.items()]:
            if now >= end and self.store.find(PODS, namespace, name) is not None:
                self._attempt(self._finish_pod, namespace, name)

    def _finish_pod(self, namespace: str, name: str) -> None:
        self._ending.pop((namespace, name), None)
        self.store.delete(PODS, namespace, name, grace=0)


def _renewed(old: JSON, new: JSON) -> JSON:
    """A slice with new endpoints, under its old identity."""
    meta = {**old["metadata"], "labels": new["metadata"]["labels"]}
    return {**old, **{k: v for k, v in new.items() if k != "metadata"}, "metadata": meta}
