"""What the workloads ask of the scheduler and of an upgrade."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.addon.workloads import daemon_set, deployment


@pytest.mark.parametrize(
    ("workload", "priority"),
    [(daemon_set("i", "v"), "system-node-critical"), (deployment("i", "v"), "system-cluster-critical")],
    ids=["speaker", "controller"],
)
def test_a_node_that_is_short_of_something_ends_pylb_last(workload: dict[str, Any], priority: str) -> None:
    assert workload["spec"]["template"]["spec"]["priorityClassName"] == priority


def test_a_changed_secret_reaches_the_files() -> None:
    """The kubelet never changes what is mounted by subPath, nor the environment."""
    for workload in (daemon_set("i", "v"), deployment("i", "v")):
        [container] = workload["spec"]["template"]["spec"]["containers"]
        assert all({*mount} == {"name", "mountPath", "readOnly"} for mount in container["volumeMounts"])
        assert not any("secretKeyRef" in one.get("valueFrom", {}) for one in container["env"])


def test_an_upgrade_takes_one_speaker_at_a_time() -> None:
    strategy = daemon_set("i", "v")["spec"]["updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
