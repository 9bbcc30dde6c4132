"""Waits until pylb's pods are ready, tells what it waits for, and gives up after a bound with what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pylb.addon.cluster import Cluster
from pylb.addon.names import CONTROLLER, JSON, NAMESPACE, SPEAKER

LIMIT_S = 180.0  # a Raspberry Pi with a cold SD card takes two minutes
POLL_S = 2.0
MAX_PROBLEMS = 5  # that one line names
_KINDS = ("daemonsets.apps", "deployments.apps", "pods")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is, in words; `problems` are pods that cannot start, and why."""

    done: bool
    text: str
    problems: tuple[str, ...] = ()


def progress(objects: Sequence[JSON]) -> Progress:
    """What the workloads and pods of pylb's namespace say."""
    daemon = next((one for one in objects if _is(one, "DaemonSet", SPEAKER)), None)
    deployment = next((one for one in objects if _is(one, "Deployment", CONTROLLER)), None)
    wanted, ready = _speakers(daemon)
    replicas, up = _controllers(deployment)
    done = wanted > 0 and ready >= wanted and up >= replicas > 0
    problems = tuple(problem for one in objects if one.get("kind") == "Pod" for problem in _problems(one))
    text = f"{up} of {replicas} controllers and {ready} of {wanted or '?'} speakers are ready"
    return Progress(done, text, problems[:MAX_PROBLEMS])


def wait(
    cluster: Cluster,
    tell: Callable[[str], None],
    limit_s: float = LIMIT_S,
    clock: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> Progress:
    """Wait until all is ready or the time is over; `tell` hears of each change. Raises ClusterFault."""
    end, last = clock() + limit_s, ""
    while True:
        now = progress(cluster.listed(_KINDS, NAMESPACE))
        text = "; ".join((now.text, *now.problems))
        if text != last:
            tell(f"{'ready' if now.done else 'waiting'}: {text}")
            last = text
        if now.done or clock() >= end:
            return now
        rest(POLL_S)


def _is(item: JSON, kind: str, name: str) -> bool:
    return item.get("kind") == kind and item["metadata"].get("name") == name


def _is_current(item: JSON) -> bool:
    """Whether the status speaks of the object as it is now."""
    seen = (item.get("status") or {}).get("observedGeneration")
    return seen is None or seen >= (item["metadata"].get("generation") or 0)


def _speakers(item: JSON | None) -> tuple[int, int]:
    if item is None or not _is_current(item):
        return 0, 0
    status = item.get("status") or {}
    ready = min(int(status.get("numberReady") or 0), int(status.get("updatedNumberScheduled") or 0))
    return int(status.get("desiredNumberScheduled") or 0), ready


def _controllers(item: JSON | None) -> tuple[int, int]:
    if item is None:
        return 0, 0
    replicas = int((item.get("spec") or {}).get("replicas") or 1)
    if not _is_current(item):
        return replicas, 0
    status = item.get("status") or {}
    return replicas, min(int(status.get("readyReplicas") or 0), int(status.get("updatedReplicas") or 0))


def _problems(pod: JSON) -> Iterable[str]:
    where = (pod.get("spec") or {}).get("nodeName") or "no node"
    for one in (pod.get("status") or {}).get("containerStatuses") or ():
        waiting = (one.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason", ""))
        if reason and reason not in ("ContainerCreating", "PodInitializing"):
            yield f"{where}: {reason}"
