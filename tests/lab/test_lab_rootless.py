"""A lab without root: the same LAN, cluster and packets, in a user namespace of an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

LIMIT_S = 50
UID = 12345  # nobody's, when the tests run as root
SOURCE = Path(__file__).parents[2] / "src"
DRIVER = """
import asyncio, json, os
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.lab.client import Lab

async def create(lab):
    async with Client(credentials.load(str(lab.kubeconfig))) as client:
        pod = {"metadata": {"name": "p1"}, "spec": {"nodeName": "n1",
               "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 8080}]}]}}
        await client.post("/api/v1/namespaces/default/pods", pod)

told = {"uid": os.getuid()}
with Lab.start(nodes=2) as lab:
    told["hosts"] = sorted(lab.hosts)
    told["exec"] = lab.exec("n1", ["sh", "-c", "id -u; exit 3"]).stdout.strip()
    told["arp"] = lab.arp("client", "10.77.0.21")["10.77.0.21"] == [lab.hosts["n1"]["mac"]]
    asyncio.run(create(lab))
    lab.wait("the pod", lambda: lab.request("n2", "http://10.244.1.2:8080/").status == 200)
    told["pod"] = lab.request("n2", "http://10.244.1.2:8080/").body.strip()
    told["rules"] = "chain prerouting" in lab.exec("n2", ["nft", "list", "ruleset"]).stdout
    lab.cut("n1")
    told["cut"] = lab.arp("client", "10.77.0.21")["10.77.0.21"]
    told["killed"] = lab.speaker("kill", "n2")["state"]
    lab.power("n2", False)
    lab.power("n2", True)
    lab.wait("the speaker", lambda: lab.status()["processes"]["speaker-n2"]["state"] == "running")
print(json.dumps(told))
"""


def user_command() -> tuple[list[str], dict[str, str]]:
    """A Python that an ordinary user may run, and its environment; skips where there is none."""
    site = sysconfig.get_paths()["purelib"]
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{SOURCE}:{site}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
    }
    if os.geteuid() != 0:
        return [sys.executable], environ
    drop = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "env"]  # rights go with an exec
    tried = []
    for python in (sys.executable, "/usr/bin/python3"):
        check = [*drop, python, "-c", "import click, h11, yaml, pylb.lab"]
        done = subprocess.run(check, env=environ, cwd="/", capture_output=True, text=True, timeout=10, check=False)
        if done.returncode == 0:
            return [*drop, python], environ
        tried.append(f"{python}: {(done.stderr.strip() or 'cannot be run').splitlines()[-1]}")
    pytest.skip(f"uid {UID} may run none of these: {'; '.join(tried)}")


@pytest.mark.users
def test_an_ordinary_user_has_the_whole_lab() -> None:
    command, environ = user_command()
    done = subprocess.run(
        [*command, "-c", DRIVER], env=environ, cwd="/", capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "uid": UID if os.geteuid() == 0 else os.getuid(),
        "hosts": ["client", "n1", "n2", "router"],
        "exec": "0",
        "arp": True,
        "pod": "p1 from 10.77.0.22",
        "rules": True,
        "cut": [],
        "killed": "ended with signal 9",
    }


@pytest.mark.users
def test_where_user_namespaces_are_forbidden_it_says_what_to_do() -> None:
    """The limit is set in a user namespace of our own: this machine's stays as it is."""
    command, environ = user_command()
    inner = [command[-1], "-m", "pylb.lab", "up", "--bare"]
    limit = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "
    script = f'{limit} "$@"'
    done = subprocess.run(
        [*command[:-1], "unshare", "--user", "--map-user", "1000", "--keep-caps", "sh", "-c", script, "sh", *inner],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("Error: no namespaces for a lab (unshare:")
    assert "run it with sudo" in done.stderr
    assert len(done.stderr.splitlines()) == 1
