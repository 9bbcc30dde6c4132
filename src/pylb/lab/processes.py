"""pylb's processes in a lab, each with the Pod that stands for it: started, tormented, and reported as they are.

Nothing restarts by itself: a process that died stays dead, so that a test sees it, until it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pylb.kube.client import Client
from pylb.kube.errors import AlreadyExists, ClusterError
from pylb.lab import namespaces, objects
from pylb.lab.children import Child, Children
from pylb.lab.errors import BadInput, LabError
from pylb.lab.machines import Machines
from pylb.lab.network import LAN
from pylb.lab.programs import Files, Program

READY_LIMIT_S = 15.0
READY_EVERY_S = 0.02
STOP_LIMIT_S = 5.0
RETRY_S = 0.5
ACTIONS = ("kill", "freeze", "thaw", "stop", "start")

log = logging.getLogger(__name__)


@dataclass
class Process:
    """A program, and the process that runs it, if one does."""

    program: Program
    child: Child | None = None
    state: str = "not started"

    def to_json(self, ids: Mapping[int, int]) -> dict[str, Any]:
        """State and process id; `ids` maps ours to those outside."""
        running = self.child is not None and self.child.code is None
        return {"state": self.state, "pid": ids.get(self.child.pid) if self.child is not None and running else None}


class Processes:
    """All of a lab's programs by name."""

    def __init__(self, files: Files, machines: Machines, children: Children) -> None:
        self._files = files
        self._machines = machines
        self._children = children
        self._tasks: set[asyncio.Task[None]] = set()
        self.client: Client | None = None  # set once the API server answers
        self.all: dict[str, Process] = {}

    def start(self, program: Program, fds: tuple[int, ...] = ()) -> Child:
        """Start a program that does not run."""
        process = self.all.setdefault(program.name, Process(program))
        process.program = program
        child = self._children.start(
            program.argv,
            namespace=None if program.namespace == LAN else program.namespace,
            log=self._files.log(program.name),
            fds=fds,
            env={"PYTHONUNBUFFERED": "1"},
        )
        process.child, process.state = child, "running"
        child.on_end.append(lambda code: self._ended(process, child, code))
        return child

    async def start_ready(self, program: Program) -> None:
        """Start a program, wait until it is healthy, and report its Pod as ready; LabError with its words if it dies."""
        child = self.start(program)
        await self._wait_healthy(program, child)
        await self._write_pod(program, ready=True)

    async def act(self, name: str, action: str) -> dict[str, Any]:
        """Kill, freeze, thaw, stop or start a program; what it is now."""
        if action not in ACTIONS:
            raise BadInput(f"action {action!r}: not known; there are {', '.join(ACTIONS)}")
        process = self.all[name]
        child = process.child
        alive = child is not None and child.code is None
        if action == "start":
            if alive:
                raise LabError(f"{name} runs already (it is {process.state})")
            await self._restart(process.program)
        elif child is None or not alive:
            raise LabError(f"{name} does not run; start it with: pylb lab speaker start {process.program.node}")
        else:
            await self._torment(process, child, action)
        return {"process": name, **process.to_json(namespaces.outer_ids())}

    async def _restart(self, program: Program) -> None:
        """Start a program, and confirm it as soon as it can be reached."""
        node = self._machines.nodes.get(program.node)
        if node is None or node.reaches_api:
            await self.start_ready(program)
        else:
            self._spawn(self._confirm_later(program, self.start(program)))

    async def _confirm_later(self, program: Program, child: Child) -> None:
        while child.code is None:
            if self._machines[program.node].reaches_api:
                with contextlib.suppress(LabError, ClusterError):
                    await self._wait_healthy(program, child)
                    return await self._write_pod(program, ready=True)
            await asyncio.sleep(RETRY_S)
        return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _torment(self, process: Process, child: Child, action: str) -> None:
        if action == "freeze":
            child.signal(signal.SIGSTOP)
            process.state = "frozen"
        elif action == "thaw":
            child.signal(signal.SIGCONT)
            process.state = "running"
        else:
            if action == "stop":
                child.signal(signal.SIGCONT)  # a frozen process does not hear that it shall end
                child.signal(signal.SIGTERM)
            else:
                child.signal(signal.SIGKILL)
            try:
                await asyncio.wait_for(asyncio.shield(child.ended), STOP_LIMIT_S)
            except asyncio.TimeoutError:
                raise LabError(f"{process.program.name} did not end within {STOP_LIMIT_S:.0f} s") from None

    def to_json(self) -> dict[str, Any]:
        ids = namespaces.outer_ids()
        return {name: process.to_json(ids) for name, process in self.all.items()}

    def _ended(self, process: Process, child: Child, code: int) -> None:
        if process.child is not child:
            return
        process.state = f"ended with signal {-code}" if code < 0 else f"ended with {code}"
        if process.program.component and self.client is not None:
            self._spawn(self._report_end(process, child))

    async def _report_end(self, process: Process, child: Child) -> None:
        """The kubelet's word that a container ended; a node without power or API says nothing."""
        node = self._machines.nodes.get(process.program.node)
        while process.child is child and (node is None or node.powered):
            if node is None or node.reaches_api:
                with contextlib.suppress(ClusterError):
                    await self._write_pod(process.program, ready=False)
                    return
            await asyncio.sleep(RETRY_S)

    async def _wait_healthy(self, program: Program, child: Child) -> None:
        end = asyncio.get_running_loop().time() + READY_LIMIT_S
        while not await is_healthy(program.address, program.port):
            if child.code is not None:
                raise LabError(f"{program.name} ended with {child.code}: {self._last_words(program)}")
            if asyncio.get_running_loop().time() > end:
                raise LabError(
                    f"{program.name} is not healthy after {READY_LIMIT_S:.0f} s: {self._last_words(program)}"
                )
            await asyncio.sleep(READY_EVERY_S)

    def _last_words(self, program: Program) -> str:
        lines = self._files.log(program.name).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"

    async def _write_pod(self, program: Program, *, ready: bool) -> None:
        if self.client is None:
            return
        now = datetime.now(timezone.utc)
        item = objects.pod(program.component, program.node, program.pod, program.port)
        with contextlib.suppress(AlreadyExists):
            await self.client.post(item.collection, item.body)
        host = self._machines.nodes.get(program.node)
        host_ip = str(host.host.lan) if host is not None else program.address
        status = objects.pod_status(program.component, program.address, host_ip, ready, now)
        await self.client.patch(f"{item.collection}/{program.pod}/status", {"status": status})


async def is_healthy(address: str, port: int) -> bool:
    """Whether `/healthz` says 200."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 1.0)
    except (OSError, asyncio.TimeoutError):
        return False
    try:
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        line = await asyncio.wait_for(reader.readline(), 1.0)
        return line.split(b" ")[1:2] == [b"200"]
    except (OSError, asyncio.TimeoutError, ValueError):
        return False
    finally:
        writer.close()
