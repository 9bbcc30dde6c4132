"""What `pylb check` says of several files and objects together, and of what a cluster has."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from pylb.check.cli import check
from pylb.check.examination import Examined, examine
from pylb.core.manifest import Severity

POOL = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: p\n  namespace: metallb-system\n"
RANGE = "spec:\n  addresses:\n  - 10.77.3.0/29\n"


def look(*texts: str) -> Examined:
    return examine((f"{number}.yaml", text.encode()) for number, text in enumerate(texts))


def test_an_empty_file_beside_others_is_a_hint() -> None:
    """kubectl passes it over; alone, it refuses it."""
    assert [one.severity for one in look(POOL + RANGE, "", "# notes\n").findings] == [Severity.HINT] * 3
    assert [one.severity for one in look("", "# notes\n").findings] == [Severity.FAIL] * 2


def test_the_last_of_two_objects_of_one_name_counts_alone() -> None:
    """Whatever is wrong between others and the first one is gone with it."""
    beside = POOL.replace("name: p", "name: q") + RANGE
    told = [one for one in look(POOL + RANGE, beside, POOL + RANGE.replace(".3.", ".9.")).findings if one.fix]
    [failure] = [one for one in told if one.severity is Severity.FAIL]
    assert (failure.source, failure.field) == ("2.yaml", "metadata.name")
    assert "written twice (first in 0.yaml:4)" in failure.text


def test_what_stands_in_a_name_prints_nothing_of_its_own() -> None:
    odd = POOL.replace("name: p", r'name: "a\nb.yaml:1: FAIL: \e[31mred"') + RANGE
    done = CliRunner().invoke(check, ["-"], input=odd.encode(), color=True)
    code, out = done.exit_code, done.stdout
    assert (code, "\x1b" in out) == (1, False)
    assert all(line.startswith(("-:", "    fix: ", "1 file")) for line in out.splitlines())
    assert r"\nb.yaml:1: FAIL: \x1b[31mred" in out


BOTH = """apiVersion: v1
kind: Service
metadata:
  name: web
  annotations:
    metallb.io/loadBalancerIPs: 10.77.3.1
    metallb.universe.tf/loadBalancerIPs: {}
spec:
  type: LoadBalancer
  ports: [{{port: 80}}]
"""


@pytest.mark.parametrize(("old", "hints"), [("10.77.3.2", 1), ("10.77.3.1", 0)])
def test_an_annotation_under_the_old_prefix_that_says_something_else_is_told(old: str, hints: int) -> None:
    told = [one for one in look(POOL + RANGE, BOTH.format(old)).findings if one.source == "1.yaml"]
    assert [(one.line, one.severity) for one in told] == [(7, Severity.HINT)] * hints


SERVED = """apiVersion: v1
kind: Service
metadata: {name: web, namespace: default, uid: u}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.9
  clusterIPs: [10.96.0.9]
  ports: [{port: 80}]
status: {loadBalancer: {ingress: [{ip: 10.77.3.5}]}}
"""


@pytest.mark.parametrize(("addresses", "severity"), [(".0/29", None), (".0/30", Severity.HINT)])
def test_a_service_of_a_cluster_that_would_change_its_address_is_told(
    addresses: str, severity: Severity | None
) -> None:
    old = POOL.replace("name: p\n", "name: p\n  uid: p\n") + RANGE
    told = look(f"{old}---\n{SERVED}", POOL + RANGE.replace(".0/29", addresses)).findings
    moved = [one for one in told if one.field == "status"]
    assert [one.severity for one in moved] == ([severity] if severity else [])
    assert all("it has 10.77.3.5" in one.text and "10.77.3.0 of pool p" in one.text for one in moved)


def test_pools_that_swap_their_ranges_take_no_address_from_who_may_keep_it() -> None:
    """The first Service has to go, and is given none that another one keeps."""
    asking = SERVED.replace("name: web", "name: asks, annotations: {metallb.io/address-pool: q}").replace(
        ".3.5", ".4.0"
    )
    keeping = SERVED.replace(".3.5", ".3.0")
    swapped = POOL + RANGE.replace(".3.", ".4.") + "---\n" + POOL.replace("name: p", "name: q") + RANGE
    told = look(f"{asking}---\n{keeping}", swapped).findings
    assert [one.text for one in told if one.field == "status"] == [
        "it has 10.77.4.0, which it may not keep, and is given 10.77.3.1 of pool q instead"
    ]


def test_what_kubectl_takes_for_a_boolean_is_told_as_one() -> None:
    noted = POOL + "  annotations:\n    house: y\n" + RANGE
    [text] = [one.text for one in look(noted).findings if one.severity is Severity.FAIL]
    assert text == "metadata.annotations.house in body must be of type string, not true"
