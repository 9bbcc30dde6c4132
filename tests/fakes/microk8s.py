"""A stand-in for MicroK8s: what its wrapper does around an addon's program, without snapd.

It starts the programs as the wrapper does: arguments cut at colons, the snap's environment with its own Python first
on the PATH, no KUBECONFIG, kubectl behind `$SNAP/microk8s-kubectl.wrapper`, and a terminal or none.
"""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
PACKAGES = ("click==8.0.3", "pyyaml==6.0.1")  # what MicroK8s' own Python 3.10 has
LIMIT_S = 30.0
KUBECTL = Path(__file__).with_name("kubectl.py")


@dataclass(frozen=True)
class Interpreter:
    """A Python, and the folder of the packages that it may see ("" where it has its own)."""

    python: str
    packages: str
    missing: str  # why it is not MicroK8s' Python 3.10; "" where it is


def interpreter() -> Interpreter:
    """Python 3.10 with MicroK8s' packages alone if this machine can have it, else the one that runs the tests."""
    python = _python310()
    if python is None:
        return Interpreter(sys.executable, "", "this machine has no Python 3.10")
    folder = CACHE / "addon-python-3.10"
    if not folder.is_dir():
        CACHE.mkdir(exist_ok=True)
        fresh = CACHE / f"addon-python-3.10.{os.getpid()}"
        line = [python, "-m", "pip", "install", "-q", "--no-deps", "--retries=0", "--timeout=10", "--target"]
        done = subprocess.run([*line, str(fresh), *PACKAGES], capture_output=True, text=True, timeout=50, check=False)
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            return Interpreter(sys.executable, "", f"pip cannot fetch {' '.join(PACKAGES)}: {done.stderr[-200:]}")
        with suppress(OSError):  # another test process was first
            fresh.rename(folder)
        shutil.rmtree(fresh, ignore_errors=True)
    return Interpreter(python, str(folder), "")


def _python310() -> str | None:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places = sorted(root.glob("versions/3.10.*/bin/python3.10"))
    for place in (*map(str, places), shutil.which("python3.10")):
        if place and subprocess.run([place, "-c", ""], capture_output=True, check=False).returncode == 0:
            return place
    return None


def cut(typed: str) -> list[str]:
    """The arguments that a program gets for what was typed after `microk8s enable`: at `pylb:` each colon cuts."""
    addon, *words = typed.split(" ")
    name, colon, rest = addon.partition(":")
    assert name == "pylb"
    assert not (colon and words), "MicroK8s refuses both forms at once"
    return rest.split(":") if colon else words


@dataclass
class MicroK8s:
    """An installed snap below `home`, whose kubectl is `kubectl` (a command line of the shell)."""

    home: Path
    kubectl: str
    environment: dict[str, str] = field(default_factory=dict)
    addons: Path = ROOT / "addons"

    def __post_init__(self) -> None:
        snap = self.home / "snap"
        (snap / "usr/bin").mkdir(parents=True)
        self.state.mkdir()
        self.python = interpreter()
        _program(snap / "usr/bin/python3", f'exec "{self.python.python}" "$@"')
        _program(snap / "microk8s-kubectl.wrapper", f'unset PYTHONPATH\nexec {self.kubectl} "$@"')
        # The real one prints what went wrong and ends with 0, whatever happened.
        _program(snap / "microk8s-images.wrapper", f'echo "$@" >> "{self.state}/imports"; echo Importing; exit 0')

    @property
    def state(self) -> Path:
        return self.home / "state"

    def variables(self) -> dict[str, str]:
        """The environment of an addon's program."""
        snap = str(self.home / "snap")
        path = f"{snap}/usr/bin:{snap}/bin:{os.environ['PATH']}"
        return {
            "PATH": path,
            "REAL_PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "SNAP": snap,
            "SNAP_NAME": "microk8s",
            "SNAP_ARCH": "amd64",
            "SNAP_DATA": str(self.home / "data"),
            "SNAP_COMMON": str(self.home / "common"),
            "PYTHONPATH": self.python.packages,
            "LD_LIBRARY_PATH": f"{snap}/lib",
            "FAKE_KUBECTL_STATE": str(self.state),
            **self.environment,
        }

    def run(self, program: str, typed: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run without a terminal, as a script or a launch configuration does; `more` are further variables."""
        return subprocess.run(
            [str(self.addons / "pylb" / program), *cut(typed)],
            env={**self.variables(), **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    @contextmanager
    def terminal(self, program: str, typed: str) -> Iterator[Terminal]:
        """Run at a terminal; it is ended at the latest when the block is left."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [str(self.addons / "pylb" / program), *cut(typed)],
            env={**self.variables(), "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def see(self, interface: str, own: str, gateway: str) -> None:
        """Let `ip` say that this machine has one interface, which had better not exist: nobody is asked anything."""
        address, _, bits = own.partition("/")
        told = {
            "address": [
                {"ifname": interface, "flags": ["UP"], "addr_info": [{"local": address, "prefixlen": int(bits)}]}
            ],
            "route": [{"dst": "default", "gateway": gateway, "dev": interface}],
            "neighbour": [],
        }
        lines = "".join(f"{word}) echo '{json.dumps(text)}';;\n" for word, text in told.items())
        body = f'for last; do :; done\ncase "$2$last" in -6*) echo "[]"; exit;; esac\ncase "$last" in\n{lines}esac'
        _program(self.home / "snap/usr/bin/ip", body)

    def place(self, *objects: dict[str, Any]) -> None:
        """Put objects into the cluster of kubectl's stand-in."""
        known = self.objects()
        for item in objects:
            meta = item["metadata"]
            known[f"{item['kind']}/{meta.get('namespace', '')}/{meta['name']}"] = item
        (self.state / "objects.json").write_text(json.dumps(known))

    def imports(self) -> list[str]:
        """What `microk8s images` was asked."""
        path = self.state / "imports"
        return path.read_text().splitlines() if path.exists() else []

    def calls(self) -> list[dict[str, Any]]:
        """What kubectl's stand-in was asked so far."""
        log = self.state / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def objects(self) -> dict[str, Any]:
        """What kubectl's stand-in keeps, by kind/namespace/name."""
        path = self.state / "objects.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}


@dataclass
class Terminal:
    """The other end of a program's terminal."""

    descriptor: int
    process: subprocess.Popen[bytes]
    seen: str = ""

    def expect(self, text: str) -> None:
        """Read until the text has come, after what an earlier call found."""
        deadline = time.monotonic() + LIMIT_S
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.seen!r}"
            assert self._read(deadline), f"the program ended before {text!r}: {self.seen!r}"
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self.descriptor, f"{text}\n".encode())

    def finish(self) -> tuple[int, str]:
        """The exit code, and what was printed since the last `expect`."""
        deadline = time.monotonic() + LIMIT_S
        while self._read(deadline):
            assert time.monotonic() < deadline
        return self.process.wait(timeout=LIMIT_S), self.seen.replace("\r\n", "\n")

    def _read(self, deadline: float) -> bool:
        """Take what there is; False at the end."""
        ready, _, _ = select.select([self.descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return True
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # the last program closed the terminal
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)


def stand_in_kubectl() -> str:
    """The command line of the recording kubectl, run by the Python that runs the tests."""
    return f'"{sys.executable}" -IS "{KUBECTL}"'


def two_nodes(home: Path) -> MicroK8s:
    """An installed snap on a cluster of two nodes, pi1 and pi2, on a LAN that nobody can ask: its interface does not exist."""
    made = MicroK8s(home, stand_in_kubectl())
    made.place(_node("pi1", "192.168.88.20"), _node("pi2", "192.168.88.21"))
    made.see("lan-of-the-test", "192.168.88.20/24", "192.168.88.1")
    return made


def _node(name: str, address: str) -> dict[str, Any]:
    status = {
        "addresses": [{"type": "InternalIP", "address": address}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    spec = {"podCIDRs": ["10.1.0.0/16"]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec, "status": status}


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
