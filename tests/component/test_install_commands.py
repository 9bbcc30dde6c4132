"""`pylb install`, `uninstall` and `manifests` on a cluster that is no MicroK8s, against a kubectl that records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from fakes.microk8s import MicroK8s, stand_in_kubectl
from pylb.addon.cli import reporting
from pylb.addon.cluster import ClusterFault, Unreachable
from pylb.addon.kubectl import find
from pylb.addon.render import Settings, render
from pylb.install.commands import SERVICELB_OFF

JSON = dict[str, Any]
RANGE = "192.168.88.240-192.168.88.250"
POOL = "IPAddressPool/metallb-system/default-addresspool"


def node(name: str, address: str, *args: str) -> JSON:
    metadata = {"name": name, "annotations": {"k3s.io/node-args": json.dumps(args)} if args else {}}
    conditions = [{"type": "Ready", "status": "True"}]
    status = {"addresses": [{"type": "InternalIP", "address": address}], "conditions": conditions}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": status}


CHANGING = ("install", "uninstall", "rollback", "restore")  # commands that call kubectl


@pytest.fixture
def k3s(tmp_path: Path) -> MicroK8s:
    """The stand-in's cluster with k3s on it; its snap is not used but for `ip`."""
    made = MicroK8s(tmp_path / "unused", stand_in_kubectl())
    made.place(node("pi1", "192.168.88.20", "server"), node("pi2", "192.168.88.21", "agent"))
    made.see("lan-of-the-test", "192.168.88.20/24", "192.168.88.1")
    return made


def pylb(cluster: MicroK8s, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{cluster.home / 'snap/usr/bin'}:{os.environ['PATH']}"
    python = {name: value for name, value in os.environ.items() if name in ("PYTHONPATH", "HOME", "LC_ALL")}
    state = {"FAKE_KUBECTL_STATE": str(cluster.state), "PYLB_KUBECTL": stand_in_kubectl()}
    return subprocess.run(
        [sys.executable, "-m", "pylb", *words],
        env={**python, "PATH": path, **state, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def changed(cluster: MicroK8s) -> list[str]:
    return [call["argv"][0] for call in cluster.calls() if call["argv"][0] != "get"]


def test_install_and_uninstall(k3s: MicroK8s) -> None:
    done = pylb(k3s, "install", "--range", "192.168.88.240-250")
    assert done.returncode == 0, done.stderr
    assert f"pylb is installed and gives out {RANGE}." in done.stdout
    assert k3s.objects()[POOL]["spec"]["addresses"] == [RANGE]
    assert "k3s' own load balancer, ServiceLB, is on" in done.stderr
    assert "/etc/rancher/k3s/config.yaml.d/90-pylb.yaml" in done.stderr
    for _ in range(2):
        done = pylb(k3s, "uninstall")
        assert (done.returncode, done.stderr) == (0, "")
        assert "stays: the pools metallb-system/default-addresspool" in done.stdout
    assert pylb(k3s, "uninstall", "--purge").returncode == 0
    assert {name.partition("/")[0] for name in k3s.objects()} == {"Node"}


def test_the_networks_of_k3s_are_not_given_out(k3s: MicroK8s) -> None:
    done = pylb(k3s, "install", "--range", "10.43.7.0/24")
    assert (done.returncode, changed(k3s)) == (2, [])
    assert "10.43.7.0/24 overlaps the Service network (10.43.0.0/16)" in done.stderr
    assert f"Type for example: pylb install --range {RANGE}" in done.stderr


def test_without_a_range_and_a_terminal_the_command_is_told(k3s: MicroK8s) -> None:
    done = pylb(k3s, "install")
    assert (done.returncode, changed(k3s)) == (2, [])
    assert f"type pylb install --range {RANGE}" in done.stderr


def test_a_dry_run_tells_what_it_would_do_and_changes_nothing(k3s: MicroK8s) -> None:
    done = pylb(k3s, "install", "--range", RANGE, "--dry-run")
    assert (done.returncode, changed(k3s)) == (0, [])
    assert "9 CustomResourceDefinition" in done.stdout
    assert f"the pool: {RANGE}" in done.stdout


def test_a_missing_image_is_told_with_the_commands_for_each_node(k3s: MicroK8s) -> None:
    done = pylb(k3s, "install", "--range", RANGE, FAKE_KUBECTL_NO_IMAGE="pi2")
    assert done.returncode == 1
    assert "pi2: it is not there" in done.stderr
    assert "on each of pi2, type one of:\n    sudo k3s ctr images import pylb-" in done.stderr
    assert "Nothing was deployed." in done.stderr


def test_no_drift_between_what_is_printed_and_what_is_installed(k3s: MicroK8s) -> None:
    """One render function: `manifests`, `enable --dry-run` and an installation differ in keys alone."""
    printed = list(yaml.safe_load_all(pylb(k3s, "manifests", "--range", RANGE, "--without-keys").stdout))
    rendered = [item for item in render(Settings("", "", (RANGE,))) if item["kind"] != "Secret"]
    assert printed == rendered
    addon = list(yaml.safe_load_all(k3s.run("enable", f"pylb --dry-run {RANGE}").stdout))
    assert [item for item in addon if item["kind"] != "Secret"] == rendered
    assert pylb(k3s, "install", "--range", RANGE).returncode == 0
    installed = k3s.objects()
    for item in rendered:
        meta = item["metadata"]
        found = installed[f"{item['kind']}/{meta.get('namespace', '')}/{meta['name']}"]
        assert {key: value for key, value in found.items() if key != "status"} == item


def test_manifests_have_fresh_keys_or_none(k3s: MicroK8s) -> None:
    def keys(*words: str) -> list[str]:
        objects = yaml.safe_load_all(pylb(k3s, "manifests", *words).stdout)
        return [str(item["data"]) for item in objects if item["kind"] == "Secret"]

    assert len({*keys(), *keys()}) == 4
    assert keys("--without-keys") == []


def test_the_k3s_drop_in_turns_servicelb_off_and_nothing_else(k3s: MicroK8s) -> None:
    done = pylb(k3s, "manifests", "--servicelb-off")
    assert done.stdout == SERVICELB_OFF
    assert yaml.safe_load(done.stdout) == {"disable+": ["servicelb"]}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("install", "--no-pool", "--range", RANGE), "contradict each other"),
        (("install", "--image", ""), "is no image name"),
        (("manifests", "--range", "house"), "Type for example: pylb manifests --range 192.168.1.240-192.168.1.250"),
        (("install", "--kubectl", "'"), "is no command line"),
        *(
            ((command, "--kubectl", ""), "--kubectl '' is no command line: the command is empty")
            for command in CHANGING
        ),
    ],
)
def test_wrong_input(k3s: MicroK8s, words: tuple[str, ...], why: str) -> None:
    done = pylb(k3s, *words)
    assert (done.returncode, changed(k3s)) == (2, [])
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_kubeconfig_is_passed_on(k3s: MicroK8s, tmp_path: Path) -> None:
    log = tmp_path / "argv"
    program = tmp_path / "kubectl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\necho "The connection to the server x was refused" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    done = pylb(k3s, "uninstall", "--kubeconfig", "/some/where", PYLB_KUBECTL=str(program))
    assert done.returncode == 3
    assert "--kubeconfig FILE names another" in done.stderr
    assert log.read_text().startswith("--kubeconfig /some/where")


def test_what_to_type_next_names_the_cluster_again(k3s: MicroK8s, tmp_path: Path) -> None:
    """Without it the lines would change, or look at, another cluster."""
    file = tmp_path / "a config"
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\nshift 2\nexec {stand_in_kubectl()} "$@"\n')
    program.chmod(0o755)
    done = pylb(k3s, "install", "--range", RANGE, "--kubeconfig", str(file), PYLB_KUBECTL=str(program))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.partition("Next:\n")[2].splitlines()
    assert len(lines) == 5
    assert all(f"--kubeconfig '{file}'" in line for line in lines)


def test_a_kubeconfig_that_is_not_there_is_wrong_input(k3s: MicroK8s, tmp_path: Path) -> None:
    """Said before kubectl is called; `PYLB_KUBECTL` may be one that runs on another machine, where the file is."""
    for command in CHANGING:
        done = pylb(k3s, command, "--kubeconfig", str(tmp_path / "none"), PYLB_KUBECTL="")
        assert (done.returncode, k3s.calls()) == (2, [])
        assert done.stderr == f"Error: --kubeconfig: there is no file {tmp_path / 'none'}\n"


def test_a_range_may_stand_where_microk8s_takes_it(k3s: MicroK8s) -> None:
    done = pylb(k3s, "install", "192.168.88.240-250")
    assert done.returncode == 0, done.stderr
    assert k3s.objects()[POOL]["spec"]["addresses"] == [RANGE]
    printed = pylb(k3s, "manifests", "--without-keys", "192.168.88.240-250").stdout
    assert printed == pylb(k3s, "manifests", "--without-keys", "--range", "192.168.88.240-250").stdout


def test_this_machine_is_named_as_such(k3s: MicroK8s) -> None:
    k3s.see("lan-of-the-test", "192.168.88.9/24", "192.168.88.1")
    done = pylb(k3s, "install", "192.168.88.9")
    assert (done.returncode, "192.168.88.9 is this machine's own address" in done.stderr) == (2, True)


SECOND = """#!/bin/sh
case " $* " in *" apply "*) ;; *) exit 1 ;; esac
echo "$(cat)" >> "$0.asked"
[ "$(wc -l < "$0.asked")" -gt 1 ] || { echo 'Error from server (%s): "STDIN"' >&2; exit 1; }
"""


@pytest.mark.parametrize(("reason", "asked"), [("AlreadyExists", 2), ("Forbidden", 1)])
def test_of_two_installations_at_once_neither_fails_for_what_the_other_made(
    tmp_path: Path, reason: str, asked: int
) -> None:
    program = tmp_path / "kubectl"
    program.write_text(SECOND % reason)
    program.chmod(0o755)
    cluster = find(str(program), {"PATH": os.environ["PATH"]})
    with nullcontext() if asked == 2 else pytest.raises(ClusterFault, match=reason):
        cluster.apply([{"kind": "A"}])
    assert len((tmp_path / "kubectl.asked").read_text().splitlines()) == asked


def test_control_c_in_the_middle_says_that_the_same_command_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.Abort), reporting("unused"):
        raise KeyboardInterrupt
    assert "What was done so far stays; the same command again goes on" in capsys.readouterr().err


def test_a_cluster_that_goes_away_in_the_middle_is_told_with_what_to_do_then() -> None:
    with pytest.raises(click.ClickException) as caught, reporting("Again.", "Which?"):
        raise Unreachable("gone")
    assert caught.value.message == "the cluster cannot be reached: gone\nWhich?\nAgain."
    assert caught.value.exit_code == 3
