"""The Kubernetes objects that a lab's cluster has from the start. Pure; JSON out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pylb.core import history, places
from pylb.core.crds import table as crds
from pylb.lab.plan import Host, Plan
from pylb.lab.podspec import OURS, conditions

NAMESPACE = places.OWN_NAMESPACE  # where our pods live
NAMESPACES = places.NAMESPACES
LEASES = "kube-node-lease"
LEASE_SECONDS = 3  # a node whose Lease is older is not ready
KEY_SECRET, KEY_FIELD = "pylb-speakers", "secretkey"
TOKEN_SECRET, TOKEN_FIELD = "pylb-reader", "token"
CONTROL_PLANE = "control-plane"  # where the controller runs; no node of the LAN

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """An object, and the collection that it is created in."""

    collection: str
    body: JSON


def stamp(when: datetime) -> str:
    """RFC 3339, whole seconds, as Kubernetes writes times."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(when: datetime) -> str:
    """RFC 3339 with microseconds, as a Lease has it."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def first(plan: Plan, secrets: Mapping[str, tuple[str, bytes]], now: datetime) -> list[list[Item]]:
    """What to create, in rounds: a round needs those before it. `secrets` maps names to a field and its content."""
    return [
        [Item("/api/v1/namespaces", _object("v1", "Namespace", name)) for name in NAMESPACES],
        [
            *(Item("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body) for body in crds.definitions()),
            *(Item("/api/v1/nodes", node(host, now)) for host in plan.nodes.values()),
            Item(f"/api/v1/namespaces/{NAMESPACE}/configmaps", _object("v1", "ConfigMap", history.NAME, NAMESPACE)),
            *(_secret(name, field, content) for name, (field, content) in secrets.items()),
        ],
        [lease(name, now) for name in plan.nodes],
    ]


def node(host: Host, now: datetime) -> JSON:
    """A Node that is ready."""
    labels = {"kubernetes.io/hostname": host.name, "kubernetes.io/os": "linux"}
    return {
        **_object("v1", "Node", host.name, labels=labels),
        "spec": {"podCIDR": str(host.pods), "podCIDRs": [str(host.pods)]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": str(host.lan)},
                {"type": "Hostname", "address": host.name},
            ],
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "the lab's kubelet is posting ready status",
                    "lastTransitionTime": stamp(now),
                    "lastHeartbeatTime": stamp(now),
                }
            ],
            "nodeInfo": {"kubeletVersion": "lab", "operatingSystem": "linux"},
        },
    }


def lease(name: str, now: datetime) -> Item:
    """A node's Lease."""
    spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": micro_stamp(now)}
    body = _object("coordination.k8s.io/v1", "Lease", name, LEASES)
    return Item(f"/apis/coordination.k8s.io/v1/namespaces/{LEASES}/leases", {**body, "spec": spec})


def pod(component: str, where: str, name: str, port: int) -> Item:
    """The Pod that stands for a process of pylb: in the host's network, not the kubelet's business."""
    labels = {"app.kubernetes.io/name": "pylb", "app.kubernetes.io/component": component}
    body = _object("v1", "Pod", name, NAMESPACE, labels)
    body["metadata"]["annotations"] = {OURS: name}
    container = {"name": component, "image": "pylb", "ports": [{"name": "http", "containerPort": port}]}
    spec = {"nodeName": where, "hostNetwork": True, "containers": [container]}
    return Item(f"/api/v1/namespaces/{NAMESPACE}/pods", {**body, "spec": spec})


def pod_status(component: str, address: str, host: str, ready: bool, now: datetime) -> JSON:
    """The status of such a Pod."""
    since = stamp(now)
    state = {"running": {"startedAt": since}} if ready else {"terminated": {"exitCode": 0, "finishedAt": since}}
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": host,
        "startTime": since,
        "conditions": conditions(ready, since),
        "containerStatuses": [
            {
                "name": component,
                "image": "pylb",
                "imageID": "pylb",
                "ready": ready,
                "started": ready,
                "restartCount": 0,
                "state": state,
            }
        ],
    }


def kubeconfig(server: str, certificate: bytes, token: str) -> JSON:
    """A kubeconfig that trusts this certificate alone."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "pylb-lab",
        "clusters": [
            {"name": "pylb-lab", "cluster": {"server": server, "certificate-authority-data": _base64(certificate)}}
        ],
        "users": [{"name": "pylb-lab", "user": {"token": token}}],
        "contexts": [{"name": "pylb-lab", "context": {"cluster": "pylb-lab", "user": "pylb-lab"}}],
    }


def _secret(name: str, field: str, content: bytes) -> Item:
    body = {**_object("v1", "Secret", name, NAMESPACE), "type": "Opaque", "data": {field: _base64(content)}}
    return Item(f"/api/v1/namespaces/{NAMESPACE}/secrets", body)


def _object(version: str, kind: str, name: str, namespace: str = "", labels: Mapping[str, str] | None = None) -> JSON:
    metadata: JSON = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
