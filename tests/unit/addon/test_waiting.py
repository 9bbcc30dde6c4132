"""Whether nodes have the image, and whether pylb's pods are ready: what objects say, and that waiting has an end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from pylb.addon import presence, rollout
from pylb.core.images import full_name

JSON = dict[str, Any]


class Clock:
    """Time that passes by resting."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += seconds


class Answers:
    """A cluster whose lists were written down: each look at a kind takes the next of its answers; the last stays."""

    shown = "kubectl"

    def __init__(self, **kinds: list[list[JSON]]) -> None:
        self.kinds = kinds
        self.done: list[tuple[str, list[str]]] = []

    def reach(self) -> None:
        raise NotImplementedError

    def definitions(self) -> frozenset[str]:
        raise NotImplementedError

    def find(self, names: Sequence[str], namespace: str | None = None) -> list[JSON]:
        raise NotImplementedError

    def listed(self, kinds: Sequence[str], namespace: str | None = None) -> list[JSON]:
        answers = self.kinds[kinds[0].partition(".")[0]]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _note(self, what: str, objects: Iterable[JSON]) -> None:
        self.done.append((what, [one["spec"]["nodeName"] for one in objects]))

    def apply(self, objects: Iterable[JSON]) -> None:
        self._note("apply", objects)

    def create(self, objects: Iterable[JSON]) -> None:
        self._note("create", objects)

    def delete(self, objects: Iterable[JSON]) -> None:
        self._note("delete", objects)

    def clear(self, kinds: Sequence[str], namespace: str) -> None:
        raise NotImplementedError

    def establish(self, names: Sequence[str], limit_s: int) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("pylb:0.1.0", "docker.io/library/pylb:0.1.0"),
        ("me/pylb", "docker.io/me/pylb:latest"),
        ("ghcr.io/me/pylb:1", "ghcr.io/me/pylb:1"),
        ("localhost:32000/pylb", "localhost:32000/pylb:latest"),
        ("ghcr.io/me/pylb@sha256:12", "ghcr.io/me/pylb@sha256:12"),
    ],
)
def test_the_name_that_a_container_runtime_uses(image: str, full: str) -> None:
    assert full_name(image) == full


def node(name: str, *images: str, ready: bool = True) -> JSON:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions, "images": [{"names": list(images)}]}}


def pod(name: str, phase: str, reason: str = "", ended: str = "") -> JSON:
    state: JSON = {"waiting": {"reason": reason}} if reason else {}
    if ended:
        state = {"terminated": {"reason": ended, "exitCode": 1}}
    labels = {"app.kubernetes.io/component": "image-check"}
    status = {"phase": phase, "containerStatuses": [{"state": state}]}
    return {"kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": {"nodeName": name}, "status": status}


def look(cluster: Answers) -> presence.Seen:
    clock = Clock()
    return presence.look(cluster, "pylb:1", False, clock, clock.rest)


def test_a_node_that_lists_the_image_needs_no_pod() -> None:
    cluster = Answers(nodes=[[node("n1", "docker.io/library/pylb:1"), node("n2", "x", ready=False)]])
    assert look(cluster) == presence.Seen(("n1",), {}, ("n2",))
    assert cluster.done == []


def test_the_others_run_a_pod_that_goes_again() -> None:
    pods = [
        [pod("n2", "Pending", "ContainerCreating"), pod("n3", "Pending")],
        [pod("n2", "Succeeded"), pod("n3", "Running")],
    ]
    cluster = Answers(nodes=[[node("n1", "docker.io/library/pylb:1"), node("n2"), node("n3")]], pods=pods)
    assert look(cluster) == presence.Seen(("n1", "n2", "n3"))
    assert cluster.done == [("delete", ["n2", "n3"]), ("apply", ["n2", "n3"]), ("delete", ["n2", "n3"])]


def test_a_node_without_it_and_one_that_cannot_run_it_are_named_and_the_wait_has_an_end() -> None:
    pods = [
        pod("n1", "Pending", "ErrImageNeverPull"),
        pod("n2", "Failed", ended="exec format error"),
        pod("n3", "Pending"),
    ]
    cluster = Answers(nodes=[[node("n1"), node("n2"), node("n3")]], pods=[pods])
    seen = look(cluster)
    assert seen.missing == {"n1": "it is not there", "n2": "it does not run there: exec format error"}
    assert (seen.present, seen.silent) == ((), ("n3",))


@pytest.mark.parametrize(
    ("spec", "labels", "runs"),
    [
        ({}, {"kubernetes.io/os": "linux"}, True),
        ({}, {"kubernetes.io/os": "windows"}, False),
        ({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}, {}, False),
        ({"taints": [{"key": "gpu", "effect": "PreferNoSchedule"}]}, {}, True),
        ({"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}, {}, True),
        ({"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}, {}, True),
    ],
)
def test_a_node_that_runs_no_speaker_needs_no_image(spec: JSON, labels: JSON, runs: bool) -> None:
    one = {**node("n1"), "metadata": {"name": "n1", "labels": labels}, "spec": spec}
    assert look(Answers(nodes=[[one]], pods=[[pod("n1", "Succeeded")]])) == presence.Seen(("n1",) if runs else ())


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_a_pull_that_failed_is_tried_again(reason: str) -> None:
    failed = [pod("n1", "Pending", reason)]
    cluster = Answers(nodes=[[node("n1")]], pods=[failed, failed, [pod("n1", "Running")]])
    assert look(cluster) == presence.Seen(("n1",))
    assert look(Answers(nodes=[[node("n1")]], pods=[failed])).missing == {"n1": reason}


def objects(ready: int, up: int = 2, generation: int = 1, *pods: JSON) -> list[JSON]:
    status = {"desiredNumberScheduled": 3, "numberReady": ready, "updatedNumberScheduled": 3, "observedGeneration": 1}
    daemon = {"kind": "DaemonSet", "metadata": {"name": "pylb-speaker", "generation": generation}, "status": status}
    counts = {"readyReplicas": up, "updatedReplicas": 2, "observedGeneration": 1}
    metadata = {"name": "pylb-controller", "generation": 1}
    return [daemon, {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 2}, "status": counts}, *pods]


PROGRESS = [
    (objects(3), True, "2 of 2 controllers and 3 of 3 speakers are ready"),
    (objects(2), False, "2 of 2 controllers and 2 of 3 speakers are ready"),
    (objects(3, 1), False, "1 of 2 controllers and 3 of 3 speakers are ready"),
    (objects(3, 2, 2), False, "2 of 2 controllers and 0 of ? speakers are ready"),  # the status is of the old version
    ([], False, "0 of 0 controllers and 0 of ? speakers are ready"),
]


@pytest.mark.parametrize(("found", "done", "text"), PROGRESS)
def test_progress(found: list[JSON], done: bool, text: str) -> None:
    assert rollout.progress(found) == rollout.Progress(done, text)


def test_waiting_tells_each_change_once_and_ends_when_all_is_ready() -> None:
    clock, told = Clock(), list[str]()
    steps = [objects(0), objects(0), objects(2), objects(3)]
    now = rollout.wait(Answers(daemonsets=steps), told.append, 60, clock, clock.rest)
    assert now.done
    assert [line.partition(":")[0] for line in told] == ["waiting", "waiting", "ready"]


def test_waiting_ends_at_its_bound_with_what_is_wrong() -> None:
    clock, told = Clock(), list[str]()
    broken = [objects(2, 2, 1, pod("n3", "Pending", "ImagePullBackOff"))]
    now = rollout.wait(Answers(daemonsets=broken), told.append, 60, clock, clock.rest)
    assert (now.done, now.problems) == (False, ("n3: ImagePullBackOff",))
    assert 60 <= clock.now <= 60 + rollout.POLL_S
    assert len(told) == 1
