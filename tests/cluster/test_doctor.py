"""`pylb doctor` on a real Kubernetes: each thing that is missing is told by one line, and what that line says to type, or
to do, mends it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cluster import client, pylb_on, steady
from cluster.client import Cluster
from fakes.cluster import until
from fakes.real import RealLan
from pylb.addon.names import ADVERTISEMENT, METALLB_NAMESPACE, NAMESPACE, POOL, SPEAKER
from pylb.addon.render import pool
from pylb.core.explanation.diagnosis import Check
from pylb.core.ownership.election import EXCLUDE_LABEL

RANGE = "10.77.0.208/28"
KNOWN_S = 10.0  # until the API server knows a change, and what it leads to has happened
LIMIT_S = 30.0  # of one command
RESOURCES = ("-n", METALLB_NAMESPACE)


class Patient:
    """The cluster, and what the doctor says of it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig),
            "PATH": f"{client.programs()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def doctor(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run([sys.executable, "-m", "pylb", "doctor", *words])

    def run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, env=self.environment, capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=pylb_on.ROOT
        )

    def complaints(self) -> dict[str, dict[str, object]]:
        """The rows that are not fine, by their check."""
        done = self.doctor("--json")
        assert done.stderr == ""
        told = json.loads(done.stdout)
        assert done.returncode == (1 if told["level"] == "fail" else 0)
        return {row["check"]: row for row in told["rows"] if row["level"] != "ok"}

    def only(self, check: Check, level: str, *parts: str) -> str:
        """Wait until this is the one complaint; the line that mends it."""
        found = until(f"one complaint about {check}", lambda: self._alone(check), KNOWN_S)
        assert found["level"] == level
        for part in parts:
            assert part in found["text"]
        [fix] = found["fix"]
        return str(fix)

    def _alone(self, check: Check) -> dict[str, object] | None:
        found = self.complaints()
        return found[check.value] if set(found) == {check.value} else None

    def kubectl(self, *words: str) -> None:
        pylb_on.check(self.cluster, *words)

    def mend(self, line: str) -> None:
        """Type what the doctor said, and see that all is well then."""
        done = self.run(["sh", "-c", line])
        assert done.returncode == 0, f"{line}: {done.stderr}"
        until("all is well", lambda: self.complaints() == {}, KNOWN_S)


@pytest.fixture(scope="module")
def patient(cluster: Cluster) -> Iterator[Patient]:
    """In good health; a pool is there."""
    with RealLan(cluster) as lan:
        lan.empty()
        pylb_on.apply(cluster, "---\n".join(json.dumps(item) + "\n" for item in pool((RANGE,))))
        made = Patient(cluster)
        until("all is well", lambda: made.complaints() == {}, KNOWN_S)
        yield made
        lan.empty()
        steady.at_rest(lan)


def test_ten_lines_where_all_is_well(patient: Patient) -> None:
    done = patient.doctor()
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.endswith("3 nodes")
    assert [line.split()[:2] for line in lines] == [["ok", one.value] for one in Check]
    assert "2 controllers and 3 speakers are ready" in done.stdout


def test_a_speaker_that_ends(patient: Patient) -> None:
    """Told at once; gone again when the next one is ready."""
    listed = pylb_on.check(patient.cluster, "-n", NAMESPACE, "get", "pods", "-o", "json")
    pod = next(one for one in json.loads(listed)["items"] if one["metadata"]["name"].startswith(SPEAKER))
    patient.kubectl("-n", NAMESPACE, "delete", "pod", pod["metadata"]["name"], "--wait=false")
    row = patient.complaints()[Check.PODS.value]
    assert (row["level"], row["text"]) == ("fail", f"no speaker is ready on {pod['spec']['nodeName']}")
    until("all is well", lambda: patient.complaints() == {}, KNOWN_S)


def test_a_speaker_that_stands_still(patient: Patient) -> None:
    """The advice is to replace it. The pod that is told to end does so when it can run again, or is killed."""
    with contextlib.ExitStack() as stack, RealLan(patient.cluster) as lan:
        stack.enter_context(steady.standing_still(lan, "n3", "pylb speaker --node=n3"))
        row = patient.complaints()[Check.SPEAKERS.value]
    assert row["text"] == "the speaker on n3 does not answer, and no other speaker hears it"
    [fix] = row["fix"]
    assert str(fix).startswith(f"kubectl -n {NAMESPACE} delete pod {SPEAKER}-")
    until("all is well", lambda: patient.complaints() == {}, KNOWN_S)


def test_rights(patient: Patient) -> None:
    patient.kubectl("delete", "clusterrole", SPEAKER)
    patient.mend(patient.only(Check.RIGHTS, "fail", SPEAKER, "list nodes"))


def test_a_pool_without_an_advertisement(patient: Patient) -> None:
    patient.kubectl(*RESOURCES, "delete", "l2advertisement", ADVERTISEMENT)
    patient.mend(patient.only(Check.ADVERTISEMENTS, "fail", POOL))


def test_no_pool(patient: Patient) -> None:
    """Nothing is said of advertisements then, and of the networks that the pools are in."""
    patient.kubectl(*RESOURCES, "delete", "ipaddresspool", POOL)
    found = patient.complaints()
    assert {name: row["fix"] for name, row in found.items()} == {Check.POOLS.value: ["pylb install --range A-B"]}
    pylb_on.apply(patient.cluster, json.dumps(pool((RANGE,))[0]))
    assert patient.complaints() == {}


def test_a_node_that_is_left_out(patient: Patient) -> None:
    patient.kubectl("label", "node", "n2", f"{EXCLUDE_LABEL}=")
    patient.mend(patient.only(Check.NODES, "warn", "n2", EXCLUDE_LABEL))


def test_a_cluster_that_is_away_and_one_that_is_none(patient: Patient, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", patient.cluster.kubeconfig.read_text()))
    done = patient.doctor("--kubeconfig", str(away))
    assert (done.returncode, done.stdout) == (3, "")
    assert "the cluster at 127.0.0.1:9 cannot be reached" in done.stderr
    done = patient.doctor("--kubeconfig", "/nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "/nowhere" in done.stderr
