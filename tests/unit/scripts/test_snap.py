"""The snap: what its description must hold, and what its launcher says where no kubeconfig may be read."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from house.tree import ROOT
from pylb import __version__

SNAP = ROOT / "snap"
PROJECT: dict[str, Any] = yaml.safe_load((SNAP / "snapcraft.yaml").read_text(encoding="utf-8"))
READABLE = {"personal-files": "$HOME/", "system-files": "/"}  # where the paths of these interfaces begin
PLAIN = {"network", "home"}  # plugs that connect by themselves


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "pylb"),
        ("version", __version__),
        ("base", "core24"),
        ("confinement", "strict"),
        ("license", "Apache-2.0"),
        ("grade", "stable"),
        ("platforms", {"amd64": None, "arm64": None}),
    ],
)
def test_the_description_says(key: str, value: object) -> None:
    assert PROJECT[key] == value


def test_the_summary_fits() -> None:
    """The store takes 78 characters; snapcraft's own schema does not ask for a summary at all."""
    assert 0 < len(PROJECT["summary"]) <= 78
    assert "pylb" in PROJECT["description"]


def test_what_the_app_names_is_there() -> None:
    """A completer that is missing, or a plug that is none, is a warning to `snap pack`, and exit code 0."""
    [(name, app)] = PROJECT["apps"].items()
    assert name == PROJECT["name"]  # else it would be typed pylb.NAME
    assert app["command"] == "bin/pylb"
    assert os.access(SNAP / "local" / "pylb", os.X_OK)
    assert (SNAP / "local" / app["completer"]).is_file()
    assert set(app["plugs"]) == PLAIN | set(PROJECT["plugs"])


def test_plugs_only_read() -> None:
    for plug in PROJECT["plugs"].values():
        assert set(plug) == {"interface", "read"}
        assert all(path.startswith(READABLE[plug["interface"]]) for path in plug["read"])
        assert not any("*" in path or path.endswith("/") for path in plug["read"])


def test_hooks_are_programs() -> None:
    hooks = list((SNAP / "hooks").iterdir())
    assert [hook.name for hook in hooks] == ["configure"]
    assert all(os.access(hook, os.X_OK) for hook in hooks)


class Place:
    """Where the launcher runs: a stand-in for Python that shows what it was given, and one for snapctl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copy = folder / "common" / "kubeconfig"
        self.copy.parent.mkdir()
        (folder / "home" / ".kube").mkdir(parents=True)
        self.program("python3", 'echo "runs with ${KUBECONFIG:-none}: $3 $4 $5"')
        self.snapctl("", "")

    def program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def snapctl(self, connected: str, setting: str) -> None:
        self.program(
            "snapctl",
            f'case "$1 $2" in "is-connected {connected}") ;; "get kubeconfig") echo "{setting}" ;; *) exit 1 ;; esac',
        )

    def run(self, program: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.folder}:/usr/bin:/bin",
            "SNAP": "/snap/pylb/x1",
            "SNAP_USER_COMMON": str(self.copy.parent),
            "SNAP_REAL_HOME": str(self.folder / "home"),
            **more,
        }
        return subprocess.run(
            [program, *words], env=environment, capture_output=True, text=True, check=False, timeout=20
        )

    def pylb(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(SNAP / "local" / "pylb", *words, **more)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    if Path("/etc/rancher/k3s/k3s.yaml").exists():
        pytest.skip("this machine runs k3s, and the launcher would find it")
    return Place(tmp_path)


@pytest.mark.parametrize("command", ["tui", "doctor"])
def test_without_a_kubeconfig_it_says_what_to_type(place: Place, command: str) -> None:
    done = place.pylb(command)
    assert (done.returncode, done.stdout) == (2, "")
    lines = [line.strip() for line in done.stderr.splitlines()]
    assert lines[1].startswith(f"microk8s config > {place.copy} ")
    assert lines[2].startswith("sudo snap connect pylb:dot-kube ")
    assert lines[3].startswith(f"sudo snap connect pylb:k3s && sudo pylb {command} ")


def test_what_is_connected_is_not_to_be_connected_again(place: Place) -> None:
    place.snapctl("dot-kube", "")
    assert "dot-kube" not in place.pylb("tui").stderr
    place.snapctl("k3s", "")
    told = place.pylb("tui").stderr
    assert "sudo pylb tui " in told
    assert "connect pylb:k3s" not in told


def test_the_first_kubeconfig_that_can_be_read_is_taken(place: Place) -> None:
    ours = place.folder / "home" / ".kube" / "config"
    ours.touch()
    assert place.pylb("tui", "--once").stdout == f"runs with {ours}: tui --once \n"
    place.copy.touch()
    assert place.pylb("doctor").stdout == f"runs with {place.copy}: doctor  \n"
    place.snapctl("", str(ours))
    assert place.pylb("doctor").stdout == f"runs with {ours}: doctor  \n"
    assert place.pylb("doctor", KUBECONFIG=str(place.copy)).stdout == f"runs with {place.copy}: doctor  \n"
    assert place.pylb("doctor", "--kubeconfig", str(place.copy)).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="nothing is unreadable for root")
@pytest.mark.parametrize(
    "words", [["--kubeconfig", "FILE"], ["--kubeconfig=FILE"], []], ids=["two words", "one", "variable"]
)
def test_a_kubeconfig_that_may_not_be_read_is_named(place: Place, words: list[str]) -> None:
    """A folder that nobody may enter, as confinement shows it."""
    shut = place.folder / "shut"
    shut.mkdir(mode=0)
    place.folder.chmod(0o755)
    for parent in list(place.folder.parents)[:2]:
        parent.chmod(0o755)
    file = str(shut / "config")
    typed = ["doctor", *(word.replace("FILE", file) for word in words)]
    more = {} if words else {"KUBECONFIG": file}
    unprivileged = place.folder / "unprivileged"
    keep = "--reuid=65534 --regid=65534 --clear-groups" if os.geteuid() == 0 else ""
    place.program("unprivileged", f'exec {"setpriv " + keep if keep else ""} "$@"')
    done = place.run(unprivileged, str(SNAP / "local" / "pylb"), *typed, **more)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"Error: this snap may not read the kubeconfig {file}. Type one of:\n  microk8s config > "
    )


def test_a_kubeconfig_that_is_not_there_is_pylbs_to_tell(place: Place) -> None:
    missing = str(place.folder / "nothing")
    assert place.pylb("tui", "--kubeconfig", missing).stdout.startswith("runs with")


@pytest.mark.parametrize("words", [["--version"], ["doctor", "--help"], ["manifests"], []])
def test_what_needs_no_cluster_asks_for_none(place: Place, words: list[str]) -> None:
    assert place.pylb(*words).stdout.startswith("runs with none: ")


@pytest.mark.parametrize(
    ("command", "microk8s", "elsewhere"),
    [
        ("install", "microk8s enable pylb\n", "pylb manifests --range A-B | sudo k3s kubectl apply -f -\n"),
        ("uninstall", "microk8s disable pylb\n", "pylb manifests | sudo k3s kubectl delete -f - "),
        ("rollback", "microk8s pylb rollback\n", "sudo .venv/bin/pylb rollback\n"),
        ("restore", "microk8s pylb restore\n", "sudo .venv/bin/pylb restore\n"),
    ],
)
def test_what_a_snap_cannot_do_says_what_can(place: Place, command: str, microk8s: str, elsewhere: str) -> None:
    done = place.pylb(command)
    assert (done.returncode, done.stdout) == (2, "")
    assert microk8s in done.stderr
    assert elsewhere in done.stderr
    assert place.pylb(command, "--help").stdout.startswith("runs with none: ")


@pytest.mark.parametrize(("setting", "rc"), [("", 0), ("/home/me/config", 0), ("config", 1)])
def test_the_setting_is_checked(place: Place, setting: str, rc: int) -> None:
    """Without a setting it must pass: it runs when the snap is installed."""
    place.snapctl("", setting)
    done = place.run(SNAP / "hooks" / "configure")
    assert (done.returncode, bool(done.stderr)) == (rc, rc != 0)
