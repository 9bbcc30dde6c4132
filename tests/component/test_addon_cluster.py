"""`enable` and `disable` through a terminal, with a real kubectl, against the embedded API server as a process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.microk8s import MicroK8s
from pylb.embedded import certificate

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="this machine has no kubectl"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="this machine has no openssl"),
]
TOKEN = "a-token-for-the-tests"
RANGE = "192.168.88.201-192.168.88.254"
STOP_S = 10.0


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig for an API server of its own; kubectl sends its token over TLS alone."""
    cert, key = certificate.make(tmp_path, ["127.0.0.1"])
    token = tmp_path / "token"
    token.write_text(TOKEN)
    flags = ("--token-file", str(token), "--tls-cert", str(cert), "--tls-key", str(key))
    line = [sys.executable, "-m", "pylb.embedded", "--listen", "127.0.0.1:0", *flags]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        server = json.loads(process.stdout.readline())["serving"]
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(_config(server, cert)))
        yield path
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _config(server: str, cert: Path) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": str(cert)}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


@pytest.fixture
def microk8s(tmp_path: Path, kubeconfig: Path) -> MicroK8s:
    return MicroK8s(tmp_path / "snapped", f'kubectl --kubeconfig "{kubeconfig}"')


def get(kubeconfig: Path, *words: str) -> list[dict[str, Any]]:
    return list(json.loads(printed(kubeconfig, "get", *words, "-o", "json"))["items"])


def printed(kubeconfig: Path, *words: str) -> str:
    line = ["kubectl", "--kubeconfig", str(kubeconfig), *words]
    done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{words}: {done.stderr}{done.stdout}"
    return done.stdout


def names(kubeconfig: Path, *words: str) -> set[str]:
    return {item["metadata"]["name"] for item in get(kubeconfig, *words)}


def rows(kubeconfig: Path) -> list[str]:
    """What MicroK8s searches for `check_status`."""
    return printed(kubeconfig, "get", "all", "-A").splitlines()


def test_from_the_question_to_the_objects_and_back(microk8s: MicroK8s, kubeconfig: Path) -> None:
    """The whole life of an addon: asked, enabled, enabled again, disabled twice with the pools kept, purged."""
    with microk8s.terminal("enable", "pylb") as terminal:
        terminal.expect("Addresses: ")
        terminal.type("192.168.88.201-300")
        terminal.expect("is not an IP address")
        assert names(kubeconfig, "customresourcedefinitions") == set()
        terminal.expect("Addresses: ")
        terminal.type("192.168.88.201-254")
        code, rest = terminal.finish()
    assert code == 0, rest
    assert f"pylb is enabled and gives out {RANGE}." in rest
    (pool,) = get(kubeconfig, "ipaddresspools", "-n", "metallb-system")
    assert (pool["metadata"]["name"], pool["spec"]["addresses"]) == ("default-addresspool", [RANGE])
    assert pool["spec"]["autoAssign"] is True  # the definition's default was filled in
    assert names(kubeconfig, "l2advertisements", "-A") == {"default-advertise-all-pools"}
    assert names(kubeconfig, "deployments,daemonsets", "-n", "pylb-system") == {"pylb-controller", "pylb-speaker"}
    assert any("deployment.apps/pylb-controller" in row for row in rows(kubeconfig))
    assert not any("pod/speaker" in row for row in rows(kubeconfig))
    keys = {item["metadata"]["name"]: item["data"] for item in get(kubeconfig, "secrets", "-n", "pylb-system")}
    assert set(keys) == {"pylb-speakers", "pylb-reader"}

    done = microk8s.run("enable", "pylb 10.0.0.0/28")
    assert (done.returncode, done.stderr) == (0, "")
    assert {i["metadata"]["name"]: i["data"] for i in get(kubeconfig, "secrets", "-n", "pylb-system")} == keys
    (pool,) = get(kubeconfig, "ipaddresspools", "-A")
    assert pool["spec"]["addresses"] == ["10.0.0.0/28"]

    for _ in range(2):
        done = microk8s.run("disable", "pylb")
        assert (done.returncode, done.stderr) == (0, "")
        assert "stays: the pools metallb-system/default-addresspool" in done.stdout
    assert names(kubeconfig, "deployments,daemonsets,secrets,serviceaccounts", "-n", "pylb-system") <= {"default"}
    assert names(kubeconfig, "ipaddresspools", "-A") == {"default-addresspool"}
    assert not any("pylb" in row for row in rows(kubeconfig))

    done = microk8s.run("disable", "pylb:--purge")
    assert (done.returncode, done.stderr) == (0, "")
    assert names(kubeconfig, "customresourcedefinitions") == set()
    assert not {"pylb-system", "metallb-system"} & names(kubeconfig, "namespaces")


def test_an_api_server_that_is_not_there(microk8s: MicroK8s, kubeconfig: Path) -> None:
    """Exit code 3, one sentence, and nothing was asked twice."""
    config = json.loads(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    kubeconfig.write_text(json.dumps(config))
    for program, typed in (("enable", f"pylb {RANGE}"), ("disable", "pylb")):
        done = microk8s.run(program, typed)
        assert done.returncode == 3
        assert "the cluster cannot be reached" in done.stderr
        assert "Traceback" not in done.stderr
