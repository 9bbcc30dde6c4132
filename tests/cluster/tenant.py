"""A real Kubernetes as the tenant of a lab's machines: what runs beside the nodes, what runs on them, and its orders.

Options: `programs` (the folder of programs), `proxy` (nftables or iptables), `images` (archives to import on each node,
divided by colons).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from cluster import cgroups, furnish, images, programs, texts
from cluster.forward import Forward
from cluster.programs import Files, Program
from cluster.registry import Registry
from fakes.cluster import is_ready
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.errors import ClusterError
from pylb.lab import namespaces
from pylb.lab.children import Child, Children
from pylb.lab.control import Order
from pylb.lab.errors import BadInput, LabError
from pylb.lab.machines import Machines
from pylb.lab.network import LAN, Network
from pylb.lab.plan import API_PORT
from pylb.lab.settings import Settings

NODE = Path(__file__).with_name("node.py")
REGISTRY_PORT = 5000
API_LIMIT_S, NODES_LIMIT_S, STOP_LIMIT_S, ASK_S = 60.0, 90.0, 10.0, 0.05
SHOWN = 600  # characters of a log that an error shows
ENDED = "ended with"  # how the state of a program begins that has ended
ACTIONS = ("kill", "freeze", "thaw", "stop", "start")
JSON = dict[str, Any]

log = logging.getLogger(__name__)


class RealCluster:
    """Everything of it lies in `home`, a file system in memory, so that nothing is left and nothing can be old."""

    def __init__(
        self, settings: Settings, home: Path, network: Network, machines: Machines, children: Children
    ) -> None:
        self._plan = network.plan
        self._network = network
        self._machines = machines
        self._children = children
        self._options = settings.options
        self._files = Files(home, Path(settings.options["programs"]))
        self._group = cgroups.make(f"{cgroups.PREFIX}{_pid()}")
        self._beside: dict[str, Child] = {}  # the control plane
        self._first: dict[str, Child] = {}  # the first process of each node
        self._wanted: dict[str, Program] = {}
        self._links: dict[str, asyncio.StreamWriter] = {}
        self.states: dict[str, dict[str, str]] = {name: {} for name in ("", *self._plan.nodes)}
        self._death: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # of any program, unasked
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: list[Client] = []

    async def start(self, listener: int) -> None:
        outer = socket.socket(fileno=listener)
        await furnish.write(self._files, self._plan, self._children, outer.getsockname()[1])
        ways = [f"route replace {host.lan}/32 via {host.management}" for host in self._plan.nodes.values()]
        await self._network.ip(LAN, ways)  # the API server calls kubelets at the nodes' addresses
        self._write_images()
        for program in programs.control_plane(self._files, str(self._plan.api)):
            self._wanted[program.name] = program
        self._start("etcd")
        self._start("kube-apiserver")
        await asyncio.gather(*(self.node_on(name) for name in self._plan.nodes))
        client = Client(credentials.load(str(self._files.kubeconfig("admin"))), user_agent="pylb-cluster")
        self._clients.append(client)
        await self._until("the API server", API_LIMIT_S, self._serves(client))
        self._start("kube-controller-manager")
        self._start("kube-scheduler")
        self._files.api_ready.touch()
        await Forward(str(self._plan.api), API_PORT).start(outer)
        await self._serve_images(client)
        await self._until("the nodes", NODES_LIMIT_S, self._ready(client))

    async def node_off(self, node: str) -> None:
        self._links.pop(node).close()
        # each pod's group that is left costs the next kubelet 3 s
        await asyncio.to_thread(cgroups.remove, f"{self._group}/{node}")

    async def node_on(self, node: str) -> None:
        near, far = socket.socketpair()
        with far:
            argv = [sys.executable, "-I", "-S", str(NODE), json.dumps(self._told(node, far.fileno()))]
            apart = ["unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child"]
            self._first[node] = self._children.start(
                [*apart, "--propagation", "private", "--", *argv],
                namespace=node,
                log=self._files.log(node),
                fds=(far.fileno(),),
            )
        reader, self._links[node] = await asyncio.open_unix_connection(sock=near)
        self._spawn(self._listen(node, reader))

    def cable_moved(self, node: str) -> None:
        """Real kubelets see for themselves."""

    def pods(self) -> Mapping[str, str]:
        return {}  # theirs are entered with kubectl exec

    def to_json(self) -> JSON:
        ids = namespaces.outer_ids()
        beside = {name: ids.get(child.pid) for name, child in self._beside.items()}
        return {
            "programs": self.states,
            "beside": beside,
            "first": {node: _only_child(ids.get(child.pid)) for node, child in self._first.items()},
            "audit": self._outside(self._files.audit_log),
        }

    def orders(self) -> Mapping[str, Order]:
        return {"program": self._program}

    async def _program(self, request: JSON) -> JSON:
        """Kill, freeze, thaw, stop or start a program beside the nodes, or on one."""
        name, action, node = str(request.get("program")), str(request.get("action")), str(request.get("node") or "")
        if action not in ACTIONS:
            raise BadInput(f"action {action!r}: not known; there are {', '.join(ACTIONS)}")
        if node:
            self._machines.with_power(node)
        if name not in self.states[node]:
            raise BadInput(f"program {name!r}: not there; there are {', '.join(self.states[node])}")
        if node:
            self._links[node].write(json.dumps({"program": name, "action": action}).encode() + b"\n")
        else:
            await self._act(name, action)
        return {"program": name, "node": node, "action": action}

    async def _act(self, name: str, action: str) -> None:
        child = self._beside[name]
        if action == "start":
            if child.code is None:
                raise LabError(f"{name} runs already")
            self._start(name)
            return
        if child.code is not None:
            raise LabError(f"{name} does not run")
        if action in ("freeze", "thaw"):
            child.signal(signal.SIGSTOP if action == "freeze" else signal.SIGCONT)
            self.states[""][name] = "frozen" if action == "freeze" else "running"
            return
        child.on_end.clear()  # it was asked for
        child.signal(signal.SIGCONT)
        child.signal(signal.SIGKILL if action == "kill" else signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(child.ended), STOP_LIMIT_S)
        child.signal(signal.SIGKILL)  # as a service manager does with what takes too long
        self.states[""][name] = f"{ENDED} {await child.ended}"

    def _start(self, name: str) -> None:
        program = self._wanted[name]
        child = self._children.start(program.argv, log=self._files.log(name), env=program.env)
        self._beside[name] = child
        self.states[""][name] = "running"
        child.on_end.append(lambda code: self._died("", name, f"{ENDED} {code}"))

    def _died(self, node: str, name: str, state: str) -> None:
        self.states[node][name] = state
        where = f" on {node}" if node else ""
        lines = self._printed(node, name).splitlines()
        log.error("%s%s %s: %s", name, where, state, lines[-1] if lines else "it printed nothing")
        if not self._death.done():
            self._death.set_result(None)

    def _printed(self, node: str, name: str) -> str:
        """The end of the log of a program, or of a node's first process, which has no name."""
        path = self._files.log("-".join(filter(None, (node, name))))
        return path.read_text(errors="replace").strip()[-SHOWN:] if path.exists() else ""

    async def _listen(self, node: str, reader: asyncio.StreamReader) -> None:
        """What a node tells of its programs, until it is off."""
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                told = json.loads(line)
                if told.get("asked", True):
                    self.states[node][told["program"]] = told["state"]
                else:
                    self._died(node, told["program"], told["state"])

    def _told(self, node: str, link: int) -> JSON:
        """What a node's first process is told."""
        group = cgroups.make(f"{self._group.rpartition('/')[2]}/{node}")
        given = [*self._own_images(), *filter(None, self._options.get("images", "").split(":"))]
        host = self._plan.nodes[node]
        told = furnish.node(
            self._files, host, self._options["proxy"], group, f"http://{self._plan.api}:{REGISTRY_PORT}"
        )
        return {**told, "images": given, "api_limit_s": API_LIMIT_S, "link": link}

    def _own_images(self) -> list[str]:
        return [str(self._files.home / name) for name in ("pause.tar", "stand-in.tar")]

    def _write_images(self) -> None:
        program = (self._files.programs / "pod").read_bytes()
        ask = {"PYLB_STAND_IN": f"http://{self._plan.api}:{REGISTRY_PORT}/stand-in/ports"}
        self._stand_in = images.of_program(program, ["/program", "stand-in"], ask)
        pause, stand_in = self._own_images()
        images.of_program(program, ["/program", "pause"]).write(Path(pause), texts.PAUSE)
        self._stand_in.write(Path(stand_in), texts.STAND_IN)

    async def _serve_images(self, client: Client) -> None:
        pods = Collection(client, "/api/v1/pods", dict)
        services = Collection(client, "/api/v1/services", dict)
        registry = Registry(pods.items.values, services.items.values)
        registry.image = self._stand_in
        await registry.start(str(self._plan.api), REGISTRY_PORT)
        self._spawn(pods.run())
        self._spawn(services.run())

    async def _until(self, what: str, seconds: float, work: Coroutine[Any, Any, None]) -> None:
        """Wait for `work`; LabError as soon as any program of the cluster ends, or after `seconds`."""
        waiting = asyncio.ensure_future(work)
        ends: list[asyncio.Future[Any]] = [child.ended for child in (*self._beside.values(), *self._first.values())]
        await asyncio.wait([waiting, self._death, *ends], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        words = [f"{who} ended: {printed or 'it printed nothing'}" for who, printed in self._dead()]
        raise LabError("; ".join(words) or f"gave up after {seconds:.0f} s waiting for {what}: {self.states}")

    def _dead(self) -> list[tuple[str, str]]:
        """Which programs have ended, and what each printed last."""
        found = [("", name) for name, child in self._beside.items() if child.code is not None]
        found += [(node, "") for node, child in self._first.items() if child.code is not None]
        nodes = [(node, name, state) for node, own in self.states.items() if node for name, state in own.items()]
        found += [(node, name) for node, name, state in nodes if state.startswith(ENDED)]
        return [(" on ".join(filter(None, (name, node))), self._printed(node, name)) for node, name in found]

    async def _serves(self, client: Client) -> None:
        while True:
            with contextlib.suppress(ClusterError):
                await client.get("/api/v1/namespaces/kube-system")
                return
            await asyncio.sleep(ASK_S)

    async def _ready(self, client: Client) -> None:
        """Until every node is ready."""
        wanted = set(self._plan.nodes)
        while True:
            with contextlib.suppress(ClusterError):
                nodes = (await client.get("/api/v1/nodes"))["items"]
                if wanted == {node["metadata"]["name"] for node in nodes if is_ready(node)}:
                    return
            await asyncio.sleep(ASK_S)

    def _outside(self, path: Path) -> str:
        return f"/proc/{_pid()}/root{path}"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _pid() -> str:
    """This process's id as /proc, which is the host's, has it."""
    return str(Path("/proc/self").readlink())


def _only_child(pid: int | None) -> int | None:
    """The process that an `unshare --fork` runs; ids as /proc, which is the host's, has them."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(found[0]) if found else None
