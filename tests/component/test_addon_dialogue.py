"""How a range is agreed on, through a terminal and without one, in a home with two nodes; and what comes before and after.

Nobody on a LAN is asked anything here: the interface that `ip` tells of does not exist (tests/lab asks a real LAN).
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from fakes.microk8s import MicroK8s, two_nodes
from pylb import __version__

JSON = dict[str, Any]
POOL = "IPAddressPool/metallb-system/default-addresspool"
DEPLOYMENT = "Deployment/pylb-system/pylb-controller"
PROPOSED = "192.168.88.240-192.168.88.250"
ARCHIVE = f"pylb-{__version__}.oci.tar"


@pytest.fixture
def home(tmp_path: Path) -> MicroK8s:
    return two_nodes(tmp_path / "snapped")


def addresses(microk8s: MicroK8s) -> list[str]:
    return list(microk8s.objects()[POOL]["spec"]["addresses"])


def changed(microk8s: MicroK8s) -> list[str]:
    return [call["argv"][0] for call in microk8s.calls() if call["argv"][0] != "get"]


def test_a_range_is_proposed_with_its_reason_and_enter_takes_it(home: MicroK8s) -> None:
    with home.terminal("enable", "pylb") as terminal:
        terminal.expect("pi1 192.168.88.20, pi2 192.168.88.21")
        terminal.expect(f"{PROPOSED}   (11 addresses)")
        terminal.expect("In the router (192.168.88.1), let DHCP end at 192.168.88.239 or lower")
        terminal.expect(f"[{PROPOSED}]: ")
        assert changed(home) == []
        terminal.type("")
        code, rest = terminal.finish()
    assert code == 0, rest
    assert f"pylb is enabled and gives out {PROPOSED}." in rest
    assert addresses(home) == [PROPOSED]


def test_another_one_is_typed_after_a_refusal(home: MicroK8s) -> None:
    with home.terminal("enable", "pylb") as terminal:
        terminal.expect("]: ")
        terminal.type("192.168.88.20-30")
        terminal.expect("192.168.88.20 is the address of the node pi1")
        terminal.expect("The nearest good range: 192.168.88.22-192.168.88.32")
        terminal.expect("]: ")
        terminal.type("192.168.88.30-39")
        assert terminal.finish()[0] == 0
    assert addresses(home) == ["192.168.88.30-192.168.88.39"]


def test_one_key_takes_a_range_without_its_broadcast_address(home: MicroK8s) -> None:
    with home.terminal("enable", "pylb 192.168.88.231-255") as terminal:
        terminal.expect("192.168.88.255 is left out")
        terminal.expect("Use 192.168.88.231-192.168.88.254? [Y/n]: ")
        terminal.type("")
        assert terminal.finish()[0] == 0
    assert addresses(home) == ["192.168.88.231-192.168.88.254"]


def test_a_doubt_is_confirmed_or_another_range_is_asked_for(home: MicroK8s) -> None:
    with home.terminal("enable", "pylb 10.9.9.0/28") as terminal:
        terminal.expect("10.9.9.0/28 is not of the nodes' network (192.168.88.0/24)")
        terminal.expect("all the same? [y/N]: ")
        terminal.type("")
        terminal.expect(f"[{PROPOSED}]: ")
        terminal.type("10.9.9.0/28")
        terminal.expect("all the same? [y/N]: ")
        terminal.type("y")
        assert terminal.finish()[0] == 0
    assert addresses(home) == ["10.9.9.0/28"]


REFUSED = [
    ("pylb", f"there is no terminal to ask at: type microk8s enable pylb {PROPOSED}"),
    ("pylb 192.168.88.1-9", "Type for example: microk8s enable pylb 192.168.88.2-192.168.88.10"),
    ("pylb 192.168.88.20", "Type for example: microk8s enable pylb 192.168.88.19"),
    ("pylb 10.1.3.0/24", "10.1.3.0/24 overlaps the pod network (10.1.0.0/16)"),
    ("pylb 192.168.88.250-240", f"Type for example: microk8s enable pylb {PROPOSED}"),
    ("pylb:fd00::9-fd00::1", f"Type for example: microk8s enable pylb {PROPOSED}"),
    ("pylb 10.9.9.0/28", f"If that is meant: microk8s enable pylb 10.9.9.0-10.9.9.15 --force, or: microk8s enable pylb {PROPOSED}"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "words"), REFUSED)
def test_without_a_terminal_the_command_to_type_is_told(home: MicroK8s, typed: str, words: str) -> None:
    done = home.run("enable", typed)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert changed(home) == []


TAKEN = [
    ("pylb 192.168.88.231-255", "192.168.88.255 is left out", ["192.168.88.231-192.168.88.254"]),
    ("pylb 10.9.9.0/28 --force", "not of the nodes' network", ["10.9.9.0/28"]),
    ("pylb 192.168.88.231-255 10.9.9.9 --force", "left out: 192.168.88.255",
     ["192.168.88.231-192.168.88.254", "10.9.9.9/32"]),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "warning", "entries"), TAKEN)
def test_without_a_terminal_a_trimmed_or_forced_range_is_taken_with_a_warning(
    home: MicroK8s, typed: str, warning: str, entries: list[str]
) -> None:
    done = home.run("enable", typed)
    assert (done.returncode, warning in done.stderr) == (0, True)
    assert addresses(home) == entries


def test_force_does_not_take_a_nodes_address(home: MicroK8s) -> None:
    assert home.run("enable", "pylb 192.168.88.20 --force").returncode == 2


def test_what_could_not_be_asked_is_said(home: MicroK8s) -> None:
    done = home.run("enable", f"pylb {PROPOSED}")
    assert "note: nobody was asked whether 192.168.88.0/24 is in use: there is no interface" in done.stdout


def test_pools_that_are_there_are_kept_when_nothing_is_typed(home: MicroK8s) -> None:
    assert home.run("enable", "pylb 192.168.88.100-109").returncode == 0
    assert home.run("disable", "pylb").returncode == 0
    done = home.run("enable", "pylb")
    assert done.returncode == 0, done.stderr
    assert (
        "kept: the pools that are here (metallb-system/default-addresspool: 192.168.88.100-192.168.88.109)"
        in done.stdout
    )
    with home.terminal("enable", "pylb") as terminal:
        terminal.expect("Keep them as they are? [Y/n]: ")
        terminal.type("n")
        terminal.expect(f"[{PROPOSED}]: ")
        terminal.type("")
        assert terminal.finish()[0] == 0
    assert addresses(home) == [PROPOSED]


def test_a_pool_of_another_name_may_not_be_overlapped(home: MicroK8s) -> None:
    assert home.run("enable", "pylb --no-pool").returncode == 0
    metadata = {"name": "mine", "namespace": "metallb-system"}
    spec = {"addresses": ["192.168.88.240/29"]}
    home.place({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": metadata, "spec": spec})
    done = home.run("enable", f"pylb {PROPOSED}")
    assert done.returncode == 2
    assert "overlaps the pool metallb-system/mine (192.168.88.240/29)" in done.stderr
    assert "Type for example: microk8s enable pylb 192.168.88.229-192.168.88.239" in done.stderr


def archive(path: Path, image: str) -> Path:
    index = {"manifests": [{"annotations": {"io.containerd.image.name": image}}]}
    data = json.dumps(index).encode()
    with tarfile.open(path, "w") as made:
        member = tarfile.TarInfo("index.json")
        member.size = len(data)
        made.addfile(member, io.BytesIO(data))
    return path


def test_an_image_file_goes_to_every_node_before_anything_is_deployed(home: MicroK8s, tmp_path: Path) -> None:
    file = archive(tmp_path / ARCHIVE, f"docker.io/library/pylb:{__version__}")
    done = home.run("enable", f"pylb {PROPOSED} --image-file {file}")
    assert (done.returncode, done.stderr) == (0, "")
    assert home.imports() == [f"import {file}"]
    assert "seen on pi1, pi2" in done.stdout


@pytest.mark.parametrize(
    ("content", "why"),
    [("docker.io/library/pylb:0.0.1", "holds docker.io/library/pylb:0.0.1, not docker.io/library/pylb:"), ("", "is no image archive")],
)  # fmt: skip
def test_a_wrong_image_file_is_refused_before_it_is_sent(
    home: MicroK8s, tmp_path: Path, content: str, why: str
) -> None:
    file = tmp_path / ARCHIVE
    if content:
        archive(file, content)
    else:
        file.write_text("no archive")
    done = home.run("enable", f"pylb {PROPOSED} --image-file {file}")
    assert done.returncode == 1
    assert why in done.stderr
    assert (home.imports(), changed(home)) == ([], [])


def test_an_image_that_a_node_did_not_get_stops_it_with_the_command(home: MicroK8s, tmp_path: Path) -> None:
    """The import ends with 0 whatever happened: only the look at the nodes can tell."""
    file = archive(tmp_path / ARCHIVE, f"docker.io/library/pylb:{__version__}")
    done = home.run("enable", f"pylb {PROPOSED} --image-file {file}", FAKE_KUBECTL_NO_IMAGE="pi2")
    assert done.returncode == 1
    assert "pi2: it is not there" in done.stderr
    assert f"type: microk8s images import {file}" in done.stderr
    left = {name.partition("/")[0] for name in home.objects()}
    assert left == {"Node"}  # nothing was deployed, and the pods that looked are gone
    assert home.run("enable", f"pylb {PROPOSED}").returncode == 0


def test_a_rollout_that_does_not_end_is_given_up_with_what_is_wrong(home: MicroK8s) -> None:
    assert home.run("enable", f"pylb {PROPOSED}").returncode == 0
    pi2 = home.objects()["Node//pi2"]
    image = {"names": [f"docker.io/library/pylb:{__version__}"]}
    home.place({**pi2, "status": {**pi2["status"], "images": [image]}})
    done = home.run("enable", f"pylb {PROPOSED} --wait 1", FAKE_KUBECTL_NO_IMAGE="pi2")
    assert done.returncode == 1
    assert "waiting: 2 of 2 controllers and 1 of 2 speakers are ready" in done.stdout
    assert "not everything was ready after 1 s" in done.stderr
    assert "microk8s kubectl -n pylb-system get pods -o wide" in done.stderr


def metallb() -> JSON:
    containers = {"containers": [{"name": "speaker", "image": "quay.io/metallb/speaker:v0.15.3"}]}
    metadata = {"name": "speaker", "namespace": "metallb-system"}
    spec = {"template": {"spec": containers}}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}


def test_a_running_metallb_stops_it_with_what_to_type(home: MicroK8s) -> None:
    home.place(metallb())
    done = home.run("enable", f"pylb {PROPOSED}")
    assert (done.returncode, changed(home)) == (1, [])
    assert "MetalLB runs here (daemonset/speaker in metallb-system)" in done.stderr
    assert "add --takeover" in done.stderr


def plugin(home: MicroK8s, *words: str) -> subprocess.CompletedProcess[str]:
    """What `microk8s pylb WORDS` runs."""
    line = [str(home.home / "common/plugins/pylb"), *words]
    return subprocess.run(
        line, env=home.variables(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
    )


def test_the_range_is_changed_by_the_plugin_and_gone_with_disable(home: MicroK8s) -> None:
    assert home.run("enable", f"pylb {PROPOSED}").returncode == 0
    done = plugin(home, "range")
    assert (done.returncode, done.stdout) == (0, f"metallb-system/default-addresspool: {PROPOSED}\n")
    done = plugin(home, "range", "192.168.88.100-109")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pylb gives out 192.168.88.100-192.168.88.109 now." in done.stdout
    assert addresses(home) == ["192.168.88.100-192.168.88.109"]
    done = plugin(home, "range", "192.168.88.1")
    assert done.returncode == 2
    assert "Type for example: microk8s pylb range 192.168.88.2" in done.stderr
    assert plugin(home, "--help").stdout.startswith("Usage: microk8s pylb")
    assert home.run("disable", "pylb").returncode == 0
    assert not (home.home / "common/plugins/pylb").exists()


def test_a_range_that_loses_addresses_of_services_is_to_be_confirmed(home: MicroK8s) -> None:
    assert home.run("enable", f"pylb {PROPOSED}").returncode == 0
    metadata = {"name": "web", "namespace": "default"}
    status = {"loadBalancer": {"ingress": [{"ip": "192.168.88.240"}]}}
    home.place({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}, "status": status})
    done = plugin(home, "range", "192.168.88.100-109")
    assert done.returncode == 2
    assert "default/web (192.168.88.240)" in done.stderr
    assert addresses(home) == [PROPOSED]
    assert plugin(home, "range", "192.168.88.100-109", "--force").returncode == 0
    assert plugin(home, "range", "192.168.88.230-249").returncode == 0  # holds it


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_plugin_that_cannot_be_made_is_a_note(home: MicroK8s) -> None:
    (home.home / "common").mkdir(mode=0o500)
    done = home.run("enable", f"pylb {PROPOSED}")
    assert done.returncode == 0
    assert "`microk8s pylb range` is not there" in done.stdout
