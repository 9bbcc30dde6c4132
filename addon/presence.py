"""Whether each node has the image: by what its kubelet lists, else by a pod that runs it there and ends.

A node lists 50 images at most, and late; that one is not listed proves nothing. A pod that may not pull proves it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pylb import __version__
from pylb.addon.cluster import Cluster, ClusterFault
from pylb.addon.names import COMPONENT_LABEL, JSON, NAMESPACE, meta
from pylb.addon.workloads import NOBODY
from pylb.core.images import full_name

COMPONENT = "image-check"
LIMIT_S = 120.0  # until every node has said yes or no; a pull from a registry takes most of it
POLL_S = 1.0
ACCOUNT_S = 15.0  # until a new namespace has its service account
PULL_S = 15.0  # until a failed pull is believed: the kubelet tries again after 10 s
_FATAL = ("ErrImageNeverPull", "InvalidImageName", "CreateContainerError")
_PULLS = ("ErrImagePull", "ImagePullBackOff")
_CONTROL_PLANE = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")
_OWN_TAINTS = "node.kubernetes.io/"  # of a state that passes; every DaemonSet tolerates it
_RUNS = ("Running", "Succeeded")
Tick = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Seen:
    """Which nodes have the image, which have not and why, and which do not answer."""

    present: tuple[str, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)  # node -> why
    silent: tuple[str, ...] = ()  # not Ready, or no answer in time


def listed_on(nodes: Iterable[JSON], image: str) -> set[str]:
    """The nodes that list an image."""
    wanted = full_name(image)
    return {
        str(node["metadata"]["name"])
        for node in nodes
        for one in (node.get("status") or {}).get("images") or ()
        if wanted in {full_name(str(name)) for name in one.get("names") or ()}
    }


def is_ready(node: JSON) -> bool:
    """Whether a node is Ready."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def runs_ours(node: JSON) -> bool:
    """Whether a speaker would run on a node: it is a Linux one, and has no taint that the DaemonSet does not tolerate."""
    labels = node["metadata"].get("labels") or {}
    taints = (node.get("spec") or {}).get("taints") or ()
    kept = [one for one in taints if one.get("effect") != "PreferNoSchedule"]
    keys = [str(one.get("key")) for one in kept]
    fine = all(key in _CONTROL_PLANE or key.startswith(_OWN_TAINTS) for key in keys)
    return fine and labels.get("kubernetes.io/os", "linux") == "linux"


def look(
    cluster: Cluster, image: str, pull: bool, clock: Tick = time.monotonic, rest: Callable[[float], None] = time.sleep
) -> Seen:
    """Find out. `pull` is whether nodes may fetch it from a registry. Raises ClusterFault; leaves nothing behind.

    The namespace of pylb must be there.
    """
    nodes = [node for node in cluster.listed(["nodes"]) if runs_ours(node)]
    listed = listed_on(nodes, image)
    ready = [str(one["metadata"]["name"]) for one in nodes if is_ready(one)]
    asleep = tuple(str(one["metadata"]["name"]) for one in nodes if not is_ready(one))
    unsure = [name for name in ready if name not in listed]
    if not unsure:
        return Seen(tuple(ready), {}, asleep)
    pods = [pod(name, image, pull) for name in unsure]
    began = clock()
    try:
        cluster.delete(pods)  # of an earlier look that broke off
        _make(cluster, pods, clock, rest)
        found = _outcome(cluster, False)
        while len(found.present) + len(found.missing) < len(pods) and clock() < began + LIMIT_S:
            rest(POLL_S)
            found = _outcome(cluster, clock() > began + PULL_S)
    finally:
        cluster.delete(pods)
    answered = {*found.present, *found.missing}
    silent = tuple(name for name in unsure if name not in answered)
    present = tuple(name for name in ready if name in listed or name in found.present)
    return Seen(present, found.missing, (*asleep, *silent))


def pod(node: str, image: str, pull: bool) -> JSON:
    """A pod that runs the image on one node, does nothing, and ends."""
    name = f"pylb-image-{hashlib.sha256(node.encode()).hexdigest()[:10]}"
    container = {
        "name": "check",
        "image": image,
        "imagePullPolicy": "IfNotPresent" if pull else "Never",
        "command": ["python3", "-m", "pylb", "--version"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(name, COMPONENT, __version__, NAMESPACE),
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {"runAsNonRoot": True, "runAsUser": NOBODY, "runAsGroup": NOBODY},
            "containers": [container],
        },
    }


def outcome(pods: Iterable[JSON], patient: bool = False) -> Seen:
    """What the pods say so far; `patient` is whether a failed pull was given time to be tried again."""
    fatal = (*_FATAL, *_PULLS) if patient else _FATAL
    present, missing = [], {}
    for one in pods:
        node, status = str(one["spec"].get("nodeName", "")), one.get("status") or {}
        phase = status.get("phase")
        if phase in _RUNS:
            present.append(node)
        elif phase == "Failed" or _waits_for(status)[0] in fatal:
            missing[node] = _why(status)
    return Seen(tuple(present), missing)


def _outcome(cluster: Cluster, patient: bool) -> Seen:
    pods = cluster.listed(["pods"], NAMESPACE)
    ours = (one for one in pods if (one["metadata"].get("labels") or {}).get(COMPONENT_LABEL) == COMPONENT)
    return outcome(ours, patient)


def _waits_for(status: JSON) -> tuple[str, str]:
    for one in status.get("containerStatuses") or ():
        waiting = (one.get("state") or {}).get("waiting") or {}
        if waiting:
            return str(waiting.get("reason", "")), str(waiting.get("message", ""))
    return "", ""


def _why(status: JSON) -> str:
    reason, message = _waits_for(status)
    if reason == "ErrImageNeverPull":
        return "it is not there"
    if reason:
        return f"{reason}: {message}" if message else reason
    for one in status.get("containerStatuses") or ():
        ended = (one.get("state") or {}).get("terminated") or {}
        if ended:
            return f"it does not run there: {ended.get('message') or ended.get('reason') or ended.get('exitCode')}"
    return str(status.get("message") or status.get("reason") or "its pod failed")


def _make(cluster: Cluster, pods: Sequence[JSON], clock: Tick, rest: Callable[[float], None]) -> None:
    """Make the pods; a namespace that was made a moment ago may have no service account yet."""
    end = clock() + ACCOUNT_S
    while True:
        try:
            cluster.apply(pods)
        except ClusterFault as error:
            if "serviceaccount" not in str(error).lower() or clock() >= end:
                raise
            rest(POLL_S)
        else:
            return
