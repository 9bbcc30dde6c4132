"""However a lab ends, nothing of it is left: no process, no namespace, no mount, no socket, no interface, no file."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pylb.lab.client import Lab

END_S = 10.0  # seconds that a lab may take to be gone, on a machine that has much else to do
DRIVER = """
import json, subprocess, time
from pylb.lab.client import Lab
lab = Lab.start(bare=True)
inside = lab.popen("client", ["sh", "-c", "echo in; exec sleep 60"], stdout=subprocess.PIPE)
inside.stdout.readline()
print(json.dumps({"info": lab.info, "outer": lab.process.pid}), flush=True)
time.sleep(60)
"""


def sleeper(lab: Lab, host: str) -> subprocess.Popen[str]:
    """A program that runs on a host, and is there already."""
    process = lab.popen(host, ["sh", "-c", "echo in; exec sleep 60"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    process.stdout.close()
    return process


def namespace(pid: int | str, kind: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/{kind}").readlink())
    except OSError:
        return ""


def stat(pid: int | str) -> list[str]:
    """The fields of a process after its name: state, parent, … (proc(5)); none if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def is_alive(pid: int | str) -> bool:
    """Whether a process runs; a zombie that waits for a lazy init is dead."""
    return stat(pid)[:1] not in ([], ["Z"])


def parent(pid: int) -> int:
    return int(stat(pid)[1])


def born(pid: int | str) -> int:
    """When a process began, in ticks since the machine did; the far future if it is gone."""
    fields = stat(pid)
    return int(fields[19]) if fields else sys.maxsize


def in_namespaces(names: set[str]) -> set[int]:
    """The processes in any of these pid or network namespaces."""
    found = set()
    for entry in Path("/proc").iterdir():
        if (
            entry.name.isdigit()
            and is_alive(entry.name)
            and {namespace(entry.name, kind) for kind in ("pid", "net", "mnt")} & names
        ):
            found.add(int(entry.name))
    return found


class Traces:
    """What there is of a running lab, to be looked for after its end."""

    def __init__(self, info: dict[str, object], outer: int) -> None:
        self.name = str(info["name"])
        pid = int(str(info["pid"]))
        self.names = {namespace(pid, kind) for kind in ("pid", "net", "mnt")}
        self.names |= {namespace(one, "net") for one in in_namespaces({namespace(pid, "pid")})}
        assert "" not in self.names
        assert not self.names & {namespace("self", kind) for kind in ("pid", "net", "mnt")}, "it shares none with us"
        self.processes = {outer, parent(pid), pid}
        self.taken = int(float(Path("/proc/uptime").read_text().split()[0]) * os.sysconf("SC_CLK_TCK"))

    def left(self) -> list[str]:
        """What is still there."""
        # the kernel uses the numbers of namespaces again: what began later belongs to another lab
        alive = [f"process {pid}" for pid in in_namespaces(self.names) if born(pid) <= self.taken]
        alive += [f"process {pid}" for pid in self.processes if is_alive(pid)]
        if f"pylb-lab-{os.getuid()}-{self.name}" in Path("/proc/net/unix").read_text():
            alive.append("control socket")
        return alive + self.outside()

    def outside(self) -> list[str]:
        """What it would have left on the host: a lab's folder or name in files and mounts, its bridges and cables."""
        files = [str(path) for folder in ("/run", "/run/netns", "/tmp") for path in Path(folder).glob(f"*{self.name}*")]
        links = [path.name for path in Path("/sys/class/net").iterdir()]
        mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "pylb-lab" in line]
        return [*files, *({"lan0", "mgmt0", "l-n1", "m-n1", "l-client"} & {*links}), *mounts]

    def assert_gone(self) -> None:
        end = time.monotonic() + END_S
        while (left := self.left()) and time.monotonic() < end:
            time.sleep(0.02)
        assert left == []


def kill_outer(lab: Lab) -> None:
    assert lab.process is not None
    lab.process.kill()


def kill_supervisor(lab: Lab) -> None:
    os.kill(lab.pid, signal.SIGKILL)


def freeze_supervisor_and_kill_outer(lab: Lab) -> None:
    assert lab.process is not None
    os.kill(lab.pid, signal.SIGSTOP)
    lab.process.kill()


def kill_unshare(lab: Lab) -> None:
    os.kill(parent(lab.pid), signal.SIGKILL)


@pytest.mark.parametrize("death", [kill_outer, kill_supervisor, freeze_supervisor_and_kill_outer, kill_unshare])
def test_nothing_is_left_when_a_part_of_the_lab_is_killed(death: Callable[[Lab], None]) -> None:
    with Lab.start(bare=True) as lab:
        assert lab.process is not None
        inside = sleeper(lab, "n1")
        traces = Traces(lab.info, lab.process.pid)
        assert traces.left()
        death(lab)
        lab.process.wait(END_S)
        assert inside.wait(END_S) == 128 + signal.SIGKILL
        traces.assert_gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_lab_in_order(number: signal.Signals) -> None:
    with Lab.start(bare=True) as lab:
        assert lab.process is not None
        traces = Traces(lab.info, lab.process.pid)
        lab.process.send_signal(number)
        assert lab.process.wait(END_S) == 0
        traces.assert_gone()


def test_nothing_is_left_of_a_whole_cluster() -> None:
    with Lab.start(nodes=1) as lab:
        assert lab.process is not None
        port = int(lab.info["server"].rpartition(":")[2])
        kubeconfig = lab.kubeconfig
        assert kubeconfig.stat().st_mode & 0o077 == 0
        traces = Traces(lab.info, lab.process.pid)
        lab.process.kill()
        lab.process.wait(END_S)
        traces.assert_gone()
        assert not kubeconfig.exists()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1.0)


def test_a_lab_dies_with_the_process_that_started_it() -> None:
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    told = json.loads(driver.stdout.readline())
    traces = Traces(told["info"], told["outer"])
    driver.kill()
    driver.wait()
    driver.stdout.close()
    traces.assert_gone()


def test_a_killed_lab_command_takes_its_program_with_it(bare_lab: Lab) -> None:
    own = {namespace(bare_lab.pid, "pid")}
    before = in_namespaces(own)
    running = sleeper(bare_lab, "client")
    assert len(in_namespaces(own) - before) == 1
    running.kill()
    running.wait()
    bare_lab.wait("the program ended", lambda: in_namespaces(own) <= before)
