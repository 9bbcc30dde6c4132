"""`enable` and `disable` as MicroK8s runs them, against a kubectl that records what it is asked.

They run on Python 3.10 with click 8.0.3 and PyYAML 6.0.1 alone where this machine can have it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from fakes.microk8s import ROOT, MicroK8s, interpreter, stand_in_kubectl
from pylb.addon.dialogue import MAX_TRIES

RANGE = "192.168.88.201-192.168.88.254"
POOL = "IPAddressPool/metallb-system/default-addresspool"
DEPLOYMENT = "Deployment/pylb-system/pylb-controller"
SECRETS = ("Secret/pylb-system/pylb-speakers", "Secret/pylb-system/pylb-reader")


@pytest.fixture
def microk8s(tmp_path: Path) -> MicroK8s:
    return MicroK8s(tmp_path / "snapped", stand_in_kubectl())


def changed(microk8s: MicroK8s) -> list[str]:
    """What kubectl was asked to change."""
    return [call["argv"][0] for call in microk8s.calls() if call["argv"][0] != "get"]


def addresses(microk8s: MicroK8s) -> list[str]:
    return list(microk8s.objects()[POOL]["spec"]["addresses"])


def test_the_tests_run_on_the_python_that_microk8s_has() -> None:
    found = interpreter()
    if found.missing:
        pytest.skip(f"the addon's tests ran on {found.python}: {found.missing}")
    code = "import sys, yaml, click; print(sys.version_info[:2], click.__version__, yaml.__version__)"
    out = subprocess.check_output([found.python, "-S", "-c", code], env={"PYTHONPATH": found.packages}, text=True)
    assert out == "(3, 10) 8.0.3 6.0.1\n"


def test_at_a_terminal_it_asks_and_does_what_it_is_told(microk8s: MicroK8s) -> None:
    with microk8s.terminal("enable", "pylb") as terminal:
        terminal.expect("For example: 192.168.1.240-192.168.1.250")
        terminal.expect("Addresses: ")
        terminal.type(RANGE)
        terminal.expect(f"pylb is enabled and gives out {RANGE}.")
        code, rest = terminal.finish()
    assert code == 0
    assert "microk8s kubectl -n pylb-system get pods" in rest
    assert addresses(microk8s) == [RANGE]
    assert {DEPLOYMENT, "DaemonSet/pylb-system/pylb-speaker", *SECRETS} <= set(microk8s.objects())


def test_a_bad_answer_is_explained_and_asked_again(microk8s: MicroK8s) -> None:
    with microk8s.terminal("enable", "pylb") as terminal:
        for answer, why in (
            ("house", '"house" is not an IP address'),
            ("", "no range was given"),
            ("10.0.0.9-10.0.0.1", 'start IP "10.0.0.9" is after the end IP "10.0.0.1"'),
        ):
            terminal.expect("Addresses: ")
            assert changed(microk8s) == []  # nothing is changed before the range is known
            terminal.type(answer)
            terminal.expect(why)
        terminal.expect("Addresses: ")
        terminal.type("10.0.0.1 - 9, 10.0.1.0/28")
        code, _ = terminal.finish()
    assert code == 0
    assert addresses(microk8s) == ["10.0.0.1-10.0.0.9", "10.0.1.0/28"]


def test_the_question_is_put_a_few_times_only(microk8s: MicroK8s) -> None:
    with microk8s.terminal("enable", "pylb") as terminal:
        for _ in range(MAX_TRIES):
            terminal.expect("Addresses: ")
            terminal.type("no")
        code, rest = terminal.finish()
    assert code == 2
    assert f"after {MAX_TRIES} answers: type microk8s enable pylb 192.168.1.240-192.168.1.250" in rest
    assert changed(microk8s) == []


def test_control_c_at_the_question_changes_nothing(microk8s: MicroK8s) -> None:
    with microk8s.terminal("enable", "pylb") as terminal:
        terminal.expect("Addresses: ")
        os.write(terminal.descriptor, b"\x04")  # end of input; with no job control here ^C would reach nobody
        code, rest = terminal.finish()
    assert (code, "Aborted!" in rest, changed(microk8s)) == (1, True, [])


TYPED = [
    (f"pylb {RANGE}", [RANGE]),
    (f"pylb:{RANGE}", [RANGE]),
    ("pylb 10.0.0.100-200 10.0.1.5,fd00::10-fd00::20", ["10.0.0.100-10.0.0.200", "10.0.1.5/32", "fd00::10-fd00::20"]),
    ("pylb:10.0.0.1-10.0.0.9,fd00::10-fd00::20", ["10.0.0.1-10.0.0.9", "fd00::10-fd00::20"]),
]


@pytest.mark.parametrize(("typed", "entries"), TYPED)
def test_every_form_of_the_range_reaches_the_pool(microk8s: MicroK8s, typed: str, entries: list[str]) -> None:
    done = microk8s.run("enable", typed)
    assert (done.returncode, done.stderr) == (0, "")
    assert addresses(microk8s) == entries


REFUSED = [
    ("pylb", "no range of addresses was given, and there is no terminal to ask at: type microk8s enable pylb 192.168"),
    ("pylb 10.0.0.300-10.999.0.1", '"10.0.0.300" is not an IP address'),
    ("pylb 10.0.0.9-10.0.0.1", 'start IP "10.0.0.9" is after the end IP "10.0.0.1"'),
    ("pylb:fd00::9-fd00::1", 'start IP "fd00::9" is after the end IP "fd00::1"'),
    ("pylb 10.0.0.0/24 10.0.0.5", '"10.0.0.5" overlaps "10.0.0.0/24"'),
    ("pylb 127.0.0.1", "loopback"),
    (f"pylb --no-pool {RANGE}", "contradict each other"),
    (f"pylb {RANGE} --image ''", "is no image name"),
    ("pylb --mode bgp", "No such option"),  # click's words differ from version to version
    (f"pylb {RANGE} --kubectl '''", "is no command line"),
]


@pytest.mark.parametrize(("typed", "why"), REFUSED)
def test_wrong_input_is_refused_before_the_cluster_is_changed(microk8s: MicroK8s, typed: str, why: str) -> None:
    done = microk8s.run("enable", typed)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert changed(microk8s) == []


@pytest.mark.parametrize("typed", ["pylb --help", "pylb:--help", "pylb help", "pylb:help", "pylb -h"])
@pytest.mark.parametrize("program", ["enable", "disable"])
def test_help(microk8s: MicroK8s, program: str, typed: str) -> None:
    done = microk8s.run(program, typed)
    assert (done.returncode, done.stderr, microk8s.calls()) == (0, "", [])
    assert done.stdout.startswith(f"Usage: microk8s {program} pylb")


def test_a_dry_run_prints_manifests_and_asks_nothing_of_the_cluster(microk8s: MicroK8s) -> None:
    done = microk8s.run("enable", f"pylb --dry-run {RANGE}")
    kinds = [item["kind"] for item in yaml.safe_load_all(done.stdout)]
    assert (done.returncode, done.stderr, microk8s.calls()) == (0, "", [])
    assert kinds[0] == "Namespace"
    assert {"Deployment", "DaemonSet", "IPAddressPool", "Secret"} <= set(kinds)


def test_no_pool_and_another_image(microk8s: MicroK8s) -> None:
    done = microk8s.run("enable", "pylb --no-pool --image registry.local/pylb:2")
    assert done.returncode == 0
    assert "make an IPAddressPool next" in done.stdout
    assert POOL not in microk8s.objects()
    (container,) = microk8s.objects()[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.local/pylb:2"


def test_a_clone_elsewhere_runs_without_the_rest_of_the_repository(tmp_path: Path) -> None:
    """MicroK8s clones the repository; the programs find `src` from their own place, through the links."""
    clone = tmp_path / "clone"
    for name in ("addon", "src"):
        shutil.copytree(ROOT / name, clone / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    (clone / "addons").symlink_to("addon/addons")
    microk8s = MicroK8s(tmp_path / "snapped", stand_in_kubectl(), addons=clone / "addons")
    done = microk8s.run("enable", f"pylb {RANGE}")
    assert (done.returncode, done.stderr) == (0, "")
    assert addresses(microk8s) == [RANGE]


def test_git_keeps_the_programs_executable() -> None:
    """MicroK8s clones: what is not executable in the index is not executable on the node."""
    line = ["git", "-C", str(ROOT), "ls-files", "-s", "addon/addons/pylb"]
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, or there is no git")
    listed = subprocess.run(line, capture_output=True, text=True, check=False).stdout.splitlines()
    if not listed:
        pytest.skip("git does not track the programs yet")
    modes = {entry.split("\t")[1].rpartition("/")[2]: entry.split()[0] for entry in listed}
    assert modes == dict.fromkeys(modes, "100755")
    assert {"enable", "disable"} <= set(modes)
