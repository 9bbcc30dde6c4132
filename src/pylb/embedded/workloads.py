"""What the controllers of a cluster decide about Deployments, pods and nodes: pure functions over objects and time."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from pylb.embedded.errors import JSON
from pylb.embedded.metadata import SUFFIX_LETTERS, timestamp

HASH_LENGTH = 10
HASH_LABEL = "pod-template-hash"
MAX_PODS_PER_STEP = 500  # pods of one Deployment that are created at a time
FINISHED = ("Succeeded", "Failed")


def digest(value: Any, length: int) -> str:
    """A short name of a JSON value, in the letters of generated names."""
    raw = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return "".join(SUFFIX_LETTERS[byte % len(SUFFIX_LETTERS)] for byte in raw[:length])


def condition(obj: JSON, kind: str) -> JSON | None:
    """A condition of an object's status."""
    found = (c for c in (obj.get("status") or {}).get("conditions") or () if c.get("type") == kind)
    return next(found, None)


def is_true(obj: JSON, kind: str) -> bool:
    """Whether a condition is True."""
    return (condition(obj, kind) or {}).get("status") == "True"


def is_live(pod: JSON) -> bool:
    """Whether a pod counts: neither finished nor being deleted."""
    return "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") not in FINISHED


def set_condition(status: JSON, wanted: JSON, now: float) -> None:
    """Put a condition into a status, in place; its time changes only with its status."""
    conditions = [dict(c) for c in status.get("conditions") or ()]
    old = next((c for c in conditions if c.get("type") == wanted["type"]), None)
    same = old is not None and old.get("status") == wanted["status"]
    since = old.get("lastTransitionTime") if old is not None and same else timestamp(now)
    new = {**wanted, "lastTransitionTime": since or timestamp(now)}
    status["conditions"] = [new if c is old else c for c in conditions] + ([] if old is not None else [new])


# Deployments


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for a Deployment next: how many pods to create, and the names of those to delete."""

    create: int
    delete: tuple[str, ...]


def share(value: Any, replicas: int, *, up: bool) -> int:
    """A number, or a percentage of the replicas, as maxSurge (rounded up) and maxUnavailable (down) say it."""
    if isinstance(value, int):
        return max(0, value)
    text = str(value).rstrip("%")
    percent = int(text) if text.isascii() and text.isdigit() else 25
    return -(-replicas * percent // 100) if up else replicas * percent // 100


def _limits(deployment: JSON) -> tuple[int, int]:
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    replicas = deployment["spec"].get("replicas", 1)
    surge = share(rolling.get("maxSurge", "25%"), replicas, up=True)
    missing = share(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    return surge, missing if surge or missing else 1


def template_hash(deployment: JSON) -> str:
    """The name of a Deployment's present template."""
    return digest(deployment["spec"]["template"], HASH_LENGTH)


def _of_template(pods: Sequence[JSON], name: str) -> list[JSON]:
    return [p for p in pods if (p["metadata"].get("labels") or {}).get(HASH_LABEL) == name]


def plan(deployment: JSON, pods: Sequence[JSON]) -> Plan:
    """The next step of a Deployment with these pods, those of older templates included."""
    spec = deployment["spec"]
    replicas = spec.get("replicas", 1)
    live = [pod for pod in pods if is_live(pod)]
    current = _of_template(live, template_hash(deployment))
    old = [pod for pod in live if pod not in current]
    if (spec.get("strategy") or {}).get("type") == "Recreate" and len(current) < len(pods):
        ending = [pod for pod in pods if pod not in current and (pod.get("status") or {}).get("phase") not in FINISHED]
        if ending:
            return Plan(0, _names(old))
    surge, missing = _limits(deployment)
    create = min(replicas - len(current), replicas + surge - len(live))
    spare = sum(is_true(pod, "Ready") for pod in live) - (replicas - missing)
    gone: list[JSON] = []
    for pod in sorted(old, key=lambda p: is_true(p, "Ready")):
        if not is_true(pod, "Ready"):
            gone.append(pod)
        elif spare > 0:
            spare -= 1
            gone.append(pod)
    extra = sorted(current, key=lambda p: is_true(p, "Ready"))[: max(0, len(current) - replicas)]
    return Plan(max(0, min(create, MAX_PODS_PER_STEP)), _names([*gone, *extra]))


def _names(pods: Sequence[JSON]) -> tuple[str, ...]:
    return tuple(pod["metadata"]["name"] for pod in pods)


def owner_of(obj: JSON) -> JSON:
    """The owner reference by which a controller's object is held."""
    meta = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_uid(obj: JSON) -> str:
    """The uid of the controller that an object belongs to; empty if none."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((str(o.get("uid")) for o in owners if o.get("controller")), "")


def new_pod(deployment: JSON) -> JSON:
    """A pod of a Deployment's template; its name is generated."""
    template = copy.deepcopy(deployment["spec"]["template"])
    name = template_hash(deployment)
    meta = template.get("metadata") or {}
    return {
        "metadata": {
            "generateName": f"{deployment['metadata']['name']}-{name}-",
            "labels": {**(meta.get("labels") or {}), HASH_LABEL: name},
            "annotations": meta.get("annotations") or {},
            "ownerReferences": [owner_of(deployment)],
        },
        "spec": template["spec"],
    }


def deployment_status(deployment: JSON, pods: Sequence[JSON], now: float) -> JSON:
    """The status of a Deployment, as `kubectl rollout status` and `wait` read it."""
    live = [pod for pod in pods if is_live(pod)]
    current = _of_template(live, template_hash(deployment))
    ready = sum(is_true(pod, "Ready") for pod in live)
    replicas = deployment["spec"].get("replicas", 1)
    counts = {
        "replicas": len(live),
        "updatedReplicas": len(current),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, replicas - ready),
    }
    old = deployment.get("status") or {}
    status: JSON = {"observedGeneration": deployment["metadata"].get("generation", 1), **counts}
    status["conditions"] = old.get("conditions") or []
    enough = ready >= replicas - _limits(deployment)[1]
    complete = len(current) == len(live) == replicas == ready
    told = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    text = f"Deployment {'has' if enough else 'does not have'} minimum availability."
    set_condition(status, {"type": "Available", "status": str(enough), "reason": told, "message": text}, now)
    told = "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated"
    set_condition(status, {"type": "Progressing", "status": "True", "reason": told, "message": ""}, now)
    return status


# pods and nodes


def is_ready_node(node: JSON) -> bool:
    """Whether pods may be placed on a node and count as ready there."""
    return is_true(node, "Ready")


def choose_node(pod: JSON, nodes: Sequence[JSON], pods: Sequence[JSON]) -> str | None:
    """The node for a pod: ready, selected, not cordoned; with the fewest pods of the same owner, then of all."""
    wanted = (pod["spec"].get("nodeSelector") or {}).items()
    owner = controller_uid(pod)
    alive = [p for p in pods if is_live(p)]

    def load(node: JSON) -> tuple[int, int, str]:
        name = node["metadata"]["name"]
        here = [p for p in alive if p["spec"].get("nodeName") == name]
        return sum(bool(owner) and controller_uid(p) == owner for p in here), len(here), name

    fit = [
        node
        for node in nodes
        if is_ready_node(node)
        and not (node.get("spec") or {}).get("unschedulable")
        and wanted <= (node["metadata"].get("labels") or {}).items()
    ]
    return str(min(fit, key=load)["metadata"]["name"]) if fit else None


def pod_address(node: JSON, pod: JSON, networks: Sequence[str], taken: set[str]) -> str:
    """A free address for a pod: the node's own for the host's network, else of its podCIDR or the pod network."""
    if pod["spec"].get("hostNetwork"):
        own = [a for a in (node.get("status") or {}).get("addresses") or () if a.get("type") == "InternalIP"]
        return str(own[0].get("address", "")) if own else ""
    network = ip_network((node.get("spec") or {}).get("podCIDR") or networks[0], strict=False)
    free = (str(network[i]) for i in range(2, min(network.num_addresses - 1, 65_536)))
    return next((address for address in free if address not in taken), "")


def running_status(pod: JSON, address: str, now: float) -> JSON:
    """The status that the instant kubelet gives a placed pod."""
    at = timestamp(now)
    containers = pod["spec"].get("containers") or ()
    status: JSON = {
        **(pod.get("status") or {}),
        "phase": "Running",
        "startTime": at,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "containerStatuses": [
            {
                "name": c["name"],
                "image": c.get("image", ""),
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": at}},
            }
            for c in containers
        ],
    }
    for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready"):
        set_condition(status, {"type": kind, "status": "True"}, now)
    return status


def node_status(node: JSON, *, alive: bool, now: float) -> JSON | None:
    """The status of a node whose Lease is renewed or not; None if it says so already."""
    old = condition(node, "Ready") or {}
    lost = old.get("reason") == "NodeStatusUnknown"
    if alive != lost:  # heard and not marked as lost, or lost and marked already
        return None
    status = copy.deepcopy(node.get("status") or {})
    state = ("True", "KubeletReady", "kubelet is posting ready status")
    if not alive:
        state = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    wanted = dict(zip(("status", "reason", "message"), state, strict=True))
    set_condition(status, {"type": "Ready", "lastHeartbeatTime": timestamp(now), **wanted}, now)
    return status


def pod_status_on(pod: JSON, *, alive: bool, now: float) -> JSON | None:
    """The status of a pod whose node is alive or lost; None if its Ready condition is right already."""
    if condition(pod, "Ready") is None or is_true(pod, "Ready") == alive:
        return None
    if alive and (condition(pod, "Ready") or {}).get("reason") != "NodeNotReady":
        return None  # it is not ready for a reason of its own
    status: JSON = copy.deepcopy(pod["status"])
    wanted = {"type": "Ready", "status": str(alive)}
    set_condition(status, wanted if alive else {**wanted, "reason": "NodeNotReady"}, now)
    return status
