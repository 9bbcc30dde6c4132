"""A lab's kubelets: their port, and what stands still while one is stopped."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from pylb.lab.client import Lab
from pylb.lab.errors import BadInput, LabError

PORT = 10250
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2"
KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.0).close()
    print("accepts")
except ConnectionRefusedError:
    print("refuses")
except OSError:
    print("silent")
"""


def knock(lab: Lab, node: str) -> str:
    address = lab.hosts[node]["lan"]
    done = lab.exec("client", [sys.executable, "-I", "-S", "-c", KNOCK, address, str(PORT)])
    return done.stdout.strip()


def test_a_stopped_kubelet_refuses_renews_nothing_and_keeps_its_pods(
    kube_lab: Lab, api_of: Callable[[Lab], Any]
) -> None:
    api = api_of(kube_lab)
    api.namespace("unattended")
    address = api.pod("unattended", "web", "n2", {"TCP": 8080})
    url = f"http://{address}:8080/"
    assert [knock(kube_lab, node) for node in ("n1", "n2", "n3")] == ["accepts"] * 3
    try:
        assert kube_lab.kubelet("stop", "n2") == {"node": "n2", "kubelet": "stopped"}
        kube_lab.kubelet("stop", "n2")
        assert [knock(kube_lab, node) for node in ("n1", "n2")] == ["accepts", "refuses"]
        assert kube_lab.status()["kubelets"] == {"n1": "running", "n2": "stopped", "n3": "running"}
        kube_lab.wait("a beat under way is over", lambda: renewed(api) == renewed(api, after=1.5))
        assert kube_lab.request("n2", url).status == 200
    finally:
        assert kube_lab.kubelet("start", "n2") == {"node": "n2", "kubelet": "running"}
    kube_lab.wait("the port accepts", lambda: knock(kube_lab, "n2") == "accepts")
    before = renewed(api)
    kube_lab.wait("a heartbeat", lambda: renewed(api) != before)
    api.delete("/api/v1/namespaces/unattended/pods/web")
    kube_lab.wait("the pod is gone", lambda: "unattended/web" not in kube_lab.status()["pods"])


def renewed(api: Any, after: float = 0.0) -> str:
    """When the Lease was renewed last, looked at so many seconds from now."""
    time.sleep(after)
    return str(api.get(LEASE)["spec"]["renewTime"])


def test_the_port_is_silent_without_power_and_accepts_with_it_again(kube_lab: Lab) -> None:
    kube_lab.kubelet("stop", "n3")
    kube_lab.power("n3", False)
    try:
        assert knock(kube_lab, "n3") == "silent"
        with pytest.raises(LabError, match="n3 has no power; give it back with: pylb lab power on n3"):
            kube_lab.kubelet("start", "n3")
    finally:
        kube_lab.power("n3", True)
    kube_lab.wait("the port accepts", lambda: knock(kube_lab, "n3") == "accepts")  # a boot starts it


def test_a_bare_lab_has_none(bare_lab: Lab) -> None:
    with pytest.raises(LabError, match="this lab is bare: it has no kubelets"):
        bare_lab.kubelet("stop", "n1")


def test_bad_words_are_one_line(kube_lab: Lab) -> None:
    with pytest.raises(BadInput, match="no such node; there are n1, n2, n3"):
        kube_lab.kubelet("stop", "n9")
    with pytest.raises(BadInput, match="action 'freeze': not known; there are stop, start"):
        kube_lab.kubelet("freeze", "n1")


def test_by_the_command_line(kube_lab: Lab) -> None:
    words = [sys.executable, "-m", "pylb", "lab", "kubelet", "start", "n1", "--name", kube_lab.name]
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)
    assert json.loads(done.stdout) == {"node": "n1", "kubelet": "running"}
