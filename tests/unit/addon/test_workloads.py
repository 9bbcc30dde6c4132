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


def test_an_upgrade_takes_one_speaker_at_a_time() -> None:
    strategy = daemon_set("i", "v")["spec"]["updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
