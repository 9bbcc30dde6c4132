"""`pylb install` on a real Kubernetes: from nothing to the first answer on the LAN, and back to nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import client, pylb_on
from cluster.client import Cluster

API = "https://100.64.77.1:6443"  # as the nodes reach it
RANGE = "10.77.0.241-10.77.0.250"
ADDRESS = "10.77.0.241"
LIMIT_S = 240.0  # of one command
pytestmark = pytest.mark.timeout(300)  # six installations and their ends, with pods that are pulled from nowhere
METADATA = {"name": "first", "namespace": "default", "labels": {"app": "first"}}
STAND_IN = {"name": "c", "image": "example.invalid/stand-in", "ports": [{"containerPort": 8080}]}
FIRST = [
    {"apiVersion": "v1", "kind": "Pod", "metadata": METADATA, "spec": {"containers": [STAND_IN]}},
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": METADATA,
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80, "targetPort": 8080}], "selector": {"app": "first"}},
    },
]


@pytest.fixture(scope="module")
def empty(image: Path) -> Iterator[Cluster]:
    """A cluster of its own that has pylb's image on its nodes, and nothing of pylb besides."""
    with client.start("nftables", images=[image]) as made:
        yield made


@pytest.fixture(scope="module")
def kubeconfig(empty: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig for a person who sits at a node."""
    text = empty.kubeconfig.read_text()
    path = tmp_path_factory.mktemp("node") / "kubeconfig"
    path.write_text(re.sub(r"https://127\.0\.0\.1:\d+", API, text))
    return path


def pylb(cluster: Cluster, kubeconfig: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What somebody types on n1."""
    line = [sys.executable, "-m", "pylb", *words, "--kubeconfig", str(kubeconfig)]
    where = f"PATH={client.programs()}:{os.environ['PATH']}"
    return cluster.exec("n1", ["env", where, *line], timeout=LIMIT_S)


def objects(cluster: Cluster, *words: str) -> list[str]:
    return pylb_on.check(cluster, "get", *words, "-o", "name").split()


def test_an_image_that_no_node_has_stops_it_before_anything_is_deployed(empty: Cluster, kubeconfig: Path) -> None:
    done = pylb(empty, kubeconfig, "install", "--range", RANGE, "--image", "registry.invalid/pylb:none")
    assert done.returncode == 1
    for node in ("n1", "n2", "n3"):
        assert f"{node}: " in done.stderr
    assert "Nothing was deployed." in done.stderr
    assert "namespace/pylb-system" not in objects(empty, "namespaces")
    assert objects(empty, "customresourcedefinitions") == []


def test_install_answers_the_first_service_and_uninstall_leaves_pools_or_nothing(
    empty: Cluster, kubeconfig: Path
) -> None:
    done = pylb(empty, kubeconfig, "install", "--range", RANGE)
    assert done.returncode == 0, done.stderr
    assert "seen on n1, n2, n3" in done.stdout
    assert "ready: 2 of 2 controllers and 3 of 3 speakers are ready" in done.stdout
    objects_made = json.dumps({"apiVersion": "v1", "kind": "List", "items": FIRST})
    assert empty.kubectl("apply", "-f", "-", text=objects_made).returncode == 0
    given = f"jsonpath={{.status.loadBalancer.ingress[0].ip}}={ADDRESS}"
    assert empty.kubectl("wait", "service/first", f"--for={given}", "--timeout=20s").returncode == 0
    assert empty.kubectl("wait", "pod/first", "--for=condition=Ready", "--timeout=30s").returncode == 0
    empty.wait("the client is answered", lambda: empty.request("client", f"http://{ADDRESS}/").status == 200)
    assert empty.kubectl("delete", "service/first", "pod/first", "--now").returncode == 0

    again = pylb(empty, kubeconfig, "install", "--range", "10.77.0.230-239")
    assert again.returncode == 0, again.stderr
    for _ in range(2):
        done = pylb(empty, kubeconfig, "uninstall")
        assert (done.returncode, done.stderr) == (0, "")
    assert objects(empty, "deployments,daemonsets,secrets", "-n", "pylb-system") == []
    assert objects(empty, "ipaddresspools.metallb.io", "-A") == ["ipaddresspool.metallb.io/default-addresspool"]
    done = pylb(empty, kubeconfig, "install")
    assert done.returncode == 0, done.stderr
    assert "kept: the pools that are here (metallb-system/default-addresspool: 10.77.0.230-10.77.0.239)" in done.stdout
    assert pylb(empty, kubeconfig, "uninstall", "--purge").returncode == 0
    assert objects(empty, "customresourcedefinitions") == []
    assert not {"namespace/pylb-system", "namespace/metallb-system"} & set(objects(empty, "namespaces"))
