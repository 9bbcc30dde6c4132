"""The first process of a node, in network, mount, host name and process namespaces of its own: `python node.py JSON`.

It gives the node its disk, starts containerd, kube-proxy and, once the API server serves, the kubelet, buries orphans,
tells over a socket which of its programs ended, and takes orders from there. Nothing restarts by itself: a program that
died stays dead, so that a test sees it. Imports nothing of pylb: it starts within 20 ms with `python -I -S`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

KEPT = ("/var/lib/kubelet", "/var/lib/containerd", "/var/log", "/etc/cni", "/etc/containerd", "/opt")  # on the disk
# The kubelet sets these for the whole machine; it gets files of its own instead.
KERNEL = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
ASIDE = "/mnt"  # where `home` stays while /run is made new
EVERY_S = 0.02
CONTAINERD_LIMIT_S, IMPORT_LIMIT_S = 30, 60
SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP, "thaw": signal.SIGCONT, "stop": signal.SIGTERM}


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def furnish(name: str, home: str, disk: str, files: dict[str, str]) -> None:
    """Mounts, kernel settings, host name and configuration files of a node. `home` stays visible where it is."""
    mount("--bind", home, ASIDE)
    mount("-t", "tmpfs", "tmpfs", "/run")  # empty after a restart, as on a real machine
    Path(home).mkdir(parents=True)
    mount("--move", ASIDE, home)
    for path in KEPT:
        own = Path(disk, path.strip("/").replace("/", "-"))
        own.mkdir(parents=True, exist_ok=True)
        Path(path).mkdir(parents=True, exist_ok=True)
        mount("--bind", str(own), path)
    mount("--make-rshared", "/")
    for item, value in KERNEL.items():
        setting = Path(disk, item.replace("/", "-"))
        setting.write_text(f"{value}\n")
        mount("--bind", str(setting), f"/proc/sys/{item}")
    socket.sethostname(name)
    for path, text in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)


class Node:
    """The programs of a node, and the socket to whoever runs the cluster."""

    def __init__(self, wanted: dict[str, Any], link: socket.socket) -> None:
        self._commands: dict[str, list[str]] = wanted["programs"]
        self._name = wanted["name"]
        self._logs = wanted["logs"]
        self._env = {**os.environ, **wanted["env"]}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._asked: set[str] = set()  # programs whose end was asked for
        self._link = link

    def start(self, program: str) -> None:
        with Path(self._logs, f"{self._name}-{program}.log").open("ab") as log:
            self._children[program] = subprocess.Popen(
                self._commands[program], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
            )
        self._asked.discard(program)
        self.tell({"program": program, "state": "running"})

    def obey(self, order: dict[str, str]) -> None:
        """Start or signal a program."""
        program, action = order["program"], order["action"]
        child = self._children.get(program)
        alive = child is not None and child.poll() is None
        if action == "start" and not alive:
            self.start(program)
        elif action in SIGNALS and child is not None and alive:
            self._asked.add(program)
            child.send_signal(SIGNALS[action])
            if action == "stop":
                child.send_signal(signal.SIGCONT)
            if action in ("freeze", "thaw"):
                self._asked.discard(program)
                self.tell({"program": program, "state": "frozen" if action == "freeze" else "running"})

    def reap(self) -> None:
        """Bury what ended; tell if it was a program of the node."""
        for program, child in list(self._children.items()):
            code = child.poll()
            if code is not None:
                del self._children[program]
                self.tell({"program": program, "state": f"ended with {code}", "asked": program in self._asked})
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if any(child.pid == found.si_pid for child in self._children.values()):
                    return  # ended just now: its turn comes with the next signal
                os.waitpid(found.si_pid, 0)

    def tell(self, message: dict[str, Any]) -> None:
        self._link.sendall(json.dumps(message).encode() + b"\n")


def wait_for(node: Node, what: str, check: Any, seconds: float) -> None:
    """Wait for `check`; what ended meanwhile is told, and whoever runs the cluster sees to it."""
    end = time.monotonic() + seconds
    while not check():
        node.reap()
        if time.monotonic() > end:
            raise SystemExit(f"gave up waiting for {what}")
        time.sleep(EVERY_S)


def import_images(node: Node, ctr: str, images: list[str]) -> None:
    """Give containerd its images, once it answers."""

    def answers() -> bool:
        return subprocess.run([ctr, "version"], check=False, capture_output=True).returncode == 0

    wait_for(node, "containerd", answers, CONTAINERD_LIMIT_S)
    for image in images:
        command = [ctr, "--namespace", "k8s.io", "images", "import", "--local", image]
        subprocess.run(command, check=True, timeout=IMPORT_LIMIT_S, stdout=subprocess.DEVNULL)


def serve(node: Node, link: socket.socket, wake: socket.socket) -> None:
    """Orders in, ends out, until the other side is gone."""
    text = b""
    while True:
        ready, _, _ = select.select([link, wake], [], [])
        if wake in ready:
            wake.recv(4096)
            node.reap()
        if link in ready:
            data = link.recv(4096)
            if not data:
                return
            *lines, text = (text + data).split(b"\n")
            for line in lines:
                node.obey(json.loads(line))


def main() -> None:
    wanted = json.loads(sys.argv[1])
    furnish(wanted["name"], wanted["home"], wanted["disk"], wanted["files"])
    link = socket.socket(fileno=wanted["link"])
    near, far = socket.socketpair()
    far.setblocking(False)
    signal.set_wakeup_fd(far.fileno())
    node = Node(wanted, link)
    node.start("containerd")
    import_images(node, wanted["ctr"], wanted["images"])
    node.start("kube-proxy")
    wait_for(node, "the API server", Path(wanted["api_ready"]).exists, wanted["api_limit_s"])
    node.start("kubelet")
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # from here on ends are told
    node.reap()
    serve(node, link, near)


if __name__ == "__main__":
    main()
