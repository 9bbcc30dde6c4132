"""What starts a cluster: words that make no sense are refused, what dies is told at once, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster import cgroups, client
from pylb.lab.errors import LabError

TESTS = Path(__file__).parents[1]
UP = (sys.executable, "-m", "cluster", "up")
BEGUN_S, END_S = 60.0, 15.0  # an image may have to be made first
TOLD_S = 60.0  # of 90 in which nodes may become ready


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--range", "garbage"), "--range 'garbage': \"garbage\" is not an IP address"),
        (("--range", "10.77.0.1-10.77.0.4"), "10.77.0.1 is the address of router"),
        (("--range", "10.77.0.20-10.77.0.30"), "10.77.0.21 is the address of n1"),
        (("--range", "127.0.0.0/30"), "127.0.0.0/8"),
        (("--bare", "--range", "10.77.0.100/30"), "--bare and --range contradict each other"),
        (("--nodes", "99"), "a lab has 1 to 15 nodes"),
    ],
)
def test_words_that_make_no_sense_are_refused_in_one_line(words: tuple[str, ...], told: str) -> None:
    done = subprocess.run([*UP, *words], capture_output=True, text=True, timeout=END_S, check=False, env=environment())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert told in done.stderr


def groups() -> set[Path]:
    """The groups of clusters, one of each hierarchy."""
    return {
        path for root in cgroups.hierarchies() for path in Path(f"{root}{cgroups.own()}").glob(f"{cgroups.PREFIX}*")
    }


def marked(folder: str) -> bool:
    try:
        return os.getxattr(folder, cgroups.MARK) == b""
    except OSError:
        return False


def descends(group: Path, starter: int) -> bool:
    """Whether the first process of a group's cluster descends from another process."""
    pid = int(group.name.removeprefix(cgroups.PREFIX))
    while pid > 1 and pid != starter:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return pid == starter


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_while_it_starts_leaves_no_group(number: signal.Signals) -> None:
    """Others' clusters may run meanwhile: what is new is asked for."""
    before = groups()
    name = f"early-{os.getpid()}"
    words = [*UP, "--bare", "--name", name]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as up:
        try:
            end = time.monotonic() + BEGUN_S
            while not (made := {one for one in groups() - before if descends(one, up.pid)}):
                assert time.monotonic() < end, "it made no group"
                time.sleep(0.02)
            up.send_signal(number)
            out, err = up.communicate(timeout=END_S)
        finally:
            up.kill()
    assert (out, err) == ("", "")
    assert [one for one in made if one.exists()] == []


def test_a_kubelet_that_dies_is_told_at_once_with_what_it_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in client.programs().iterdir():
        (tmp_path / program.name).symlink_to(program)
    (tmp_path / "kubelet").unlink()
    (tmp_path / "kubelet").write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    (tmp_path / "kubelet").chmod(0o755)
    monkeypatch.setenv("PYLB_CLUSTER_BIN", str(tmp_path))
    began = time.monotonic()
    with pytest.raises(LabError, match="kubelet on n1 ended: out of luck"):
        client.start(nodes=1)
    assert time.monotonic() - began < TOLD_S


def test_groups_that_were_made_above_go_with_the_last_cluster() -> None:
    """Only those that were made for it: in a hierarchy where nothing else of that path is."""
    cgroups.sweep()
    made = cgroups.make(f"{cgroups.PREFIX}{2**22 + 1}")  # no process has this id
    assert all(Path(f"{root}{made}").exists() for root in cgroups.hierarchies())
    alive = cgroups.sweep()
    assert not any(Path(f"{root}{made}").exists() for root in cgroups.hierarchies())
    assert alive or not any(marked(f"{root}{cgroups.own()}") for root in cgroups.hierarchies())
