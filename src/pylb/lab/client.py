"""A lab as a test, a benchmark or the demo holds it: start one or find a running one, give orders, run commands in it.

Everything here blocks, for milliseconds mostly; an asyncio program calls `Lab.start` and `fetch` in a thread, and starts
commands of its own with `command`. A lab that was started here ends with this process, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeVar

from pylb.lab import arping, enter, fetch
from pylb.lab.errors import LabError, NotRunning
from pylb.lab.plan import DEFAULT_NAME, DEFAULT_NODES, DEFAULT_SUBNET
from pylb.lab.protocol import address, decode, encode, result
from pylb.lab.settings import TENANT

START_LIMIT_S = 30.0
STOP_LIMIT_S = 5.0
ORDER_LIMIT_S = 30.0  # a speaker that starts may take half of it
EXEC_LIMIT_S = 10.0
_PYTHON = (sys.executable, "-I", "-S")  # starts in 10 ms


def order(name: str, do: str, **words: Any) -> dict[str, Any]:
    """Give a running lab an order; `NotRunning` with the command that starts one, or the lab's own error."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(ORDER_LIMIT_S)
            link.connect(address(name))
            link.sendall(encode({"do": do, **words}))
            with link.makefile("rb") as answers:
                line = answers.readline()
    except TimeoutError:
        raise LabError(f"lab {name!r} did not answer within {ORDER_LIMIT_S:.0f} s") from None
    except OSError:
        other = "" if name == DEFAULT_NAME else f" --name {name}"
        raise NotRunning(f"no lab {name!r} of yours is running; start one with: pylb lab up{other}") from None
    if not line:
        raise NotRunning(f"lab {name!r} ended")
    return result(decode(line))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request; `status` is 0 and `error` says why if nothing answered."""

    status: int
    body: str
    ms: float
    error: str = ""


L = TypeVar("L", bound="Lab")


class Lab:
    """A running lab. `info` is the line that `pylb lab up` prints."""

    def __init__(self, info: dict[str, Any], process: subprocess.Popen[str] | None = None, lifeline: int = -1) -> None:
        self.info = info
        self.process = process  # None if another process runs the lab
        self._lifeline = lifeline

    @classmethod
    def connect(cls: type[L], name: str = DEFAULT_NAME) -> L:
        """A lab that runs already."""
        return cls(order(name, "status"))

    @classmethod
    def start(
        cls: type[L],
        nodes: int = DEFAULT_NODES,
        subnet: str = DEFAULT_SUBNET,
        name: str | None = None,
        *,
        bare: bool = False,
        without: Sequence[str] = (),
        second: str = "",
        tenant: str = TENANT,
        options: Mapping[str, str] | None = None,
        timeout: float = START_LIMIT_S,
    ) -> L:
        """Start a lab of one's own; without a name it gets one that is unique. LabError with its words if it fails."""
        ends = os.pipe()
        words = ["--nodes", str(nodes), "--subnet", subnet, "--name", name or _unique(), "--lifeline", str(ends[0])]
        words += [*(["--bare"] if bare else []), *(word for part in without for word in ("--without", part))]
        words += ["--second", second] if second else []
        words += ["--tenant", tenant, *(word for pair in (options or {}).items() for word in ("--option", *pair))]
        try:
            with tempfile.TemporaryFile("w+") as complaints:
                process = subprocess.Popen(
                    [sys.executable, "-m", "pylb.lab", "up", *words],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    pass_fds=[ends[0]],
                    text=True,
                    start_new_session=True,
                )
                info = _first_line(process, _piped(process), complaints, timeout)
        except BaseException:
            os.close(ends[1])
            raise
        finally:
            os.close(ends[0])
        return cls(info, process, ends[1])

    def stop(self) -> None:
        """End the lab, if it was started here; twice does no harm."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        if self.process is not None:
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()

    def __enter__(self: L) -> L:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def name(self) -> str:
        return str(self.info["name"])

    @property
    def pid(self) -> int:
        """The lab's first process, as seen from here."""
        return int(self.info["pid"])

    @property
    def kubeconfig(self) -> Path:
        """A file that this host's kubectl understands; it goes with the lab. LabError if the lab is bare."""
        if self.info["kubeconfig"] is None:
            raise LabError("this lab is bare: it has no API server")
        return Path(self.info["kubeconfig"])

    @property
    def hosts(self) -> dict[str, dict[str, str]]:
        """The addresses of client, router and nodes: `lan`, `lan6`, `mac`, `management` of a node, and, of a second card,
        `second` and `second_mac`."""
        hosts: dict[str, dict[str, str]] = self.info["hosts"]
        return hosts

    def order(self, do: str, **words: Any) -> dict[str, Any]:
        """Give an order over the control socket."""
        return order(self.name, do, **words)

    def status(self) -> dict[str, Any]:
        """What is plugged in, powered and running."""
        return self.order("status")

    def cut(self, node: str, cables: str = "lan") -> None:
        """Pull a node's cable: `lan`, `management`, `both` of these, or `second`."""
        self.order("plug", node=node, cables=cables, plugged=False)

    def mend(self, node: str, cables: str = "lan") -> None:
        """Plug a node's cable in again: `lan`, `management`, `both` of these, or `second`."""
        self.order("plug", node=node, cables=cables, plugged=True)

    def power(self, node: str, on: bool) -> None:
        """Take a node's power or give it back."""
        self.order("power", node=node, on=on)

    def speaker(self, action: str, node: str) -> dict[str, Any]:
        """`kill`, `freeze`, `thaw`, `stop` or `start` a node's speaker."""
        return self.order("speaker", action=action, node=node)

    def kubelet(self, action: str, node: str) -> dict[str, Any]:
        """`stop` or `start` a node's kubelet: its port, its heartbeat and its care for Pods."""
        return self.order("kubelet", action=action, node=node)

    def logs(self, who: str) -> str:
        """What a process of the lab printed, the last MiB of it."""
        return str(self.order("logs", who=who)["text"])

    def command(self, host: str, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` on a host, to be started from outside by whatever means."""
        where = self.order("where", host=host)
        return [*_PYTHON, enter.__file__, str(where["pid"]), str(where["namespace"]), "--", *argv]

    def exec(
        self, host: str, argv: Sequence[str], timeout: float = EXEC_LIMIT_S, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host to its end; its output and exit code. subprocess.TimeoutExpired after `timeout` s."""
        return subprocess.run(
            self.command(host, argv), input=text or "", capture_output=True, text=True, timeout=timeout, check=False
        )

    def popen(self, host: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Start a command on a host; SIGTERM and SIGHUP reach it, SIGKILL ends it too, and so does the lab's end."""
        return subprocess.Popen(self.command(host, argv), text=True, **options)

    def module(self, name: str, *words: str) -> list[str]:
        """The words that run one of our modules on a host: `lab.exec("client", lab.module("pylb.lab.probe", …))`."""
        return [sys.executable, "-m", name, *words]

    def request(self, host: str, url: str, timeout: float = 1.0) -> Reply:
        """GET a URL from a host, on a new connection."""
        done = self.exec(host, [*_PYTHON, fetch.__file__, url, str(timeout)], timeout + EXEC_LIMIT_S)
        if done.returncode != 0:
            raise LabError(f"{host} cannot fetch {url}: {done.stderr.strip()}")
        return Reply(**json.loads(done.stdout))

    def arp(self, host: str, *addresses: str, wait: float = 0.3, device: str = "eth0") -> dict[str, list[str]]:
        """The MACs that answer for each address on the LAN, asked by ARP from a host, in the order of their answers."""
        words = [*addresses, "--device", device, "--wait", str(wait)]
        done = self.exec(host, [*_PYTHON, arping.__file__, *words], wait + EXEC_LIMIT_S)
        if done.returncode != 0:
            raise LabError(f"{host} cannot ask by ARP: {done.stderr.strip()}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return {line["address"]: [answer["mac"] for answer in line["answers"]] for line in lines}

    def wait(self, what: str, check: Callable[[], bool], seconds: float = 10.0, every: float = 0.02) -> float:
        """Wait until `check` is true; how many seconds that took. LabError names `what` if it never is."""
        began = time.monotonic()
        while not check():
            if time.monotonic() - began > seconds:
                raise LabError(f"gave up after {seconds:.0f} s: {what}")
            time.sleep(every)
        return time.monotonic() - began


def _unique() -> str:
    return f"lab-{os.getpid()}-{os.urandom(3).hex()}"


def _first_line(process: subprocess.Popen[str], out: IO[str], complaints: IO[str], timeout: float) -> dict[str, Any]:
    """The line that tells that a lab runs; the process is dead if there is none."""
    with contextlib.ExitStack() as stack:
        stack.callback(_bury, process)
        ready, _, _ = select.select([out], [], [], timeout)
        line = out.readline() if ready else ""
        if line:
            stack.pop_all()
            return dict(json.loads(line))
        if not ready:
            raise LabError(f"the lab did not start within {timeout:.0f} s")
        code = process.wait(STOP_LIMIT_S)
        complaints.seek(0)
        error = LabError(complaints.read().strip().removeprefix("Error: ") or f"the lab ended with {code}")
        error.exit_code = code
        raise error


def _piped(process: subprocess.Popen[str]) -> IO[str]:
    if process.stdout is None:
        raise AssertionError("started with a pipe")
    return process.stdout


def _bury(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
