"""`microk8s enable pylb --takeover`, `microk8s pylb rollback` and `restore`, against a kubectl that records."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes import metallb
from fakes.microk8s import MicroK8s, stand_in_kubectl

JSON = dict[str, Any]
HAD = {"web": "192.168.88.241", "far": "192.168.99.9"}
POOLS = {"IPAddressPool/metallb-system/house", "L2Advertisement/metallb-system/house"}
WEBHOOKS = f"ValidatingWebhookConfiguration//{metallb.WEBHOOKS}"
CONVERTED = f"CustomResourceDefinition//{metallb.CONVERTED}"
CONTROLLER, SPEAKER = "Deployment/metallb-system/controller", "DaemonSet/metallb-system/speaker"
OURS, COPY = "Deployment/pylb-system/pylb-controller", "Secret/pylb-system/pylb-metallb-backup"


def service(name: str, address: str) -> JSON:
    status = {"loadBalancer": {"ingress": [{"ip": address}]}}
    metadata = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"type": "LoadBalancer"},
        "status": status,
    }


@pytest.fixture
def home(tmp_path: Path) -> MicroK8s:
    """MicroK8s on which MetalLB runs; one of its Services has an address of no pool."""
    made = MicroK8s(tmp_path / "snapped", stand_in_kubectl())
    (made.home / "common").mkdir()
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "192.168.88.20"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    made.place(node, metallb.namespace(), *metallb.kinds(), *metallb.workloads(), *metallb.pods(), metallb.webhooks())
    made.place(*metallb.configuration("192.168.88.240-192.168.88.250"), *(service(*one) for one in HAD.items()))
    made.see("lan-of-the-test", "192.168.88.20/24", "192.168.88.1")
    return made


def plugin(home: MicroK8s, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What `microk8s pylb WORDS` runs."""
    environment = {**home.variables(), **more}
    line = [str(home.addons / "pylb" / "plugin"), *words]
    return subprocess.run(
        line, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
    )


def files(home: MicroK8s) -> list[Path]:
    return sorted((home.home / "common").glob("pylb-metallb-backup-*.json"))


def assert_taken(home: MicroK8s) -> None:
    found = home.objects()
    assert found[CONTROLLER]["spec"]["replicas"] == 0
    assert "pylb.io/taken-over" in found[SPEAKER]["spec"]["template"]["spec"]["nodeSelector"]
    assert not [name for name in found if name.startswith("Pod/metallb-system/")]
    assert WEBHOOKS not in found
    assert found[CONVERTED]["spec"]["conversion"] == {"strategy": "None"}
    assert found["IPAddressPool/metallb-system/pylb-adopted"]["spec"]["addresses"] == ["192.168.99.9/32"]
    assert {OURS, COPY} | POOLS <= found.keys()


def assert_back(home: MicroK8s) -> None:
    found = home.objects()
    assert found[CONTROLLER]["spec"]["replicas"] == 1
    assert found[SPEAKER]["spec"]["template"]["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert found[WEBHOOKS]["webhooks"] == metallb.webhooks()["webhooks"]
    assert found[CONVERTED]["spec"]["conversion"]["strategy"] == "Webhook"
    assert not {OURS, COPY} & found.keys()
    assert found.keys() >= POOLS


def test_it_is_taken_over_and_given_back(home: MicroK8s) -> None:
    done = home.run("enable", "pylb --takeover")
    assert done.returncode == 0, done.stderr
    assert_taken(home)
    [file] = files(home)
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"to restore what is in it: microk8s kubectl apply -f {file}" in done.stdout
    assert "the addresses of 2 Services are as they were" in done.stdout
    done = plugin(home, "rollback")
    assert done.returncode == 0, done.stderr
    assert_back(home)
    again = plugin(home, "rollback")
    assert (again.returncode, "no backup is here" in again.stderr) == (1, True)


def test_a_dry_run_tells_each_step_and_changes_nothing(home: MicroK8s) -> None:
    before = home.objects()
    done = home.run("enable", "pylb --takeover --dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "stop deployment/controller in metallb-system" in done.stdout
    assert (home.objects(), files(home)) == (before, [])


def test_a_folder_that_is_not_there_is_refused_before_anything(home: MicroK8s) -> None:
    before = home.objects()
    done = home.run("enable", "pylb --takeover --backup /nowhere")
    assert (done.returncode, home.objects()) == (2, before)
    assert "--backup: there is no folder /nowhere" in done.stderr


BREAKS = [  # where a take-over may break off: what kubectl is asked
    "kind: Secret",
    "patch deployments.apps/controller -n metallb-system --type=merge --patch-file=/dev/stdin",
    "patch daemonsets.apps/speaker -n metallb-system --type=merge --patch-file=/dev/stdin",
    "kind: ValidatingWebhookConfiguration",
    f"patch customresourcedefinitions/{metallb.CONVERTED} --type=merge --patch-file=/dev/stdin",
    "kind: IPAddressPool",
    "kind: DaemonSet",
    "kind: Deployment",
]


@pytest.mark.parametrize("fault", BREAKS)
def test_a_takeover_that_broke_off_anywhere_can_be_repeated_and_undone(home: MicroK8s, fault: str) -> None:
    done = home.run("enable", "pylb --takeover", FAKE_KUBECTL_FAIL=f"{fault}=>Error from server: nope")
    assert (done.returncode, "Error from server: nope" in done.stderr) == (1, True)
    assert len(files(home)) == 1, "the backup comes first"
    assert json.loads(files(home)[0].read_text())["items"][0]["metadata"]["name"] == "house"
    done = home.run("enable", "pylb --takeover")
    assert done.returncode == 0, done.stderr
    assert_taken(home)
    done = plugin(home, "rollback")
    assert done.returncode == 0, done.stderr
    assert_back(home)


@pytest.mark.parametrize("fault", ["kind: DaemonSet", "kind: ValidatingWebhookConfiguration", BREAKS[1], BREAKS[2]])
def test_a_rollback_that_broke_off_can_be_repeated(home: MicroK8s, fault: str) -> None:
    assert home.run("enable", "pylb --takeover").returncode == 0
    done = plugin(home, "rollback", FAKE_KUBECTL_FAIL=f"{fault}=>Error from server: nope")
    assert (done.returncode, "Error from server: nope" in done.stderr) == (1, True)
    assert plugin(home, "rollback").returncode == 0
    assert_back(home)


def disable_metallb(home: MicroK8s) -> None:
    """What `microk8s disable metallb` does: the kinds go with all pools, and the namespace with the rest."""
    gone = ("IPAddressPool", "L2Advertisement", "CustomResourceDefinition", "ValidatingWebhookConfiguration")
    kept = {
        name: item
        for name, item in home.objects().items()
        if name.split("/")[0] not in gone and "metallb-system" not in name
    }
    (home.state / "objects.json").write_text(json.dumps(kept))


def test_pools_come_back_after_metallb_was_disabled(home: MicroK8s) -> None:
    """MicroK8s does not run `enable` again for an addon that is enabled: the plugin does it, and `enable` would, too."""
    assert home.run("enable", "pylb --takeover").returncode == 0
    [file] = files(home)
    adopted = "IPAddressPool/metallb-system/pylb-adopted"  # the copy in the cluster knows it, the file is older
    for words, more in ((["restore"], {adopted}), (["restore", str(file)], set[str]())):
        disable_metallb(home)
        done = plugin(home, *words)
        assert done.returncode == 0, done.stderr
        assert "restored: IPAddressPool house, " in done.stdout
        found = {name for name in home.objects() if name.startswith("IPAddressPool/")}
        assert found == {"IPAddressPool/metallb-system/house"} | more
    disable_metallb(home)
    done = home.run("enable", "pylb")
    assert done.returncode == 0, done.stderr
    assert "from the backup come back: IPAddressPool house, " in done.stdout
    assert home.objects().keys() >= {*POOLS, adopted}
    done = plugin(home, "rollback")
    assert done.returncode == 1
    assert "MetalLB is not here any more" in done.stderr
    assert OURS in home.objects(), "nothing was changed"


@pytest.mark.parametrize("typed", ["pylb", "pylb --takeover"])
def test_a_pool_that_somebody_deleted_stays_deleted(home: MicroK8s, typed: str) -> None:
    """A take-over again keeps the addresses that it gave to Services, beside those that were kept before."""
    assert home.run("enable", "pylb --takeover").returncode == 0
    kept = {name: item for name, item in home.objects().items() if name not in POOLS}
    (home.state / "objects.json").write_text(json.dumps(kept))
    assert home.run("enable", typed).returncode == 0
    assert not POOLS & home.objects().keys()
    entries = ["192.168.99.9/32", *(["192.168.88.241/32"] if "takeover" in typed else [])]
    assert home.objects()["IPAddressPool/metallb-system/pylb-adopted"]["spec"]["addresses"] == entries


def test_metallb_that_was_disabled_before(home: MicroK8s) -> None:
    disable_metallb(home)
    done = home.run("enable", "pylb --takeover 192.168.88.245-250")
    assert done.returncode == 0, done.stderr
    assert "MetalLB itself is not here any more" in done.stdout
    found = home.objects()["IPAddressPool/metallb-system/pylb-adopted"]
    assert found["spec"] == {"addresses": ["192.168.88.241/32", "192.168.99.9/32"], "autoAssign": False}


@pytest.mark.parametrize("words", [["restore", "/nowhere"], ["restore"]])
def test_a_backup_that_is_not_there_is_named(home: MicroK8s, words: list[str]) -> None:
    done = plugin(home, *words)
    assert done.returncode == (2 if len(words) > 1 else 1)
    assert "/nowhere" in done.stderr or "no backup is in this cluster" in done.stderr
