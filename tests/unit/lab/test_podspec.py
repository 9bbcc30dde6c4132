"""What the lab's kubelet reads in Pods and writes into them."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from pylb.lab import podspec
from pylb.lab.podspec import Port


def pod(**changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "default", "name": "p", "uid": "u", "labels": {"app": "web"}, **changes},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]},
    }


def service(**spec: Any) -> dict[str, Any]:
    filled = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}], **spec}
    return {"metadata": {"namespace": "default", "name": "s"}, "spec": filled}


@pytest.mark.parametrize(
    ("one", "runs"),
    [
        (pod(), True),
        (pod(deletionTimestamp="2026-01-01T00:00:00Z"), False),
        (pod(annotations={podspec.OURS: "speaker-n1"}), False),
        ({"metadata": {"namespace": "default", "name": "p"}, "spec": {}}, False),
    ],
)
def test_which_pods_the_kubelet_runs(one: dict[str, Any], runs: bool) -> None:
    assert podspec.runs(one) is runs


def test_declared_ports_come_before_what_services_want() -> None:
    one = pod()
    assert podspec.ports(one, [service()]) == {Port("TCP", 8080)}
    one["spec"]["containers"][0]["ports"] = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80}]
    assert podspec.ports(one, [service()]) == {Port("UDP", 53), Port("TCP", 80)}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"ports": [{"port": 80}]}, {Port("TCP", 80)}),
        ({"ports": [{"port": 80, "targetPort": "http"}]}, set()),
        ({"ports": [{"port": 53, "targetPort": 53, "protocol": "UDP"}]}, {Port("UDP", 53)}),
        ({"ports": [{"port": 80, "protocol": "SCTP"}]}, set()),
        ({"selector": {"app": "other"}}, set()),
        ({"selector": {}}, set()),
        ({"selector": None}, set()),
    ],
)
def test_what_services_want_of_a_pod(spec: dict[str, Any], expected: set[Port]) -> None:
    assert podspec.ports(pod(), [service(**spec)]) == expected


def test_a_service_of_another_namespace_selects_nothing() -> None:
    other = service()
    other["metadata"]["namespace"] = "other"
    assert not podspec.selects(other, pod())


@pytest.mark.parametrize(
    ("taken", "start", "expected"),
    [
        (set(), 2, ("10.244.1.2", 3)),
        ({"10.244.1.2", "10.244.1.3"}, 2, ("10.244.1.4", 5)),
        (set(), 254, ("10.244.1.254", 255)),
        (set(), 255, ("10.244.1.2", 3)),
        ({"10.244.1.254"}, 254, ("10.244.1.2", 3)),
        ({f"10.244.1.{last}" for last in range(2, 254)}, 100, ("10.244.1.254", 255)),
        ({f"10.244.1.{last}" for last in range(2, 255)}, 2, None),
    ],
)
def test_a_pods_address_is_free_and_one_just_given_back_comes_last(
    taken: set[str], start: int, expected: tuple[str, int] | None
) -> None:
    assert podspec.free_address(IPv4Network("10.244.1.0/24"), taken, start) == expected


def test_a_running_pod_is_ready_in_every_respect() -> None:
    status = podspec.running(pod(), "10.244.1.2", "10.77.0.21", "2026-01-01T00:00:00Z")
    assert (status["phase"], status["podIP"], status["hostIP"]) == ("Running", "10.244.1.2", "10.77.0.21")
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "PodScheduled": "True",
        "Initialized": "True",
        "ContainersReady": "True",
        "Ready": "True",
    }
    assert [(one["name"], one["ready"]) for one in status["containerStatuses"]] == [("c", True)]
