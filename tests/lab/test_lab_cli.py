"""`pylb lab …` as people type it: one line of JSON, exit codes, a terminal that works, and errors that help."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pylb.lab.client import Lab

LIMIT_S = 10.0


def pylb(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pylb", "lab", *words], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--nodes", "0"], "nodes 0: a lab has 1 to 15 nodes"),
        (["--nodes", "16"], "nodes 16: a lab has 1 to 15 nodes"),
        (["--nodes", "x"], "'x' is not a valid integer"),
        (["--subnet", "10.77.0.0/27"], "too small; use a /26 or larger, such as 10.77.0.0/24"),
        (["--subnet", "10.77.0.5/24"], "write the network: 10.77.0.0/24"),
        (["--subnet", "100.64.0.0/10"], "overlaps the lab's management network, 100.64.77.0/24"),
        (["--subnet", "10.244.3.0/24"], "overlaps the pods' network"),
        (["--subnet", "10.0.0.0/8"], "overlaps"),
        (["--subnet", "fd00::/64"], "the LAN is an IPv4 network"),
        (["--subnet", "home"], "not a network; write it as 10.77.0.0/24"),
        (["--name", "My Lab"], "lower-case letters"),
        (["--without", "api"], "'api' is not one of"),
        (["--second", "wifi"], "'wifi' is not one of"),
        (["--subnet", "198.51.100.0/24"], "overlaps the second LAN"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(words: list[str], text: str) -> None:
    done = pylb("up", *words)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_a_lab_every_order_says_how_to_start_one() -> None:
    for words in (
        ["status"],
        ["cut", "n1"],
        ["exec", "client", "--", "true"],
        ["down"],
        ["kubeconfig"],
        ["logs", "api"],
    ):
        done = pylb(*words, "--name", "absent") if words[0] != "exec" else pylb("exec", "--name", "absent", *words[1:])
        assert (done.returncode, done.stdout) == (3, ""), words
        assert done.stderr.strip().endswith("start one with: pylb lab up --name absent")


def test_a_second_lab_of_the_same_name_is_refused(bare_lab: Lab) -> None:
    done = pylb("up", "--bare", "--name", bare_lab.name)
    assert done.returncode == 2
    assert "such a lab runs already; use another --name" in done.stderr


def test_up_prints_one_line_and_down_ends_it() -> None:
    name = f"cli-{os.getpid()}"
    up = subprocess.Popen(
        [sys.executable, "-m", "pylb", "lab", "up", "--name", name, "--nodes", "2", "--without", "speakers"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert up.stdout is not None
    try:
        info = json.loads(up.stdout.readline())
        assert info["name"] == name
        assert info["hosts"]["n2"]["lan"] == "10.77.0.22"
        assert info["hosts"]["n2"]["management"] == "100.64.77.22"
        assert info["server"].startswith("https://127.0.0.1:")
        assert pylb("kubeconfig", "--name", name).stdout.strip() == info["kubeconfig"]
        assert json.loads(pylb("status", "--name", name).stdout)["processes"]["controller"]["state"] == "running"
        assert "serving" in pylb("logs", "api", "--name", name).stdout
        assert pylb("speaker", "kill", "n1", "--name", name).returncode == 1
        assert pylb("down", "--name", name).returncode == 0
        assert up.wait(5) == 0
        assert up.stdout.read() == ""
    finally:
        up.kill()
        up.wait()
        up.stdout.close()


def test_cut_mend_and_power_tell_the_state(bare_lab: Lab) -> None:
    name = ["--name", bare_lab.name]
    assert json.loads(pylb("cut", "n2", *name).stdout) == {
        "node": "n2",
        "powered": True,
        "lan": False,
        "management": True,
    }
    assert json.loads(pylb("cut", "n2", "--management", *name).stdout)["management"] is False
    assert json.loads(pylb("mend", "n2", *name).stdout)["lan"] is True
    assert json.loads(pylb("mend", "n2", "--only-management", *name).stdout)["management"] is True
    assert json.loads(pylb("power", "off", "n2", *name).stdout)["powered"] is False
    assert json.loads(pylb("power", "on", "n2", *name).stdout)["powered"] is True
    done = pylb("cut", "n7", *name)
    assert done.returncode == 2
    assert "node 'n7': no such node; there are n1, n2, n3" in done.stderr
    done = pylb("exec", *name, "n7", "--", "true")
    assert done.returncode == 2
    assert "there are client, router, n1, n2, n3, lan" in done.stderr
    assert pylb("speaker", "dance", "n1", *name).returncode == 2
    for command in ("cut", "mend"):
        done = pylb(command, "n2", "--management", "--only-management", *name)
        assert (done.returncode, done.stdout) == (2, "")
        assert "contradict each other" in done.stderr
        done = pylb(command, "n2", "--second", *name)
        assert done.returncode == 2
        assert "node 'n2': it has no second cable; start a lab with: pylb lab up --second nic|link" in done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -9 $$"], 137),
        (["/nonexistent"], 127),
        (["/tmp"], 126),
    ],
)
def test_exec_passes_exit_codes_on(bare_lab: Lab, command: list[str], code: int) -> None:
    assert pylb("exec", "--name", bare_lab.name, "client", "--", *command).returncode == code


def test_exec_is_in_the_hosts_network_with_its_own_sys_and_options_reach_the_command(bare_lab: Lab) -> None:
    done = pylb("exec", "--name", bare_lab.name, "n1", "ip", "-4", "-brief", "addr", "show", "eth0")
    assert "10.77.0.21/24" in done.stdout
    done = pylb("exec", "--name", bare_lab.name, "n1", "--", "cat", "/sys/class/net/eth0/address")
    assert done.stdout.strip() == bare_lab.hosts["n1"]["mac"]
    done = pylb("exec", "--name", bare_lab.name, "n1", "--", "pwd")
    assert done.stdout.strip() == str(Path.cwd())


def test_exec_has_the_terminal_and_ctrl_c_reaches_the_command(bare_lab: Lab) -> None:
    script = "trap 'echo caught; exit 5' INT; tty; while :; do sleep 0.05; done"
    words = [sys.executable, "-m", "pylb", "lab", "exec", "--name", bare_lab.name, "client", "--", "sh", "-c", script]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(words[0], words)
    seen = b""
    while b"/dev/" not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while b"caught" not in seen:
        seen += os.read(terminal, 1000)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    os.close(terminal)
    assert b"not a tty" not in seen
