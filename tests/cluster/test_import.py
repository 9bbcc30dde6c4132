"""`pylb import` and `pylb export` on a real Kubernetes: an old ConfigMap becomes resources under a Service that is in use,
whose address is never cleared, and nobody who talks to it notices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster import pylb_on, scenes, steady
from cluster.client import Cluster, programs
from cluster.scenes import FRONT, POOL, Scene
from cluster.steady import Steady
from fakes.cluster import config_map, service, until
from fakes.real import RealLan
from pylb.addon.names import METALLB_NAMESPACE, NAMESPACE
from pylb.core.allocation import memory
from pylb.core.model import ServiceKey
from pylb.core.ranges import parse_address
from pylb.operate.transfer import APPLY

LIMIT_S = 30.0  # of one command
SETTLED_S = 3.0  # after the ConfigMap's end, in which an address that it held would be cleared
OLD = f"""\
address-pools:
- name: good
  protocol: layer2
  addresses: ["{POOL}"]
- name: routed
  protocol: bgp
  addresses: [198.51.100.0/24]
  bgp-advertisements:
  - aggregation-length: 24
    localpref: 100
    communities: [64512:1, no-export]
peers:
- peer-address: 10.77.0.1
  peer-asn: 64501
  my-asn: 64500
  hold-time: 120s
  keepalive-time: 30s
  node-selectors:
  - match-labels: {{kubernetes.io/os: linux}}
    match-expressions: [{{key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}}]
bgp-communities: {{no-export: 65535:65281}}
"""
MADE = {
    "communities": ["communities"],
    "bgppeers": ["peer1"],
    "ipaddresspools": ["good", "routed"],
    "bgpadvertisements": ["bgpadvertisement1"],
    "l2advertisements": ["l2advertisement1"],
}


class Typist:
    """Types commands of pylb's, and of kubectl's."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def pylb(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)}
        argv = [sys.executable, "-m", "pylb", *words]
        return subprocess.run(
            argv, env=environment, input=text, capture_output=True, text=True, timeout=LIMIT_S, check=False,
            cwd=pylb_on.ROOT,
        )  # fmt: skip

    def made(self) -> dict[str, list[str]]:
        found = {}
        for plural in MADE:
            told = self.cluster.kubectl("get", f"{plural}.metallb.io", "-n", METALLB_NAMESPACE, "-o", "json").stdout
            names = [item["metadata"]["name"] for item in json.loads(told)["items"]]
            if names:
                found[plural] = sorted(names)
        return found

    @contextmanager
    def watching(self, key: str, file: Path) -> Iterator[Callable[[], list[str]]]:
        """Every address that the Service's status has while the block lasts, in order, as a watch shows it."""
        namespace, _, name = key.partition("/")
        path = r'jsonpath={.status.loadBalancer.ingress[*].ip}{"\n"}'
        argv = [str(programs() / "kubectl"), "get", "service", name, "-n", namespace, "--watch", "-o", path]
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)}
        with file.open("w") as sink, subprocess.Popen(argv, env=environment, stdout=sink) as process:
            try:
                until("the watch", lambda: file.stat().st_size > 0)
                yield lambda: file.read_text().splitlines()
            finally:
                process.terminate()


@pytest.fixture
def typist(cluster: Cluster) -> Iterator[Typist]:
    """A cluster with the old ConfigMap, and one Service that is served."""
    with RealLan(cluster) as lan:
        steady.at_rest(lan)
        lan.empty()
        yield Typist(cluster)
        lan.empty()
        cluster.kubectl("delete", "configmap", "-n", METALLB_NAMESPACE, "config", "config-before-import")
        cluster.kubectl("delete", "configmap", "-n", NAMESPACE, "pylb-memory")
        for plural in MADE:
            cluster.kubectl("delete", f"{plural}.metallb.io", "-n", METALLB_NAMESPACE, "--all")
        steady.at_rest(lan)


def served(lan: RealLan, old: str = OLD) -> str:
    """The Service, its address, its pods; it answers."""
    lan.create(config_map(old), *(Scene.web(node) for node in lan.nodes), service(FRONT))
    [address] = until("the address", lambda: lan.addresses(FRONT))
    lan.ask(f"http://{address}/", "router", scenes.SERVES_S)
    return address


def test_a_configmap_becomes_resources_and_no_address_is_lost(
    typist: Typist, tmp_path: Path, say: Callable[[str], None]
) -> None:
    """The same as in MetalLB 0.12's time, under a Service that is asked all the while; then again, where nothing is left to
    do, and with a manifest that somebody edited."""
    with RealLan(typist.cluster) as lan:
        address = served(lan)
        tried = typist.pylb("import", "--from-cluster")
        assert (tried.returncode, tried.stderr, typist.made()) == (0, "", {})
        with typist.watching(FRONT, tmp_path / "seen") as seen, Steady(lan, address) as watched:
            began = time.monotonic()
            done = typist.pylb("import", "--from-cluster", "--apply", "--remove-configmap")
            say(f"{time.monotonic() - began:.1f} s")
            assert done.returncode == 0, done.stdout + done.stderr
            time.sleep(SETTLED_S)
            watched.assert_unnoticed()
        assert set(seen()) == {address}
        assert typist.made() == MADE
        maps = typist.cluster.kubectl("get", "configmaps", "-n", METALLB_NAMESPACE, "-o", "name").stdout
        assert "configmap/config\n" not in maps
        assert "configmap/config-before-import" in maps
        until("the pools in force", lambda: lan.state("controller")["config"]["pools"] == ["good", "routed"])
        assert not lan.state("controller")["config"]["stale"]


def test_by_hand_with_a_pool_whose_name_kubernetes_does_not_take(typist: Typist, tmp_path: Path) -> None:
    """Resources and ConfigMap overlap until that is gone: the configuration is stale meanwhile, and no address changes."""
    with RealLan(typist.cluster) as lan:
        address = served(lan, OLD.replace("name: good", "name: Living_Room"))
        with typist.watching(FRONT, tmp_path / "seen") as seen, Steady(lan, address) as watched:
            printed = typist.pylb("import", "--from-cluster", "-o", "yaml")
            assert printed.returncode == 0, printed.stderr
            applied = typist.cluster.kubectl("apply", "-f", "-", text=printed.stdout)
            assert applied.returncode == 0, applied.stderr
            until("the overlap", lambda: lan.state("controller")["config"]["stale"])
            typist.cluster.kubectl("delete", "configmap", "-n", METALLB_NAMESPACE, "config")
            until("it is gone", lambda: not lan.state("controller")["config"]["stale"])
            time.sleep(SETTLED_S)
            watched.assert_unnoticed()
        assert set(seen()) == {address}
        assert sorted(lan.state("controller")["config"]["pools"]) == ["living-room", "routed"]


def test_what_somebody_edited_is_left_to_him(typist: Typist, tmp_path: Path) -> None:
    file = tmp_path / "old.yaml"
    file.write_text(OLD)
    assert typist.pylb("import", str(file), "--apply").returncode == 0
    again = typist.pylb("import", str(file), "--apply")
    assert "0 made or changed, 6 as they were." in again.stdout
    file.write_text(OLD.replace("198.51.100.0/24", "203.0.113.0/24"))
    changed = typist.pylb("import", str(file), "--apply")
    assert changed.returncode == 0, changed.stderr
    assert f"IPAddressPool {METALLB_NAMESPACE}/routed changed" in changed.stdout
    edit = json.dumps({"spec": {"addresses": ["192.0.2.0/24"]}})
    typist.cluster.kubectl(
        "patch", "ipaddresspools.metallb.io", "routed", "-n", METALLB_NAMESPACE, "--type", "merge", "-p", edit
    )
    file.write_text(OLD)
    refused = typist.pylb("import", str(file), "--apply")
    assert refused.returncode == 1
    assert f"IPAddressPool {METALLB_NAMESPACE}/routed: the API server refuses it: " in refused.stderr
    assert "Nothing was changed." in refused.stderr


def test_an_export_is_what_kubectl_applies(typist: Typist) -> None:
    """And a Service that it tells of gets its address back, though others are free that come first. It is one that no
    controller ever saw, so that nothing but the file can have told it."""
    with RealLan(typist.cluster) as lan:
        served(lan)
        assert typist.pylb("import", "--from-cluster", "--apply", "--remove-configmap").returncode == 0
        lan.create(*(service(key) for key in ("default/second", "default/third")))
        [third] = until("the third address", lambda: lan.addresses("default/third"))
        exported = typist.pylb("export")
        assert exported.returncode == 0, exported.stderr
        lan.remove(service(FRONT), service("default/second"), service("default/third"))
        for plural in MADE:
            typist.cluster.kubectl("delete", f"{plural}.metallb.io", "-n", METALLB_NAMESPACE, "--all")
        backup = exported.stdout.replace("default/third", "default/unheard-of")
        applied = typist.cluster.kubectl(*APPLY.split()[1:], "-", text=backup)
        assert applied.returncode == 0, applied.stderr
        assert typist.made() == MADE
        until("the pools in force", lambda: lan.state("controller")["config"]["pools"] == ["good", "routed"])
        lan.create(service("default/unheard-of"))
        assert until("its address", lambda: lan.addresses("default/unheard-of")) == [third]
        lan.remove(service("default/unheard-of"))


def test_a_large_export_goes_over_what_a_controller_made_meanwhile(typist: Typist) -> None:
    """By the command that its head names; a plain `kubectl apply -f` has no room for its own copy."""
    keys = {
        ServiceKey(f"a-namespace-of-a-name-that-is-long/service-number-{at:05}"): at for at in range(memory.MAX_KEPT)
    }
    many = {key: (parse_address(f"10.99.{at >> 8}.{at & 255}"),) for key, at in keys.items()}
    meta = {"name": memory.NAME, "namespace": memory.NAMESPACE}
    wanted = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta,
        "data": memory.render(memory.gather(many, time.time())),
    }
    made = {
        **wanted,
        "data": memory.render(memory.gather({ServiceKey("a/b"): (parse_address("10.98.0.1"),)}, time.time())),
    }
    kubectl = typist.cluster.kubectl
    kubectl("delete", "configmap", "-n", memory.NAMESPACE, memory.NAME, "--ignore-not-found")
    kubectl("create", "-f", "-", "--field-manager=pylb-controller", text=json.dumps(made))
    plain = kubectl("apply", "-f", "-", text=json.dumps(wanted))
    assert plain.returncode != 0
    assert "metadata.annotations: Too long" in plain.stderr
    unforced = kubectl("apply", "--server-side", "-f", "-", text=json.dumps(wanted))
    assert unforced.returncode != 0
    assert "conflict" in unforced.stderr
    applied = kubectl(*APPLY.split()[1:], "-", text=json.dumps(wanted))
    assert applied.returncode == 0, applied.stderr
    found = json.loads(kubectl("get", "configmap", "-n", memory.NAMESPACE, memory.NAME, "-o", "json").stdout)
    assert found["data"] == wanted["data"]
    kubectl("delete", "configmap", "-n", memory.NAMESPACE, memory.NAME)
