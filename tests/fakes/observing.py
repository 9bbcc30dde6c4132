"""A cluster on which MetalLB's observed cases are played again: what is done to it, and what is said then.

Each scenario has a namespace of its own, which is called `default` in what is said, as where MetalLB was observed.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping
from typing import Any

from fakes.cluster import JSON, Call, advertisement, pool, service, until
from fakes.lan import Lan

V4, V6 = "10.77.0.100-10.77.0.110", "fd77::100-fd77::110"
METALLB = "/apis/metallb.io/v1beta1/namespaces/metallb-system"
STATUSES = "/apis/metallb.io/v1beta1/servicel2statuses"
OF_SERVICE = "kubernetes.io/service-name"
EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers"
PIN, SHARE, POOL = (f"metallb.io/{name}" for name in ("loadBalancerIPs", "allow-shared-ip", "address-pool"))
LISTS = {
    "events": "/api/v1/events",
    "serviceL2Statuses": STATUSES,
    "ipAddressPools": "/apis/metallb.io/v1beta1/ipaddresspools",
    "configurationStates": "/apis/metallb.io/v1beta1/configurationstates",
}
OTHERS = {"DaemonSet", "Deployment", "Lease", "Namespace", "Node", "Pod", "ReplicaSet"}  # Kubernetes' own talk
REPAIR = (
    "ipallocator-repair-controller"  # the API server's: looks every few minutes, and complains of what is just made
)
NUMBERS = itertools.count(1)  # of scenarios
BELIEVED_S = 0.5  # until the speakers, too, believe that what vanished is gone: they do not tell
BACK_S = 30.0  # until everything is as it was before a scenario


class Stage:
    """A cluster on which scenarios are played."""

    def __init__(self, lan: Lan) -> None:
        self.lan = lan
        self.began = ""  # RFC 3339, UTC; whoever needs it sets it
        self.namespace = ""
        self._watched_from = ""

    @property
    def services(self) -> str:
        """Where its Services are."""
        return f"/api/v1/namespaces/{self.namespace}/services"

    @property
    def slices(self) -> str:
        return f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices"

    def reset(self) -> None:
        """A new namespace, no configuration, no Event; pylb has noticed."""
        lan = self.lan
        self.end()
        self.namespace = f"scenario-{next(NUMBERS)}"
        lan.create({"kind": "Namespace", "metadata": {"name": self.namespace}})
        self.forget_events()
        self._watched_from = ""

    def end(self) -> None:
        """Nothing is left of the scenario but its namespace, which begins to go."""
        lan = self.lan
        if self.namespace:
            for item in lan.get(self.services)["items"]:
                self.delete(f"{self.services}/{item['metadata']['name']}")
        until("no address is given", lambda: not lan.state("controller")["allocations"], BACK_S)
        until("nothing is announced", lambda: not lan.get(STATUSES)["items"], BACK_S)
        for kind in ("ipaddresspools", "l2advertisements"):
            lan.do(Call("delete", f"{METALLB}/{kind}"))
        until("no pool is known", lambda: not lan.state("controller")["config"]["pools"], BACK_S)
        time.sleep(BELIEVED_S)
        if self.namespace:
            self.delete(f"/api/v1/namespaces/{self.namespace}")
            self.namespace = ""

    def told(self) -> dict[str, list[JSON]]:
        """All that is said of what is looked at, as the observed cases list it."""
        lists = {kind: list(self.lan.get(path)["items"]) for kind, path in LISTS.items()}
        lists["services"] = list(self.lan.get(self.services)["items"])
        places = (self.namespace, "metallb-system", "pylb-system")
        lists["events"] = [
            item
            for item in lists["events"]
            if item["involvedObject"]["kind"] not in OTHERS
            and item.get("reportingComponent") != REPAIR
            and item["metadata"]["namespace"] in places
        ]
        return self._as_default(lists)

    def _as_default(self, told: Any) -> Any:
        return json.loads(json.dumps(told).replace(self.namespace, "default"))

    def watch(self) -> None:
        """From now on, changes of Services are looked at."""
        self._watched_from = self.lan.get(self.services)["metadata"]["resourceVersion"]

    def watched(self) -> list[JSON]:
        """The changes since then; an API server repeats them to whoever asks later."""
        query = f"watch=true&resourceVersion={self._watched_from}&timeoutSeconds=1"
        events = map(json.loads, self.lan.text(f"{self.services}?{query}").splitlines())
        return [
            {
                "type": event["type"],
                "annotations": event["object"]["metadata"].get("annotations"),
                "ingress": event["object"]["status"]["loadBalancer"].get("ingress"),
            }
            for event in events
        ]

    def forget_events(self) -> None:
        """Delete all Events about what is looked at."""
        for namespace in (self.namespace, "metallb-system", "pylb-system"):
            self.lan.do(Call("delete", f"/api/v1/namespaces/{namespace}/events"))

    def standard(self, **spec: Any) -> None:
        """The pool `p` and its advertisement `l2`."""
        self.pool("p", V4, **spec)
        self.advertise()
        self.known("p")

    def pool(self, name: str, *addresses: str, remember: bool = False, **spec: Any) -> None:
        """An IPAddressPool; as with MetalLB it remembers nobody unless told so."""
        self.lan.create(pool(name, *addresses, remember=remember, **spec))

    def advertise(self, name: str = "l2", of: str = "p", **spec: Any) -> None:
        self.lan.create(advertisement(name, ipAddressPools=[of], **spec))

    def known(self, *pools: str) -> None:
        """Wait until the controller knows these pools and no others."""
        until("pools", lambda: self.lan.state("controller")["config"]["pools"] == sorted(pools))

    def service(
        self,
        name: str,
        *ports: int,
        annotations: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        on: tuple[int, ...] = (1, 2, 3),
        **spec: Any,
    ) -> None:
        """A Service, and before it an endpoint on each of these nodes."""
        if on:
            self.endpoints(name, on)
        body = service(f"{self.namespace}/{name}", *ports, annotations=annotations, **spec)
        del body["spec"]["selector"]
        body["metadata"]["labels"] = dict(labels or {})
        self.lan.create(body)

    def endpoints(self, name: str, nodes: tuple[int, ...]) -> None:
        """Ready endpoints of a Service on these nodes; nobody listens there."""
        ends = [
            {"addresses": [f"10.244.{node}.2"], "conditions": {"ready": True}, "nodeName": f"n{node}"} for node in nodes
        ]
        meta = {"name": f"{name}-1", "namespace": self.namespace, "labels": {OF_SERVICE: name}}
        ports = [{"name": "p80", "port": 8080, "protocol": "TCP"}]
        body = {"metadata": meta, "addressType": "IPv4", "endpoints": ends, "ports": ports}
        self.lan.do(Call("post", self.slices, body))

    def announced(self, name: str) -> None:
        """Wait until all is said of a Service that has its address."""
        until("nodeAssigned", lambda: any(one.reason == "nodeAssigned" for one in self.lan.told(self.namespace, name)))
        until("a status", lambda: self.lan.get(STATUSES)["items"])

    def delete(self, path: str) -> None:
        self.lan.do(Call("delete", path))

    def exclude(self, node: str, excluded: bool) -> None:
        """Label a node so that it announces nothing, or take the label away."""
        labels = {EXCLUDE: "" if excluded else None}
        self.lan.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": labels}})

    def include_all(self) -> None:
        """Take the label away from all nodes that have it."""
        for item in self.lan.get("/api/v1/nodes")["items"]:
            if EXCLUDE in (item["metadata"].get("labels") or {}):
                self.exclude(item["metadata"]["name"], False)

    def drop(self, name: str) -> None:
        """Delete a Service."""
        self.delete(f"{self.services}/{name}")

    def addresses(self, name: str) -> list[str]:
        """What a Service has."""
        return self.lan.addresses(f"{self.namespace}/{name}")

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        self.lan.patch(f"{self.services}/{name}", {"metadata": {"annotations": annotations}})
