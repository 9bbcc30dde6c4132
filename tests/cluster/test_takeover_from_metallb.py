"""`pylb install --takeover` and `pylb rollback` on a real Kubernetes, from objects as MetalLB left them: no Service changes
its address, whatever is run in which order."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import client
from cluster.client import Cluster
from fakes import metallb
from fakes.cluster import deployment
from pylb.core.rivalry import OURS

API = "https://100.64.77.1:6443"  # as the nodes reach it
POOL = "10.77.0.240-10.77.0.249"
INSIDE, OUTSIDE, NEXT = "10.77.0.244", "10.77.0.230", "10.77.0.240"
HAD = {"web": INSIDE, "old": OUTSIDE}
LIMIT_S = 240.0  # of one command
pytestmark = pytest.mark.timeout(420)  # installations, and MetalLB's pods that come and go
HOOKS = f"validatingwebhookconfigurations/{metallb.WEBHOOKS}"
CONVERSION = ("customresourcedefinitions", metallb.CONVERTED, "-o", "jsonpath={.spec.conversion.strategy}")
KINDS = "ipaddresspools.metallb.io"


class Taken:
    """A cluster, and what somebody types on n1."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(re.sub(r"https://127\.0\.0\.1:\d+", API, cluster.kubeconfig.read_text()))

    def pylb(self, *words: str, code: int = 0) -> str:
        """Run a command to its end; all that it printed."""
        line = [sys.executable, "-m", "pylb", *words, "--kubeconfig", str(self.kubeconfig)]
        where = f"PATH={client.programs()}:{os.environ['PATH']}"
        done: subprocess.CompletedProcess[str] = self.cluster.exec("n1", ["env", where, *line], timeout=LIMIT_S)
        assert done.returncode == code, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def take_over(self, *words: str, code: int = 0) -> str:
        return self.pylb("install", "--takeover", "--backup", str(self.folder), *words, code=code)

    def kubectl(self, *words: str, text: str = "") -> str:
        done = self.cluster.kubectl(*words, text=text)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    def make(self, *objects: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def names(self, *words: str) -> list[str]:
        return self.kubectl("get", *words, "-o", "name").split()

    def addresses(self) -> dict[str, str]:
        """The recorded address of each Service that has one."""
        items = json.loads(self.kubectl("get", "services", "-n", "default", "-o", "json"))["items"]
        told = {one["metadata"]["name"]: one["status"].get("loadBalancer", {}).get("ingress") for one in items}
        return {name: ingress[0]["ip"] for name, ingress in told.items() if ingress}

    def record(self, name: str, address: str) -> None:
        """Write a Service's status as MetalLB's controller does."""
        body = {
            "metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": "house"}},
            "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
        }
        words = ("--subresource=status", "--type=merge", "--field-manager=controller", "-p", json.dumps(body))
        self.kubectl("patch", "service", name, *words)

    def answered(self, address: str) -> None:
        url = f"http://{address}/"
        self.cluster.wait(f"{address} is answered", lambda: self.cluster.request("client", url).status == 200)

    def metallb_serves(self) -> bool:
        told = self.kubectl("get", "pods", "-n", metallb.SPACE, "-o", "jsonpath={.items[*].status.phase}").split()
        return told == ["Running"] * 4  # a controller, a speaker a node

    def place_metallb(self) -> None:
        """MetalLB, a pool, and Services that it gave addresses to; one is of a pool that is no more."""
        self.make(metallb.namespace(), *metallb.kinds())
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        self.make(*metallb.configuration(POOL))
        self.make(*metallb.workloads(), metallb.webhooks())
        self.cluster.wait("MetalLB runs", self.metallb_serves, 60.0)

    def disable_metallb(self) -> None:
        """What `microk8s disable metallb` does: the kinds go, with all pools, the namespace, and the workloads."""
        self.kubectl("delete", HOOKS, "--ignore-not-found")
        self.kubectl("delete", "crd", *[one["metadata"]["name"] for one in metallb.kinds()])
        self.kubectl("delete", "namespace", metallb.SPACE)


def service(name: str) -> dict[str, Any]:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80, "targetPort": 8080}], "selector": {"app": "web"}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


@pytest.fixture(scope="module")
def taken(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    """A cluster of its own on which MetalLB runs, with two Services."""
    with client.start("nftables", images=[image]) as made:
        one = Taken(made, tmp_path_factory.mktemp("taken"))
        one.place_metallb()
        one.make(deployment("default/web", {"app": "web"}, 8080), *map(service, HAD))
        for name, address in HAD.items():
            one.record(name, address)
        yield one


def test_without_the_flag_nothing_is_done(taken: Taken) -> None:
    refused = taken.cluster.kubectl("create", "-f", "-", text=json.dumps(metallb.configuration("10.0.0.0/30")[0]))
    assert "failed calling webhook" in refused.stderr, "what the take-over is to remove does not work"
    assert "add --takeover" in taken.pylb("install", code=1)
    told = taken.take_over("--dry-run")
    for line in (
        "write a backup (1 pools, 1 other objects, the addresses of 2 Services)",
        "stop deployment/controller in metallb-system",
        "stop daemonset/speaker in metallb-system",
        f"delete the webhook configuration {metallb.WEBHOOKS}",
        f"remove the conversion by MetalLB from {metallb.CONVERTED}",
    ):
        assert line in told
    assert taken.metallb_serves()
    assert "namespace/pylb-system" not in taken.names("namespaces")
    assert list(taken.folder.glob("*.json")) == []


def test_metallbs_place_is_taken_and_no_service_changes_its_address(taken: Taken) -> None:
    told = taken.take_over()
    assert "the addresses of 2 Services are as they were" in told
    [backup] = taken.folder.glob("pylb-metallb-backup-*.json")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert f"apply -f {backup}" in told
    assert taken.addresses() == HAD
    assert taken.names("pods", "-n", metallb.SPACE) == []
    assert taken.names(HOOKS, "--ignore-not-found") == []
    assert taken.kubectl("get", *CONVERSION) == "None"
    assert "ipaddresspool.metallb.io/pylb-adopted" in taken.names(KINDS, "-A")
    taken.kubectl("apply", "-f", str(backup))  # the command that it printed works
    for address in HAD.values():
        taken.answered(address)
    taken.make(service("new"))
    taken.cluster.wait("a new Service has an address", lambda: taken.addresses().get("new") == NEXT)
    assert "the addresses of 3 Services are as they were" in taken.take_over()  # it can be repeated
    taken.kubectl("delete", "service", "new")


def test_somebody_who_writes_too_is_named_and_left_alone(taken: Taken) -> None:
    taken.make(service("fought"))
    taken.cluster.wait("it has an address", lambda: taken.addresses().get("fought"))
    given = taken.addresses()["fought"]
    entries = json.loads(taken.kubectl("get", "service", "fought", "--show-managed-fields", "-o", "json"))
    assert {one["manager"] for one in entries["metadata"]["managedFields"] if one.get("subresource")} == {OURS}
    taken.record("fought", "10.99.0.1")
    taken.cluster.wait("once is mended", lambda: taken.addresses()["fought"] == given)
    taken.record("fought", "10.99.0.1")

    def told() -> bool:
        words = ("events", "--field-selector=reason=SecondWriter,type=Warning", "-o", "jsonpath={.items[*].message}")
        return "\"controller\" (as MetalLB's controller is called) writes this Service's status, too: 10.99.0.1" in (
            taken.kubectl("get", *words)
        )

    taken.cluster.wait("it is told", told)
    for address in ("10.99.0.2", "10.99.0.3"):
        taken.record("fought", address)
        assert taken.addresses()["fought"] == address
    assert {name: taken.addresses()[name] for name in HAD} == HAD
    taken.kubectl("delete", "service", "fought")


def test_rollback_returns_to_metallb_and_it_can_be_taken_over_again(taken: Taken) -> None:
    told = taken.pylb("rollback")
    assert "MetalLB serves again" in told
    assert taken.metallb_serves()
    assert taken.addresses() == HAD
    assert taken.names(HOOKS) == [f"validatingwebhookconfiguration.admissionregistration.k8s.io/{metallb.WEBHOOKS}"]
    assert taken.kubectl("get", *CONVERSION) == "Webhook"
    assert "pylb" not in str(taken.names("deployments,daemonsets", "-n", "pylb-system"))
    assert "no backup is here" in taken.pylb("rollback", code=1)
    taken.take_over()
    assert (taken.addresses(), taken.names("pods", "-n", metallb.SPACE)) == (HAD, [])


def test_metallb_that_is_disabled_afterwards_takes_no_pool_along_for_good(taken: Taken) -> None:
    taken.disable_metallb()
    assert "MetalLB is not here any more" in taken.pylb("rollback", code=1)
    told = taken.pylb("install")
    assert "from the backup come back: IPAddressPool house" in told
    assert "ipaddresspool.metallb.io/house" in taken.names(KINDS, "-A")
    assert taken.addresses() == HAD
    for address in HAD.values():
        taken.answered(address)


def test_metallb_that_was_disabled_before_leaves_services_that_keep_their_addresses(taken: Taken) -> None:
    taken.pylb("uninstall", "--purge")
    assert taken.addresses() == HAD
    told = taken.take_over("--range", POOL)
    assert "MetalLB itself is not here any more" in told
    assert taken.addresses() == HAD
    for address in HAD.values():
        taken.answered(address)
