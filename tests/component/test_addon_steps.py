"""What `enable` and `disable` do to a cluster and in which order, against a kubectl that records what it is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.microk8s import MicroK8s, stand_in_kubectl
from pylb.core.crds.table import definitions

JSON = dict[str, Any]
RANGE = "192.168.88.201-192.168.88.254"
POOL = "IPAddressPool/metallb-system/default-addresspool"
DEPLOYMENT = "Deployment/pylb-system/pylb-controller"
SECRETS = ("Secret/pylb-system/pylb-speakers", "Secret/pylb-system/pylb-reader")


@pytest.fixture
def microk8s(tmp_path: Path) -> MicroK8s:
    return MicroK8s(tmp_path / "snapped", stand_in_kubectl())


def changes(microk8s: MicroK8s) -> list[JSON]:
    return [call for call in microk8s.calls() if call["argv"][0] not in ("get", "wait")]


def addresses(microk8s: MicroK8s) -> list[str]:
    return list(microk8s.objects()[POOL]["spec"]["addresses"])


def test_definitions_come_first_and_are_waited_for_and_the_deployment_is_last(microk8s: MicroK8s) -> None:
    """MicroK8s takes the addon for enabled when the Deployment is there: nothing may be missing then."""
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    calls = [call for call in microk8s.calls() if call["argv"][0] in ("apply", "create", "wait")]
    kinds = [
        {item["kind"] for item in json.loads(call["stdin"])["items"]} if call["stdin"] else set() for call in calls
    ]
    assert [call["argv"][0] for call in calls] == ["apply", "apply", "wait", "apply", "create", "apply", "apply"]
    assert kinds[0] == {"Namespace"}  # for the look at the images
    assert kinds[1] == {"Namespace", "CustomResourceDefinition"}
    assert kinds[3] == {"IPAddressPool", "L2Advertisement"}
    assert kinds[4] == {"Secret"}
    assert kinds[-1] == {"Deployment"}
    assert not any("Deployment" in earlier for earlier in kinds[:-1])


def test_twice_changes_the_range_and_keeps_the_keys(microk8s: MicroK8s) -> None:
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    before = microk8s.objects()
    done = microk8s.run("enable", "pylb 10.0.0.0/28")
    after = microk8s.objects()
    assert (done.returncode, done.stderr) == (0, "")
    assert "the speakers' keys (kept)" in done.stdout
    assert [after[name] for name in SECRETS] == [before[name] for name in SECRETS]
    assert addresses(microk8s) == ["10.0.0.0/28"]
    assert set(before) == set(after)


def test_one_missing_key_is_made_and_the_other_kept(microk8s: MicroK8s) -> None:
    """A user may have made the speakers' key before."""
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    before = microk8s.objects()
    kept = {name: item for name, item in before.items() if name != SECRETS[1]}
    (microk8s.state / "objects.json").write_text(json.dumps(kept))
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    after = microk8s.objects()
    assert after[SECRETS[0]] == before[SECRETS[0]]
    assert after[SECRETS[1]]["data"] != before[SECRETS[1]]["data"]


def test_keys_are_random_and_leave_no_copy_in_an_annotation(microk8s: MicroK8s, tmp_path: Path) -> None:
    other = MicroK8s(tmp_path / "other", stand_in_kubectl())
    for one in (microk8s, other):
        assert one.run("enable", f"pylb {RANGE}").returncode == 0
        assert not [c for c in one.calls() if c["argv"][0] == "apply" and '"Secret"' in c["stdin"]]
    keys = [str(one.objects()[name]["data"]) for one in (microk8s, other) for name in SECRETS]
    assert len(set(keys)) == 4


def test_the_snaps_own_variables_reach_its_own_kubectl_and_no_program_of_the_host(microk8s: MicroK8s) -> None:
    """PYTHONPATH and LD_LIBRARY_PATH of the snap break a Python of the host."""
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    assert all("LD_LIBRARY_PATH" in call["env"] for call in microk8s.calls())
    count = len(microk8s.calls())
    done = microk8s.run("enable", f"pylb {RANGE}", PYLB_KUBECTL=stand_in_kubectl())
    assert (done.returncode, done.stderr) == (0, "")
    host = microk8s.calls()[count:]
    assert host
    assert not [call for call in host if {"PYTHONPATH", "LD_LIBRARY_PATH"} & set(call["env"])]


def test_a_running_metallb_stops_the_installation(microk8s: MicroK8s) -> None:
    containers = {"containers": [{"name": "speaker", "image": "quay.io/metallb/speaker:v0.15.3"}]}
    speaker = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "speaker", "namespace": "metallb-system"},
        "spec": {"template": {"spec": containers}},
    }
    (microk8s.state / "objects.json").write_text(json.dumps({"DaemonSet/metallb-system/speaker": speaker}))
    done = microk8s.run("enable", f"pylb {RANGE}")
    assert done.returncode == 1
    assert "MetalLB runs here (daemonset/speaker in metallb-system)" in done.stderr
    assert changes(microk8s) == []


def foreign() -> dict[str, JSON]:
    """What a MetalLB that was here before leaves: its namespace, a definition, and a pool."""
    metadata = {"name": "ipaddresspools.metallb.io", "labels": {"app": "metallb"}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {"names": {"kind": "IPAddressPool"}},
    }
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "metallb-system"}}
    mine = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": "mine", "namespace": "metallb-system"},
    }
    return {
        "CustomResourceDefinition//ipaddresspools.metallb.io": definition,
        "Namespace//metallb-system": space,
        "IPAddressPool/metallb-system/mine": mine,
    }


def test_what_a_metallb_left_behind_is_left_alone_even_by_a_purge(microk8s: MicroK8s) -> None:
    (microk8s.state / "objects.json").write_text(json.dumps(foreign()))
    done = microk8s.run("enable", f"pylb {RANGE}")
    assert done.returncode == 0
    assert "left as they are: ipaddresspools.metallb.io, metallb-system" in done.stdout
    assert foreign().items() <= microk8s.objects().items()
    done = microk8s.run("disable", "pylb --purge")
    assert (done.returncode, done.stderr) == (0, "")
    assert microk8s.objects() == foreign()
    assert "stays, because it is not pylb's: ipaddresspools.metallb.io, metallb-system" in done.stdout


def test_disable_keeps_pools_and_says_what_stays(microk8s: MicroK8s) -> None:
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    done = microk8s.run("disable", "pylb")
    assert (done.returncode, done.stderr) == (0, "")
    assert "stays: the pools metallb-system/default-addresspool" in done.stdout
    left = {name.split("/")[0] for name in microk8s.objects()}
    assert left == {"Namespace", "CustomResourceDefinition", "IPAddressPool", "L2Advertisement"}
    assert addresses(microk8s) == [RANGE]


def test_disable_deletes_the_deployment_last(microk8s: MicroK8s) -> None:
    """A disable that broke off can be repeated as long as MicroK8s takes the addon for enabled."""
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    count = len(changes(microk8s))
    assert microk8s.run("disable", "pylb").returncode == 0
    last = changes(microk8s)[count:][-1]["stdin"]
    assert [item["kind"] for item in json.loads(last)["items"]][-1] == "Deployment"


@pytest.mark.parametrize("typed", ["pylb", "pylb:--purge"])
def test_disable_works_twice_and_where_nothing_is(microk8s: MicroK8s, typed: str) -> None:
    done = microk8s.run("disable", typed)
    assert (done.returncode, done.stderr) == (0, "")
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    for _ in range(2):
        done = microk8s.run("disable", typed)
        assert (done.returncode, done.stderr) == (0, "")
        assert "pylb is disabled." in done.stdout


def test_purge_leaves_nothing(microk8s: MicroK8s) -> None:
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    assert microk8s.run("disable", "pylb --purge").returncode == 0
    assert microk8s.objects() == {}


def test_disable_takes_no_range(microk8s: MicroK8s) -> None:
    done = microk8s.run("disable", "pylb 10.0.0.0/28")
    assert (done.returncode, microk8s.calls()) == (2, [])
    assert "disable takes no '10.0.0.0/28'" in done.stderr


DEFINED = " ".join(f"customresourcedefinitions/{item['metadata']['name']}" for item in definitions())
WAIT = f"wait --for=condition=Established --timeout=30s {DEFINED}"
BREAKS = [  # where an enable may break off: what kubectl is asked, and how it fails
    "get --raw /version=>The connection to the server 127.0.0.1:16443 was refused - did you specify the right host or port?",
    "kind: CustomResourceDefinition=>Error from server (Forbidden): forbidden",
    WAIT + "=>error: timed out waiting for the condition on customresourcedefinitions/bgppeers.metallb.io",
    "kind: IPAddressPool=>Error from server: admission webhook denied the request",
    "kind: Secret=>Error from server: nope",
    "kind: DaemonSet=>Error from server (Forbidden): daemonsets.apps is forbidden",
    "kind: Deployment=>Error from server: nope",
]


@pytest.mark.parametrize(
    "fault", BREAKS, ids=["version", "definitions", "wait", "pool", "keys", "speakers", "controller"]
)
def test_an_enable_that_broke_off_says_so_and_can_be_repeated_or_undone(microk8s: MicroK8s, fault: str) -> None:
    done = microk8s.run("enable", f"pylb {RANGE}", FAKE_KUBECTL_FAIL=fault)
    message = fault.partition("=>")[2]
    assert done.returncode == (3 if "refused" in message else 1)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert DEPLOYMENT not in microk8s.objects()  # else MicroK8s would refuse to enable it again
    assert microk8s.run("disable", "pylb").returncode == 0
    assert microk8s.run("enable", f"pylb {RANGE}").returncode == 0
    assert {DEPLOYMENT, POOL, *SECRETS} <= set(microk8s.objects())


@pytest.mark.parametrize(
    ("kubectl", "code", "why"),
    [
        ("/nowhere/kubectl", 1, "cannot run /nowhere/kubectl: No such file or directory; install kubectl, or name it"),
        ("false", 1, "`false get --raw /version` failed: exit code 1"),
        ("echo", 1, "answered no JSON object"),
    ],
)
def test_a_kubectl_that_does_not_work_is_named(microk8s: MicroK8s, kubectl: str, code: int, why: str) -> None:
    for program, typed in (("enable", f"pylb {RANGE}"), ("disable", "pylb")):
        done = microk8s.run(program, typed, PYLB_KUBECTL=kubectl)
        assert done.returncode == code
        assert why in done.stderr
        assert "Traceback" not in done.stderr
