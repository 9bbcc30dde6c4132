"""What a backup holds, how two looks become one, and that nothing else is taken for one."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import metallb as theirs
from pylb.addon import backup
from pylb.addon.backup import Backup
from pylb.addon.metallb import Workload, described, is_idle, starting, stopping

AT = "2026-11-21T01:02:03.456+00:00"
RUNNING = (
    Workload("Deployment", "metallb-system", "controller", 2),
    Workload("DaemonSet", "metallb-system", "speaker"),
)
STOPPED = (replace(RUNNING[0], replicas=0), RUNNING[1])
CONVERSION = {"bgppeers.metallb.io": {"strategy": "Webhook"}}
WHOLE = Backup(
    AT, tuple(theirs.configuration("10.0.0.0/30")), (theirs.webhooks(),), CONVERSION, RUNNING, {"d/web": ("10.0.0.1",)}
)


def merge_patch(value: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    kept = {**(value or {}), **{key: merge_patch((value or {}).get(key), part) for key, part in change.items()}}
    return {key: part for key, part in kept.items() if part is not None}


def test_a_file_is_read_as_it_was_written_and_kubectl_can_apply_it(tmp_path: Path) -> None:
    text = backup.to_text(WHOLE)
    assert backup.from_text(text) == WHOLE
    document = json.loads(text)
    assert (document["kind"], document["apiVersion"]) == ("List", "v1")
    assert [item["kind"] for item in document["items"]] == ["IPAddressPool", "L2Advertisement", "ConfigMap"]
    path = backup.write(text, tmp_path, AT)
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (0o600, text)
    with pytest.raises(FileExistsError):
        backup.write("other", tmp_path, AT)
    copy = backup.secret(text)
    assert copy is not None
    assert backup.of_secret(copy) == WHOLE


def test_what_is_too_big_for_a_secret_has_no_copy() -> None:
    assert backup.secret("x" * backup.MAX_SECRET_BYTES) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"items": 1}', '{"items": [{}]}', '{"items": []}', "[" * 9999])
def test_what_is_no_backup_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="this is no backup"):
        backup.from_text(text)


def test_an_object_is_kept_as_somebody_wrote_it() -> None:
    grown = {
        "apiVersion": "v1",
        "kind": "X",
        "metadata": {
            "name": "a",
            "labels": {"mine": "1"},
            "uid": "u",
            "managedFields": [],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "1"},
        },
        "spec": {"b": 1},
        "status": {"c": 2},
    }
    assert backup.bare(grown) == {
        "apiVersion": "v1",
        "kind": "X",
        "metadata": {"name": "a", "labels": {"mine": "1"}, "annotations": {"kept": "1"}},
        "spec": {"b": 1},
    }


def test_a_second_look_overwrites_nothing_that_only_the_first_could_see() -> None:
    """MetalLB was stopped, and its webhooks were removed, before the first take-over broke off."""
    pools = tuple(theirs.configuration("10.0.0.0/29"))
    second = Backup("later", pools, (), {}, STOPPED, {"d/web": ("10.0.0.2",), "d/new": ("10.0.0.3",)})
    whole = backup.merged(WHOLE, second, STOPPED)
    assert whole.workloads == RUNNING
    assert (whole.webhooks, whole.conversions) == (WHOLE.webhooks, CONVERSION)
    assert whole.objects == pools, "what was changed since is newer"
    assert whole.addresses == second.addresses


def test_pools_that_are_gone_are_still_in_a_later_backup() -> None:
    whole = backup.merged(WHOLE, Backup("later"), ())
    assert whole.objects == WHOLE.objects
    assert whole.workloads == RUNNING


def test_a_metallb_that_runs_again_is_newer() -> None:
    scaled = (replace(RUNNING[0], replicas=3),)
    assert backup.merged(WHOLE, Backup("later", workloads=scaled), ()).workloads == (scaled[0], RUNNING[1])


@pytest.mark.parametrize("item", theirs.workloads(), ids=["Deployment", "DaemonSet"])
def test_a_workload_is_stopped_and_started_as_it_was(item: dict[str, Any]) -> None:
    one = described(item)
    stopped = merge_patch(item, stopping(one))
    assert (is_idle(item), is_idle(stopped)) == (False, True)
    assert merge_patch(stopped, starting(one)) == item
