"""`addons.yaml` and the two programs: what MicroK8s checks when it takes the repository in, and what it searches for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from pylb import __version__
from pylb.addon.render import Settings, render

ROOT = Path(__file__).parents[3]


def listing() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "addons.yaml").read_text())["microk8s-addons"])


def test_the_listing_has_the_keys_and_types_that_microk8s_wants() -> None:
    """The repository's own description is not checked when it is added, but without one it is not listed later."""
    document = listing()
    assert isinstance(document["description"], str)
    assert document["addons"]
    for addon in document["addons"]:
        for key in ("name", "description", "version", "check_status"):
            assert isinstance(addon[key], str), key
            assert addon[key]
        assert addon["supported_architectures"]
        assert set(addon["supported_architectures"]) <= {"amd64", "arm64", "s390x", "ppc64le"}  # armhf is refused


def test_the_version_is_the_packages() -> None:
    assert [addon["version"] for addon in listing()["addons"]] == [__version__]


def test_the_programs_stand_where_microk8s_looks_and_can_be_run() -> None:
    for addon in listing()["addons"]:
        for program in ("enable", "disable"):
            path = ROOT / "addons" / addon["name"] / program
            assert path.is_file()
            assert os.access(path, os.X_OK)
            assert path.read_text().startswith("#!/usr/bin/env python3\n")


def rows(names: list[tuple[str, str]]) -> list[str]:
    """Rows as `kubectl get all,ingress,ingressclass -A` prints them; MicroK8s searches each for `check_status`."""
    return [f"pylb-system   {prefix}/{name}   1   1   1   5m" for prefix, name in names]


def test_the_status_check_finds_the_last_object_and_is_found_by_no_other_addon() -> None:
    (addon,) = listing()["addons"]
    applied = [item for item in render(Settings("a", "b")) if item["kind"] == "Deployment"]
    last = [("deployment.apps", item["metadata"]["name"]) for item in applied]
    others = [
        ("daemonset.apps", "pylb-speaker"),
        ("pod", "pylb-speaker-x7k2p"),
        ("pod", "pylb-controller-7d9f6-abcde"),
        ("replicaset.apps", "pylb-controller-7d9f6"),
    ]
    assert [addon["check_status"] in row for row in rows(last)] == [True]
    assert [addon["check_status"] in row for row in rows(others)] == [False] * len(others)
    assert not [row for row in rows(last + others) if "pod/speaker" in row]  # what the metallb addon looks for
