"""The first process inside a lab's namespaces: it builds the network, starts what runs in it, and takes orders.

`python -m pylb.lab.supervisor WORD`, started by `launch`. All of the lab's files lie in a tmpfs on this mount
namespace's /run. It ends when the outer process's pipe closes; the kernel ends the rest then.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylb.lab import namespaces
from pylb.lab.children import Children
from pylb.lab.control import Control, Order
from pylb.lab.errors import BadInput, LabError
from pylb.lab.machines import Machine, Machines
from pylb.lab.network import LAN, Network
from pylb.lab.protocol import failure
from pylb.lab.settings import Handles, Settings, decode

if TYPE_CHECKING:
    from pylb.lab.machines import Tenant

log = logging.getLogger(__name__)

HOME = Path("/run/pylb-lab")
LOG_LIMIT = 1 << 20  # bytes of a log that are shown
CABLES = {"lan": ("lan",), "management": ("management",), "both": ("lan", "management"), "second": ("second",)}


class Supervisor:
    """A running lab."""

    def __init__(self, settings: Settings, handles: Handles) -> None:
        self.settings = settings
        self.handles = handles
        self.children = Children()
        self.network = Network(settings.plan, self.children)
        self.machines = Machines(self.network)
        self.tenant: Tenant | None = None
        self.ended = asyncio.Event()
        self._port = _port(handles.api)  # the tenant closes it for us
        self._orders: dict[str, Order] = {
            "status": self._status,
            "where": self._where,
            "plug": self._plug,
            "power": self._power,
            "speaker": self._no_speaker,
            "kubelet": self._no_kubelet,
            "logs": self._logs,
            "down": self._down,
        }

    async def start(self) -> dict[str, Any]:
        """Bring everything up; what the lab reports when it runs."""
        namespaces.mount("tmpfs", "/run", "tmpfs")
        (HOME / "logs").mkdir(parents=True, mode=0o700)
        _log_to(HOME / "logs" / "lab.log")
        began = time.monotonic()
        await self.network.up()
        log.info("the network stands after %.1f ms", (time.monotonic() - began) * 1000)
        if not self.settings.bare:
            # imported here: a bare lab needs no Kubernetes client
            module, _, name = self.settings.tenant.partition(":")
            make = getattr(importlib.import_module(module), name)
            self.tenant = make(self.settings, HOME, self.network, self.machines, self.children)
            self.machines.tenant = self.tenant
            await self.machines.tenant.start(self.handles.api)
            self._orders |= self.machines.tenant.orders()
        await Control(self._orders).serve(socket.socket(fileno=self.handles.control))
        return self._report()

    def _report(self) -> dict[str, Any]:
        pid = _pid_outside()
        server = f"https://127.0.0.1:{self._port}" if self.tenant else None
        return {
            "name": self.settings.name,
            "pid": pid,
            "kubeconfig": f"/proc/{pid}/root{HOME}/kubeconfig" if self.tenant else None,
            "server": server,
            "subnet": self.settings.subnet,
            "hosts": {name: host.to_json() for name, host in self.network.plan.hosts.items()},
        }

    async def _status(self, _request: dict[str, Any]) -> dict[str, Any]:
        nodes: dict[str, Any] = {name: machine.to_json() for name, machine in self.machines.nodes.items()}
        told = self._report()
        if self.tenant is not None:
            told |= self.tenant.to_json()
        return {**told, "nodes": nodes}

    async def _where(self, request: dict[str, Any]) -> dict[str, Any]:
        """In which namespace a host is, and which process to enter."""
        host = str(request.get("host"))
        known = {name: name for name in (*self.network.plan.hosts, LAN)}
        pods = self.tenant.pods() if self.tenant else {}
        namespace = {**known, **pods}.get(host)
        if namespace is None:
            raise BadInput(f"host {host!r}: not in this lab; there are {', '.join([*known, *pods])}")
        if host in self.machines.nodes:
            self.machines.with_power(host)
        return {"pid": _pid_outside(), "namespace": namespace}

    async def _plug(self, request: dict[str, Any]) -> dict[str, Any]:
        cables = CABLES.get(str(request.get("cables", "lan")))
        if cables is None:
            raise BadInput(f"cables {request.get('cables')!r}: there are {', '.join(CABLES)}")
        return _told(await self.machines.plug(str(request.get("node")), cables, bool(request.get("plugged"))))

    async def _power(self, request: dict[str, Any]) -> dict[str, Any]:
        return _told(await self.machines.power(str(request.get("node")), bool(request.get("on"))))

    async def _no_speaker(self, _request: dict[str, Any]) -> dict[str, Any]:
        if self.tenant is None:
            raise LabError("this lab is bare: it has no speakers")
        raise LabError("the speakers of this cluster are pods: use kubectl")

    async def _no_kubelet(self, _request: dict[str, Any]) -> dict[str, Any]:
        if self.tenant is None:
            raise LabError("this lab is bare: it has no kubelets")
        raise LabError("the kubelets of this cluster are its own: stop them on their nodes")

    async def _logs(self, request: dict[str, Any]) -> dict[str, Any]:
        logs = {path.stem: path for path in sorted((HOME / "logs").glob("*.log"))}
        who = str(request.get("who"))
        if who not in logs:
            raise BadInput(f"log {who!r}: there is none; there are {', '.join(logs) or 'no logs'}")
        return {"text": logs[who].read_bytes()[-LOG_LIMIT:].decode(errors="replace")}

    async def _down(self, _request: dict[str, Any]) -> dict[str, Any]:
        asyncio.get_running_loop().call_later(0.05, self.ended.set)  # the answer goes out first
        return {}


def _log_to(path: Path) -> None:
    """Everything into a file, what breaks the lab to whoever started it as well."""
    loud = logging.StreamHandler()
    loud.setLevel(logging.ERROR)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=[logging.FileHandler(path), loud]
    )


def _port(listener: int) -> int:
    """The port of a listening descriptor, which stays open."""
    with socket.socket(fileno=os.dup(listener)) as copy:
        return int(copy.getsockname()[1])


def _pid_outside() -> int:
    """This process's id as the host sees it: /proc is the host's."""
    return int(Path("/proc/self").readlink().name)


def _told(machine: Machine) -> dict[str, Any]:
    return {"node": machine.host.name, **machine.to_json()}


async def run(settings: Settings, handles: Handles) -> None:
    """Run a lab until it is told to end or the outer process is gone."""
    supervisor = Supervisor(settings, handles)
    asyncio.get_running_loop().add_reader(handles.lifeline, supervisor.ended.set)
    starting = asyncio.ensure_future(supervisor.start())
    ended = asyncio.ensure_future(supervisor.ended.wait())
    await asyncio.wait((starting, ended), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        return
    try:
        answer = starting.result()
    except LabError as error:
        answer = failure(error)
        supervisor.ended.set()
    with os.fdopen(handles.report, "w") as report:
        report.write(json.dumps(answer) + "\n")
    await ended


async def _main(settings: Settings, handles: Handles) -> None:
    await run(settings, handles)
    os._exit(0)  # the kernel ends whatever still runs; nothing needs to be put away


def main() -> None:
    """The command line."""
    asyncio.run(_main(*decode(sys.argv[1])))


if __name__ == "__main__":
    main()
