"""The snap as `snap pack` makes it here: packed without a word of complaint, unpacked again, and run.

The packages that it brings are copied from this Python, so that nothing is fetched; scripts/snap fetches them by pip.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import yaml

from fakes.scripted import script
from pylb import __version__
from pylb.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
snap = script("snap")

BROUGHT = ("click", "h11", "yaml")  # packages that the commands here import
LIMIT_S = 60
SEARCHED = f"{os.environ['PATH']}:/usr/bin:/snap/bin"
PROGRAMS = ("snap", "mksquashfs", "unsquashfs")
pytestmark = pytest.mark.skipif(
    any(shutil.which(name, path=SEARCHED) is None for name in PROGRAMS),
    reason="snap pack is not here: apt-get install snapd squashfs-tools",
)


def bring(packages: Path, arch: str) -> None:
    for name in BROUGHT:
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        shutil.copytree(Path(found.origin).parent, packages / name, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(scope="module", params=["amd64", "arm64"])
def unpacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of a packed snap. `make` fails where `snap pack` says anything on stderr."""
    folder = tmp_path_factory.mktemp("snap")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snap, "fetch", bring)
        made = snap.make(request.param, folder)
    assert made == folder / f"pylb_{__version__}_{request.param}.snap"
    tree = folder / "tree"
    subprocess.run(["unsquashfs", "-q", "-d", tree, made], check=True, capture_output=True, timeout=LIMIT_S)
    assert yaml.safe_load((tree / "meta" / "snap.yaml").read_text())["architectures"] == [request.param]
    return tree


def run(tree: Path, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """As snapd runs it, but for the confinement; Python is this one instead of the base's."""
    (folder / "bin").mkdir(exist_ok=True)
    python = folder / "bin" / "python3"
    if not python.exists():
        python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # -S: nothing of this Python's own packages
        python.chmod(0o755)
    environment = {
        "PATH": f"{tree}/bin:{folder}/bin:/usr/bin:/bin",
        "SNAP": str(tree),
        "SNAP_USER_COMMON": str(folder),
        "SNAP_REAL_HOME": str(folder),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(
        argv, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )


def test_it_runs(unpacked: Path, tmp_path: Path) -> None:
    assert run(unpacked, tmp_path, "pylb", "--version").stdout == f"pylb, version {__version__}\n"
    done = run(unpacked, tmp_path, "pylb", "manifests", "--range", "10.0.0.1-10.0.0.9")
    assert (done.returncode, done.stderr) == (0, "")
    assert "kind: DaemonSet" in done.stdout


def test_the_doctor_runs_on_the_kubeconfig_beside_it(unpacked: Path, tmp_path: Path) -> None:
    """That nobody answers there is exit code 3."""
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    text = {"clusters": [cluster], "contexts": [context], "current-context": "c", "users": [{"name": "u", "user": {}}]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **text}))
    done = run(unpacked, tmp_path, "pylb", "doctor")
    assert done.returncode == 3, done.stderr
    assert "127.0.0.1:9 cannot be reached" in done.stderr


def test_the_completer_completes(unpacked: Path, tmp_path: Path) -> None:
    lines = 'COMP_WORDS=(pylb do); COMP_CWORD=1; _pylb_completion pylb; echo "${COMPREPLY[@]}"'
    done = run(unpacked, tmp_path, "bash", "-c", f". {unpacked}/completion.bash; {lines}")
    assert (done.stdout, done.stderr) == ("doctor\n", "")


def test_nothing_in_it_is_compiled_for_one_machine(unpacked: Path) -> None:
    """So that one tree serves both architectures; this Python's own PyYAML may bring its module."""
    compiled = [path for path in unpacked.rglob("*.so") if path.parent.name != "yaml"]
    assert compiled == []
    assert not (unpacked / snap.PACKAGES / "pylb" / "lab").exists()


def test_a_complaint_with_exit_code_0_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(snap.Fault, match="the completer is missing"):
        snap.run(["sh", "-c", "echo the completer is missing >&2"])


def test_every_command_that_reads_the_cluster_is_given_a_kubeconfig_that_the_snap_may_read() -> None:
    """The launcher knows them by name; those that run kubectl it sends elsewhere, and daemons are no matter of a snap."""
    text = (ROOT / "snap" / "local" / "pylb").read_text()
    [known] = re.findall(r"^  (tui \| .*)\)$", text, re.MULTILINE)
    elsewhere = {"install", "uninstall", "rollback", "restore", "controller", "speaker"}
    context = click.Context(main)
    reading = {
        name
        for name in COMMANDS
        if any("--kubeconfig" in option.opts for option in main.get_command(context, name).params)
    }
    assert set(known.split(" | ")) == reading - elsewhere


def test_moves_ask_for_a_kubeconfig_and_recordings_do_not(unpacked: Path, tmp_path: Path) -> None:
    done = run(unpacked, tmp_path, "pylb", "drain", "n1")
    assert (done.returncode, "may not read any kubeconfig yet" in done.stderr) == (2, True)
    done = run(unpacked, tmp_path, "pylb", "status", "--replay", "none")
    assert "kubeconfig" not in done.stderr
