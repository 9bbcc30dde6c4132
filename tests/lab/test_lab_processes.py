"""pylb's processes in a lab: killed, frozen, stopped and started by order, with Pods that tell the truth about them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import cluster
from pylb.lab.client import Lab
from pylb.lab.errors import LabError

PODS = "/api/v1/namespaces/pylb-system/pods"


def is_ready(api: Any, pod: str) -> bool:
    return cluster.is_ready(api.get(f"{PODS}/{pod}"))


def state(lab: Lab, name: str = "speaker-n2") -> str:
    return str(lab.status()["processes"][name]["state"])


def test_a_cluster_has_what_pylb_expects(lab: Lab, api_of: Callable[[Lab], Any]) -> None:
    api = api_of(lab)
    namespaces = {item["metadata"]["name"] for item in api.get("/api/v1/namespaces")["items"]}
    assert {"pylb-system", "metallb-system", "default"} <= namespaces
    nodes = {item["metadata"]["name"]: item for item in api.get("/api/v1/nodes")["items"]}
    assert sorted(nodes) == ["n1", "n2", "n3"]
    assert {"type": "InternalIP", "address": "10.77.0.22"} in nodes["n2"]["status"]["addresses"]
    assert nodes["n2"]["metadata"]["labels"]["kubernetes.io/hostname"] == "n2"
    assert api.get("/apis/metallb.io/v1beta1/ipaddresspools")["items"] == []
    key = api.get("/api/v1/namespaces/pylb-system/secrets/pylb-speakers")["data"]["secretkey"]
    token = api.get("/api/v1/namespaces/pylb-system/secrets/pylb-reader")["data"]["token"]
    assert len(base64.b64decode(key)) >= 32
    assert base64.b64decode(key) != base64.b64decode(token)
    pods = {item["metadata"]["name"]: item for item in api.get(PODS)["items"]}
    assert sorted(pods) == ["pylb-controller", "pylb-speaker-n1", "pylb-speaker-n2", "pylb-speaker-n3"]
    speaker = pods["pylb-speaker-n2"]
    assert speaker["metadata"]["labels"]["app.kubernetes.io/component"] == "speaker"
    assert speaker["spec"]["nodeName"] == "n2"
    assert speaker["status"]["podIP"] == "100.64.77.22"
    assert all(is_ready(api, name) for name in pods)


def test_the_pod_proxy_reaches_speakers_and_controller_with_the_readers_token(
    lab: Lab, api_of: Callable[[Lab], Any]
) -> None:
    api = api_of(lab)
    raw = api.get("/api/v1/namespaces/pylb-system/secrets/pylb-reader")["data"]["token"]
    headers = {"X-Pylb-Token": base64.b64decode(raw).decode()}
    for pod, port in (("pylb-speaker-n1", 7472), ("pylb-controller", 7473)):
        answer = api._call("get", f"{PODS}/{pod}:{port}/proxy/state", headers=headers)
        assert isinstance(answer, dict), pod


def test_kill_start_freeze_thaw_and_stop(lab: Lab, api_of: Callable[[Lab], Any]) -> None:
    api, pod = api_of(lab), "pylb-speaker-n2"
    before = lab.status()["processes"]["speaker-n2"]["pid"]
    assert "speaker" in Path(f"/proc/{before}/cmdline").read_text(), "the pid is the one that this host sees"
    try:
        assert lab.speaker("kill", "n2")["state"] == "ended with signal 9"
        assert not Path(f"/proc/{before}/cmdline").exists()
        lab.wait("not ready", lambda: not is_ready(api, pod))
        with pytest.raises(LabError, match="speaker-n2 does not run; start it with: pylb lab speaker start n2"):
            lab.speaker("freeze", "n2")
        lab.speaker("start", "n2")
        assert is_ready(api, pod)
        with pytest.raises(LabError, match="speaker-n2 runs already"):
            lab.speaker("start", "n2")
        frozen = lab.speaker("freeze", "n2")
        assert frozen["state"] == "frozen"
        assert Path(f"/proc/{frozen['pid']}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        assert lab.speaker("thaw", "n2")["state"] == "running"
        assert lab.speaker("stop", "n2")["state"] == "ended with 0", "it ended in order"
        lab.wait("not ready", lambda: not is_ready(api, pod))
    finally:
        if state(lab) != "running":
            lab.speaker("start", "n2")
    assert is_ready(api, pod)


def test_power_takes_the_speaker_with_it_and_brings_it_back(lab: Lab, api_of: Callable[[Lab], Any]) -> None:
    api = api_of(lab)
    lab.power("n3", False)
    try:
        lab.wait("speaker dead", lambda: state(lab, "speaker-n3") == "ended with signal 9")
        with pytest.raises(LabError, match="n3 has no power"):
            lab.speaker("start", "n3")
        lab.wait("pod not ready", lambda: not is_ready(api, "pylb-speaker-n3"), every=0.1)
    finally:
        lab.power("n3", True)
    lab.wait("speaker back", lambda: state(lab, "speaker-n3") == "running")
    lab.wait("pod ready", lambda: is_ready(api, "pylb-speaker-n3"), every=0.1)


@pytest.mark.kubectl
def test_the_hosts_kubectl_reaches_the_api(lab: Lab) -> None:
    command = ["kubectl", "--kubeconfig", str(lab.kubeconfig), "get", "nodes", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["items"]) == 3


def test_nobody_without_the_token_gets_in(lab: Lab) -> None:
    server = lab.info["server"]
    code = (
        "import ssl, sys, urllib.request, urllib.error\n"
        "try: urllib.request.urlopen(sys.argv[1] + '/api/v1/secrets', context=ssl._create_unverified_context())\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    done = subprocess.run([sys.executable, "-c", code, server], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.strip() in {"401", "403"}
