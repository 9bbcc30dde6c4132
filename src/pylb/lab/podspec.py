"""What the lab's kubelet reads in Pods and writes into their status. Pure; JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any, NamedTuple

JSON = Mapping[str, Any]
OURS = "pylb.io/lab-process"  # annotation of a Pod that stands for a process of the lab, not for a stand-in
FIRST, LAST = 2, 254  # last parts of the addresses of a node's pods
_PROTOCOLS = ("TCP", "UDP")


class Port(NamedTuple):
    """Where a pod listens."""

    protocol: str  # TCP or UDP
    number: int


def key(pod: JSON) -> str:
    """namespace/name."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def uid(pod: JSON) -> str:
    return str(pod["metadata"].get("uid", ""))


def node(pod: JSON) -> str:
    """The node that it is bound to, or nothing."""
    return str(pod.get("spec", {}).get("nodeName") or "")


def runs(pod: JSON) -> bool:
    """Whether the kubelet of its node shall run it."""
    ours = OURS in (pod["metadata"].get("annotations") or {})
    return bool(node(pod)) and not ours and not is_ending(pod)


def is_ending(pod: JSON) -> bool:
    """Whether its deletion was asked for."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def ports(pod: JSON, services: Iterable[JSON]) -> frozenset[Port]:
    """Where its stand-in listens: on the ports that it declares, else where Services that select it want to reach it."""
    declared = frozenset(
        Port(port.get("protocol", "TCP"), port["containerPort"])
        for container in pod.get("spec", {}).get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("protocol", "TCP") in _PROTOCOLS and port.get("containerPort")
    )
    return declared or frozenset(port for service in services if selects(service, pod) for port in _targets(service))


def selects(service: JSON, pod: JSON) -> bool:
    """Whether a Service's selector matches a Pod."""
    wanted = service.get("spec", {}).get("selector") or {}
    labels = pod["metadata"].get("labels") or {}
    same = service["metadata"].get("namespace") == pod["metadata"].get("namespace")
    return same and bool(wanted) and all(labels.get(name) == value for name, value in wanted.items())


def _targets(service: JSON) -> Iterable[Port]:
    for port in service.get("spec", {}).get("ports") or ():
        target = port.get("targetPort") or port.get("port")
        if isinstance(target, int) and port.get("protocol", "TCP") in _PROTOCOLS:
            yield Port(port.get("protocol", "TCP"), target)


def free_address(pods: IPv4Network, taken: Collection[str], start: int) -> tuple[str, int] | None:
    """A free address of a node's pods, looked for from `start` on, and where to look next; None if all are taken.

    Going round brings an address that was just given back last: kernels still know flows to it.
    """
    count = LAST - FIRST + 1
    for step in range(count):
        place = FIRST + (start - FIRST + step) % count
        address = str(pods.network_address + place)
        if address not in taken:
            return address, place + 1
    return None


def running(pod: JSON, address: str, host: str, now: str) -> dict[str, Any]:
    """The status of a Pod that runs and is ready since `now` (RFC 3339)."""
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "startTime": now,
        "conditions": conditions(True, now),
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container.get("image", ""),
                "imageID": container.get("image", ""),
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
            for container in pod.get("spec", {}).get("containers") or ()
        ],
    }


def conditions(ready: bool, now: str) -> list[dict[str, Any]]:
    """The conditions of a Pod that was started."""
    state = "True" if ready else "False"
    states = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": state, "Ready": state}
    return [{"type": kind, "status": value, "lastTransitionTime": now} for kind, value in states.items()]
