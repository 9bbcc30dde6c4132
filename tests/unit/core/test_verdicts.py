"""What stands in a ConfigurationState: MetalLB's words first, the object behind them, and times that mean something."""

from __future__ import annotations

from typing import Any

from pylb.core import verdicts
from pylb.core.config.loader import Problem
from pylb.core.model import NodeName, ObjectRef

POOL = ObjectRef("IPAddressPool", "metallb-system", "q")
OVERLAP = Problem(POOL, "spec.addresses", 'CIDR "10.77.0.105/32" in pool "q" overlaps with already defined CIDR "x"')
ANOTHER = Problem(POOL, "spec", "weight 0 is not between 1 and 100")
THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def status(*problems: Problem, standing: dict[str, Any] | None = None) -> dict[str, Any]:
    return verdicts.status(verdicts.CONTROLLER, problems, standing, NOW)


def test_a_good_configuration_as_metallb_tells_it() -> None:
    assert status() == {
        "result": "Valid",
        "errorSummary": None,
        "conditions": [
            {
                "type": "poolReconcilerValid",
                "status": "True",
                "reason": "Reconciled",
                "message": "",
                "lastTransitionTime": NOW,
            }
        ],
    }


def test_a_bad_one_with_all_that_is_wrong() -> None:
    said = status(OVERLAP, ANOTHER)
    [condition] = said["conditions"]
    assert (said["result"], condition["status"], condition["reason"]) == ("Invalid", "False", "ConfigurationError")
    assert said["errorSummary"] == condition["message"]
    first, second = said["errorSummary"].split("\n")
    assert first == f"configuration error: {OVERLAP.text} (IPAddressPool metallb-system/q)"
    assert second == f"{ANOTHER.text} (IPAddressPool metallb-system/q)"


def test_the_time_is_that_of_the_last_change_between_true_and_false() -> None:
    good = {"conditions": [{"type": "poolReconcilerValid", "status": "True", "lastTransitionTime": THEN}]}
    bad = {"conditions": [{"type": "poolReconcilerValid", "status": "False", "lastTransitionTime": THEN}]}
    speakers = {"conditions": [{"type": "configReconcilerValid", "status": "True", "lastTransitionTime": THEN}]}
    times = [
        status(*problems, standing=standing)["conditions"][0]["lastTransitionTime"]
        for problems, standing in (((), good), ((OVERLAP,), good), ((), bad), ((ANOTHER,), bad), ((), speakers))
    ]
    assert times == [THEN, NOW, NOW, THEN, NOW]


def test_a_long_summary_is_cut() -> None:
    said = verdicts.summary([OVERLAP] * 1000)
    assert len(said) == verdicts.SUMMARY_MAX
    assert said.endswith("…")


def test_the_objects_are_metallbs() -> None:
    owner = {"kind": "Pod", "name": "p"}
    assert verdicts.body(verdicts.CONTROLLER, owner)["metadata"] == {
        "name": "controller",
        "labels": {"metallb.io/component-type": "controller"},
        "ownerReferences": [owner],
    }
    speaker = verdicts.speaker(NodeName("n1"))
    assert speaker.condition == "configReconcilerValid"
    assert verdicts.body(speaker, None)["metadata"] == {
        "name": "speaker-n1",
        "labels": {"metallb.io/component-type": "speaker", "metallb.io/node-name": "n1"},
    }
