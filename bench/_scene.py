"""A lab with a pool, pods and Services in it, and with clocks at its client and nodes: what the topics of whole pylb share.

It measures nothing itself. Everything is told in Unix time, of the one clock that all hosts of a lab share.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from bench._objects import POOL, Json, advertisement, deployment, pool
from bench._program import SYSTEM_PYTHON, WAIT, Program
from pylb.core import events
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.errors import ClusterError
from pylb.lab import arping
from pylb.lab.client import Lab
from pylb.lab.plan import DEFAULT_NODES, DEFAULT_SUBNET
from pylb.lab.probe import LIMIT_MS

NAMESPACE, OURS = "default", "pylb-system"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
METALLB = "/apis/metallb.io/v1beta1/namespaces/metallb-system"
PODS, SPEAKERS = f"/api/v1/namespaces/{OURS}/pods", "app.kubernetes.io/component=speaker"
SPEAKER_PORT = 7472
AGAIN = 0.2  # s until an event stream that broke is opened again


class Scene:
    """A running lab and its API server."""

    def __init__(self, lab: Lab, client: Client) -> None:
        self.lab, self.client = lab, client
        self.events: list[Json] = []  # of all speakers whose events are followed
        self._token = ""
        self._pods: dict[str, str] = {}  # the speakers', by node
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by node

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes."""
        return [name for name, host in self.lab.hosts.items() if "management" in host]

    async def set_up(self, addresses: str = POOL, homes: Iterable[str] = ()) -> None:
        """A pool, its advertisement, and a pod on each of some nodes, or of all; returns when the pods run and the
        speakers hear all."""
        await self.meet()
        for body in (pool(addresses), advertisement()):
            await self.client.post(f"{METALLB}/{body['kind'].lower()}s", body)
        await self.add_pods(homes or self.nodes)
        await self.wait_members()

    async def add_pods(self, nodes: Iterable[str]) -> None:
        """A pod on each of these nodes; returns when they run."""
        for node in nodes:
            await self.client.post(DEPLOYMENTS, deployment(node, self.nodes))
        await self.wait_pods()

    async def meet(self) -> None:
        """Learn the speakers' pods, and the token that they want to see."""
        secret = await self.client.get(f"/api/v1/namespaces/{OURS}/secrets/pylb-reader")
        self._token = base64.b64decode(secret["data"]["token"]).decode()
        found = (await self.client.get(PODS, {"labelSelector": SPEAKERS}))["items"]
        self._pods = {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in found}

    async def wait_pods(self) -> None:
        """Wait until each node's pod is ready."""

        async def ready() -> bool:
            found = (await self.client.get(DEPLOYMENTS))["items"]
            return all((one.get("status") or {}).get("readyReplicas") for one in found)

        await self.until("every node's pod is ready", ready)

    async def wait_members(self) -> None:
        """Wait until every speaker takes part and hears every other."""

        async def all_hear_all() -> bool:
            with contextlib.suppress(ClusterError):
                states = [await self.state(node) for node in self.nodes]
                heard = all(sum(one["alive"] for one in state["members"]) == len(states) - 1 for state in states)
                return heard and all(state["state"] == "active" for state in states)
            return False

        await self.until("every speaker hears every other", all_hear_all)

    async def until(self, what: str, check: Callable[[], Any], seconds: float = WAIT) -> None:
        """As `until`, for a check that asks the API server."""
        end = time.monotonic() + seconds
        while not await check():
            if time.monotonic() > end:
                raise TimeoutError(f"gave up after {seconds:.0f} s: {what}")
            await asyncio.sleep(0.05)

    # Services

    async def create(self, body: Json) -> None:
        """Create a Service."""
        await self.client.post(SERVICES, body)

    async def delete(self, name: str, address: IPv4Address) -> None:
        """Delete a Service, and wait until nobody announces its address."""
        await self.client.delete(f"{SERVICES}/{name}")

        async def gone() -> bool:
            states = [await self.state(node) for node in self.nodes]
            return all(one["address"] != str(address) for state in states for one in state["addresses"])

        await self.until(f"{address} is withdrawn", gone)

    async def select(self, name: str, labels: Json, nodes: Iterable[str]) -> None:
        """Make a Service choose other pods; returns when its endpoints are those on `nodes`."""
        wanted = set(nodes)
        await self.client.patch(f"{SERVICES}/{name}", {"spec": {"selector": labels}})

        async def chosen() -> bool:
            slices = await self.client.get(SLICES, {"labelSelector": f"kubernetes.io/service-name={name}"})
            ends = [end for piece in slices["items"] for end in piece.get("endpoints") or ()]
            return {end.get("nodeName") for end in ends} == wanted

        await self.until(f"the endpoints of {name} are on {', '.join(sorted(wanted))}", chosen)

    async def advertise(self, nodes: Iterable[str]) -> None:
        """Announce the pool from these nodes only; from all, if there are none."""
        selectors = [{"matchLabels": {"kubernetes.io/hostname": node}} for node in nodes]
        await self.client.patch(f"{METALLB}/l2advertisements/bench", {"spec": {"nodeSelectors": selectors}})

    async def wait_answer(self, url: str) -> None:
        """Wait until the client gets an answer from a URL."""

        async def answers() -> bool:
            return self.lab.request("client", url, 0.25).status == 200

        await self.until(f"{url} answers", answers)

    # Speakers

    async def state(self, node: str) -> Json:
        """What a speaker tells of itself."""
        state: Json = await self.client.get(self._proxy(node, "state"), headers={"X-Pylb-Token": self._token})
        return state

    async def owner(self, address: IPv4Address, seconds: float = WAIT) -> str:
        """The node that answers for an address, asked from the router so that the client's kernel learns nothing."""
        macs = {host["mac"]: name for name, host in self.lab.hosts.items()}
        found: list[str] = []

        async def one() -> bool:
            answers = set(self.lab.arp("router", str(address))[str(address)])
            found[:] = [macs[mac] for mac in answers if mac in macs]
            return len(answers) == len(found) == 1

        await self.until(f"one node answers for {address}", one, seconds)
        return found[0]

    def follow(self, *nodes: str) -> None:
        """Take speakers' events in from now on, across their deaths; those of all, or of some nodes anew, since a stream
        from a node that lost its power never ends."""
        for node in nodes or self.nodes:
            if node in self._tasks:
                self._tasks[node].cancel()
            self._tasks[node] = asyncio.ensure_future(self._follow(node))

    async def _follow(self, node: str) -> None:
        since = 0
        while True:
            with contextlib.suppress(ClusterError):
                lines = self.client.lines(
                    self._proxy(node, "events"), {"since": since}, headers={"X-Pylb-Token": self._token}
                )
                async with contextlib.aclosing(lines):
                    async for event in lines:
                        since = event["id"]
                        self.events.append(event)
            await asyncio.sleep(AGAIN)

    def _proxy(self, node: str, path: str) -> str:
        return f"{PODS}/{self._pods[node]}:{SPEAKER_PORT}/proxy/{path}"

    def moves(self, address: IPv4Address, since: float) -> list[events.Moved]:
        """The take-overs of an address that were told since."""
        decoded = [events.decode(event) for event in self.events if event.get("kind") == "moved"]
        return [
            one for one in decoded if isinstance(one, events.Moved) and one.at >= since and one.address == str(address)
        ]

    async def end(self) -> None:
        """Stop following."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # Clocks

    def probe(self, url: str, every_ms: float, limit_ms: float = LIMIT_MS, host: str = "client") -> Program:
        """Ask a URL all the time from the client, on a new connection each time."""
        words = (url, "--each", "--every-ms", str(every_ms), "--limit-ms", str(limit_ms))
        return Program(self.lab, host, self.lab.module("pylb.lab.probe", *words))

    def listener(self, host: str, seconds: float) -> Program:
        """Hear the ARP frames that reach a host."""
        return Program(self.lab, host, [*SYSTEM_PYTHON, arping.__file__, "--listen", str(seconds)])

    def commits(self, node: str) -> Program:
        """Hear when a node's firewall rules change."""
        return Program(self.lab, node, [*SYSTEM_PYTHON, str(Path(__file__).with_name("_commits.py"))])


class Watch:
    """When each Service was first seen with an address (Unix seconds). An API server may end a watch at any time: it
    goes on then."""

    def __init__(self, stage: Scene) -> None:
        self.seen: dict[str, float] = {}
        self._services: Collection[Json] = Collection(stage.client, SERVICES, dict, on_change=self._on_change)

    async def run(self) -> None:
        """Watch for ever."""
        await self._services.run()

    def _on_change(self, _key: str, _old: Json | None, new: Json | None) -> None:
        if new is not None and ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
            self.seen.setdefault(new["metadata"]["name"], time.time())


@contextlib.asynccontextmanager
async def scene(
    nodes: int = DEFAULT_NODES, homes: int = 0, subnet: str = DEFAULT_SUBNET, addresses: str = POOL
) -> AsyncIterator[Scene]:
    """A lab of so many nodes that ends with the block, with pods on the last `homes` of them, or on all."""
    with await asyncio.to_thread(Lab.start, nodes, subnet) as lab:  # another scene may be going on
        async with Client(credentials.load(str(lab.kubeconfig)), user_agent="pylb-bench") as client:
            one = Scene(lab, client)
            await one.set_up(addresses, one.nodes[nodes - homes :])
            try:
                yield one
            finally:
                await one.end()
