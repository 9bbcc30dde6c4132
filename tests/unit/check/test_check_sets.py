"""What `pylb check` says of several files and objects together, and of what a cluster has."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pylb.check.cli import check
from pylb.check.examination import Examined, examine
from pylb.core.manifest import Severity
from pylb.kube import manifests

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


def test_files_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of 4 MiB each have no room in memory together: each is understood before the next is read."""
    steps: list[str] = []
    real = manifests.read

    def load(name: str) -> bytes:
        steps.append(f"load {name[-6:]}")
        return b"kind: Secret\napiVersion: v1\nmetadata: {name: x}\n"

    def read(source: str, content: bytes) -> manifests.Read:
        steps.append(f"read {source[-6:]}")
        return real(source, content)

    monkeypatch.setattr("pylb.check.cli.load", load)
    monkeypatch.setattr(manifests, "read", read)
    assert CliRunner().invoke(check, ["a.yaml", "b.yaml"]).exit_code == 0
    assert steps == ["load a.yaml", "read a.yaml", "load b.yaml", "read b.yaml"]


def test_what_is_no_object_in_a_list_is_told_with_its_line() -> None:
    """Also in a List in a List; what is one counts."""
    pool = "- " + (POOL + RANGE).rstrip().replace("\n", "\n  ")
    inner = "- apiVersion: v1\n  kind: List\n  items: [true]\n"
    examined = look(f"apiVersion: v1\nkind: List\nitems:\n- just a text\n-\n{inner}{pool}\n")
    told = examined.findings
    assert examined.objects == 1
    failures = [(one.line, one.text) for one in told if one.severity is Severity.FAIL]
    assert failures == [
        (4, "items[0]: an object is expected, with apiVersion and kind, not 'just a text'"),
        (5, "items[1]: an object is expected, with apiVersion and kind, not null"),
        (8, "items[0]: an object is expected, with apiVersion and kind, not true"),
    ]


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        ("myASN", '"x"', "write a whole number from 0 to 4294967295, without quotes"),
        ("peerPort", "0.5", "write a whole number from 1 to 16384, without quotes"),
        ("peerPort", "70000", "write a number from 1 to 16384"),
    ],
)
def test_the_bounds_of_a_number_are_in_the_fix(field: str, value: str, fix: str) -> None:
    kind = "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: r, namespace: metallb-system}\nspec:\n"
    fields = {"myASN": "1", "peerASN": "2", "peerAddress": "10.0.0.1", field: value}
    told = look(kind + "".join(f"  {name}: {one}\n" for name, one in fields.items())).findings
    assert [one.fix for one in told if one.severity is Severity.FAIL and one.field == f"spec.{field}"] == [fix]


def test_a_pools_annotation_that_nobody_reads_fails() -> None:
    noted = POOL.replace("  name: p\n", "  name: p\n  annotations:\n    pylb.io/reserve: 10.77.3.1\n") + RANGE
    [failure] = [one for one in look(noted).findings if one.severity is Severity.FAIL]
    assert (failure.line, failure.fix) == (6, "write pylb.io/reserved")
