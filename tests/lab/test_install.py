"""`pylb install` typed on a node: it asks the node's real LAN before it agrees to a range. Nothing is installed here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from pylb.lab.client import Lab

VIRTUAL = "10.77.0.240"  # what a keepalived on n3 holds
WITHOUT_RAW = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
LIMIT_S = 60.0

pytestmark = pytest.mark.kubectl


@pytest.fixture(scope="module")
def cluster(kube_lab: Lab) -> Iterator[Lab]:
    """A cluster without pylb, with one more address on n3."""
    assert kube_lab.exec("n3", ["ip", "address", "add", f"{VIRTUAL}/32", "dev", "eth0"]).returncode == 0
    try:
        yield kube_lab
    finally:
        kube_lab.exec("n3", ["ip", "address", "del", f"{VIRTUAL}/32", "dev", "eth0"])


def install(lab: Lab, *words: str, how: tuple[str, ...] = (), host: str = "n1") -> subprocess.CompletedProcess[str]:
    inside = lab.kubeconfig.with_name(f"{lab.kubeconfig.name}.inside")
    line = [*how, sys.executable, "-m", "pylb", "install", *words, "--kubeconfig", str(inside)]
    return lab.exec(host, line, timeout=LIMIT_S)


@pytest.mark.parametrize("how", [(), WITHOUT_RAW], ids=["raw socket", "through the kernel"])
def test_an_address_that_somebody_answers_for_is_named_with_the_mac_and_the_node(
    cluster: Lab, how: tuple[str, ...]
) -> None:
    done = install(cluster, "--range", "10.77.0.236-245", how=how)
    assert done.returncode == 2
    mac = cluster.hosts["n3"]["mac"]
    assert f"{VIRTUAL} is in use: {mac} answers for it (the node n3)" in done.stderr
    assert "or: pylb install --range 10.77.0.241-10.77.0.250" in done.stderr


def test_the_proposal_goes_round_it(cluster: Lab) -> None:
    done = install(cluster)
    assert done.returncode == 2
    assert "type pylb install --range 10.77.0.230-10.77.0.239" in done.stderr


def test_router_and_nodes_are_found(cluster: Lab) -> None:
    done = install(cluster, "--range", "10.77.0.0/24")
    assert done.returncode == 2
    assert "10.77.0.1 is the router" in done.stderr
    assert "10.77.0.22 is the address of the node n2" in done.stderr


def test_a_quiet_range_is_agreed_to_without_a_note(cluster: Lab) -> None:
    done = install(cluster, "--range", "10.77.0.241-250", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the pool: 10.77.0.241-10.77.0.250" in done.stdout
    assert "note:" not in done.stdout
