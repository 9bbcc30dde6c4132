"""What `pylb check` says, held against the truth: what it refuses is refused by the real API server with strict fields,
or reported by the real controller; what it lets pass is taken by both. One table (`fakes.checked`) for the two."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from fakes.checked import FINE, KUBECTL, PROBLEM, SAMPLES, SILENT, STRICT, TOLD, WAITS, Sample
from fakes.cluster import LOOK_EVERY, Refused, until
from fakes.real import RealLan
from pylb.check.examination import examine
from pylb.kube.manifests import read

SETTLED_S = 20.0  # until the controller has said what it says
REFUSED = (STRICT, KUBECTL)
FAILED = {"AllocationFailed", "LoadBalancerFailed"}


@pytest.fixture(scope="module")
def lan(cluster: object) -> Iterator[RealLan]:
    """The cluster, without any pool."""
    with RealLan(cluster) as lan:
        yield lan


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.truth in REFUSED], ids=lambda one: one.name)
def test_refused(lan: RealLan, sample: Sample) -> None:
    """It fails the check, and kubectl does not get it past the API server."""
    assert not examine([("sample", sample.text.encode())]).ok
    with pytest.raises(Refused):
        lan.typed("apply --server-side --dry-run=server --validate=strict -f -", sample.text)


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.truth not in REFUSED], ids=lambda one: one.name)
def test_taken(lan: RealLan, sample: Sample) -> None:
    """The API server takes it, and the controller says of it what the check says."""
    assert examine([("sample", sample.text.encode())]).ok is (sample.truth == FINE)
    try:
        lan.typed("apply --server-side --validate=strict -f -", sample.text)
        {PROBLEM: _is_a_problem, WAITS: _waits, TOLD: _is_told, SILENT: _is_fine, FINE: _is_fine}[sample.truth](
            lan, sample
        )
    finally:
        lan.typed("delete --ignore-not-found -f -", sample.text)
        _assert_no_problem(lan)


def test_a_cluster_can_be_piped_in(lan: RealLan) -> None:
    """What kubectl prints of a cluster that is well passes the check, and is what new files are held against."""
    sample = next(one for one in SAMPLES if one.name == "a pinned Service")
    kinds = "ipaddresspools,l2advertisements,services,namespaces,nodes,deployments,configmaps"
    try:
        lan.typed("apply --server-side --validate=strict -f -", sample.text)
        _is_fine(lan, sample)
        standing = lan.typed(f"get {kinds} -A -o yaml").encode()
    finally:
        lan.typed("delete --ignore-not-found -f -", sample.text)
    assert examine([("-", standing)]).ok
    assert examine([("-", standing), ("same.yaml", sample.text.encode())]).ok
    other = sample.text.replace("name: checked", "name: another")
    failures = [
        one for one in examine([("-", standing), ("new.yaml", other.encode())]).findings if one.severity == "FAIL"
    ]
    assert any("overlaps" in one.text for one in failures)


def _problems(lan: RealLan) -> str:
    return json.dumps(lan.state("controller")["config"]["problems"], ensure_ascii=False)[1:-1].replace('\\"', '"')


def _assert_no_problem(lan: RealLan) -> None:
    """Soon, at the latest: changes are believed after a moment."""
    end = time.monotonic() + SETTLED_S
    while (said := _problems(lan)) and time.monotonic() < end:
        time.sleep(LOOK_EVERY)
    assert said == ""


def _keys(sample: Sample) -> list[str]:
    found = [one for one in read("sample", sample.text.encode()).manifests if one.kind == "Service"]
    return [f"{one.namespace}/{one.name}" for one in found]


def _is_a_problem(lan: RealLan, sample: Sample) -> None:
    [(_, _, words)] = sample.failures
    until(f"it is a problem: {words}", lambda: words in (said := _problems(lan)) and said, SETTLED_S)


def _waits(lan: RealLan, sample: Sample) -> None:
    """The Service that the check names, the last one, is told why it has no address."""
    key = _keys(sample)[-1]
    reasons = until("it is told", lambda: FAILED & {one.reason for one in lan.told(*key.split("/"))}, SETTLED_S)
    assert reasons
    assert lan.addresses(key) == []


def _is_told(lan: RealLan, sample: Sample) -> None:
    [key] = _keys(sample)
    [(_, _, words)] = sample.failures
    until("it is told", lambda: any(words in one.message for one in lan.told(*key.split("/"))), SETTLED_S)


def _is_fine(lan: RealLan, sample: Sample) -> None:
    for key in _keys(sample):
        until(f"{key} has an address", lambda key=key: lan.addresses(key), SETTLED_S)  # type: ignore[misc]
    _assert_no_problem(lan)
