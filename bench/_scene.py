"""A lab with a pool, pods and Services in it, and with clocks at its client and nodes: what the topics of whole pylb share.

It measures nothing itself. Everything is told in Unix time, of the one clock that all hosts of a lab share.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Any

from bench._objects import Json, advertisement, deployment, pool
from bench._requests import Request, read
from pylb.core import events
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.errors import ClusterError
from pylb.lab import arping
from pylb.lab.client import Lab

NAMESPACE, OURS = "default", "pylb-system"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
METALLB = "/apis/metallb.io/v1beta1/namespaces/metallb-system"
SPEAKER_PORT = 7472
WAIT = 15.0  # s, for whatever shall come
AGAIN = 0.2  # s until an event stream that broke is opened again
BUSY = 0.5  # of the cores: a machine with a higher load than that before a topic starts is said to be busy
SYSTEM_PYTHON = (sys.executable, "-I", "-S")  # starts in 10 ms


def say(text: str) -> None:
    """Tell of progress, beside the figures."""
    print(f"  {text}", file=sys.stderr, flush=True)


def busy() -> str:
    """A note for figures if this machine has other work to do, as it was in the last minute; else nothing."""
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    return f"machine busy before: load {load:.1f} on {cores} cores" if load > BUSY * cores else ""


async def until(what: str, check: Callable[[], bool], seconds: float = WAIT, every: float = 0.005) -> None:
    """Wait until `check` is true; TimeoutError names `what` if it never is."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"gave up after {seconds:.0f} s: {what}")
        await asyncio.sleep(every)


class Program:
    """A program on a host of the lab, and the lines that it prints; to be used as a context manager."""

    def __init__(self, lab: Lab, host: str, argv: Sequence[str]) -> None:
        self.lines: list[str] = []
        self.process = lab.popen(host, argv, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    async def started(self) -> None:
        """Wait for its first line."""
        await until("the first line of a program on a host", lambda: bool(self.lines))

    def stop(self) -> None:
        """End it, and have all that it printed."""
        self.process.terminate()
        try:
            self.process.wait(WAIT)
        finally:
            self.process.kill()
        self._reader.join(WAIT)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def requests(self) -> list[Request]:
        """What a probe has asked so far."""
        return read(list(self.lines))

    def objects(self) -> list[Json]:
        """What a program that tells JSON objects has told so far; the last line may be under way."""
        found = []
        for line in list(self.lines):
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return [one for one in found if one]

    def moments(self) -> list[float]:
        """The Unix times that `_commits` has told so far."""
        return [float(line) for line in list(self.lines) if line.strip()]


class Scene:
    """A running lab and its API server."""

    def __init__(self, lab: Lab, client: Client) -> None:
        self.lab, self.client = lab, client
        self.events: list[Json] = []  # of all speakers whose events are followed
        self._token = ""
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes."""
        return [name for name, host in self.lab.hosts.items() if "management" in host]

    async def set_up(self) -> None:
        """A pool, its advertisement, and a pod on each node; returns when the pods run and the speakers hear all."""
        secret = await self.client.get(f"/api/v1/namespaces/{OURS}/secrets/pylb-reader")
        self._token = base64.b64decode(secret["data"]["token"]).decode()
        for body in (pool(), advertisement()):
            await self.client.post(f"{METALLB}/{body['kind'].lower()}s", body)
        for node in self.nodes:
            await self.client.post(DEPLOYMENTS, deployment(node, self.nodes))
        await self.wait_pods()
        await self.wait_members()

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

    async def wait_answer(self, url: str) -> None:
        """Wait until the client gets an answer from a URL."""

        async def answers() -> bool:
            return self.lab.request("client", url, 0.25).status == 200

        await self.until(f"{url} answers", answers)

    # Speakers

    async def state(self, node: str) -> Json:
        """What a speaker tells of itself."""
        state: Json = await self.client.get(_proxy(node, "state"), headers={"X-Pylb-Token": self._token})
        return state

    async def owner(self, address: IPv4Address) -> str:
        """The node that answers for an address, asked from the router so that the client's kernel learns nothing."""
        macs = {host["mac"]: name for name, host in self.lab.hosts.items()}
        found: list[str] = []

        async def one() -> bool:
            answers = set(self.lab.arp("router", str(address))[str(address)])
            found[:] = [macs[mac] for mac in answers if mac in macs]
            return len(answers) == len(found) == 1

        await self.until(f"one node answers for {address}", one)
        return found[0]

    def follow(self) -> None:
        """Take all speakers' events in from now on, across their deaths."""
        self._tasks += [asyncio.ensure_future(self._follow(node)) for node in self.nodes]

    async def _follow(self, node: str) -> None:
        since = 0
        while True:
            with contextlib.suppress(ClusterError):
                lines = self.client.lines(
                    _proxy(node, "events"), {"since": since}, headers={"X-Pylb-Token": self._token}
                )
                async with contextlib.aclosing(lines):
                    async for event in lines:
                        since = event["id"]
                        self.events.append(event)
            await asyncio.sleep(AGAIN)

    def moves(self, address: IPv4Address, since: float) -> list[events.Moved]:
        """The take-overs of an address that were told since."""
        decoded = [events.decode(event) for event in self.events if event.get("kind") == "moved"]
        return [
            one for one in decoded if isinstance(one, events.Moved) and one.at >= since and one.address == str(address)
        ]

    async def end(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Clocks

    def probe(self, url: str, every_ms: float) -> Program:
        """Ask a URL all the time from the client, on a new connection each time."""
        words = (url, "--each", "--every-ms", str(every_ms))
        return Program(self.lab, "client", self.lab.module("pylb.lab.probe", *words))

    def listener(self, host: str, seconds: float) -> Program:
        """Hear the ARP frames that reach a host."""
        return Program(self.lab, host, [*SYSTEM_PYTHON, arping.__file__, "--listen", str(seconds)])

    def commits(self, node: str) -> Program:
        """Hear when a node's firewall rules change."""
        return Program(self.lab, node, [*SYSTEM_PYTHON, str(Path(__file__).with_name("_commits.py"))])


def announcements(listener: Program, address: IPv4Address, since: float) -> list[Json]:
    """The gratuitous ARP frames for an address that a listener heard since."""
    frames = listener.objects()
    return [one for one in frames if one["at"] >= since and one["ip"] == one["target"] == str(address)]


@contextlib.asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """A lab of three nodes that ends with the block."""
    with Lab.start() as lab:
        async with Client(credentials.load(str(lab.kubeconfig)), user_agent="pylb-bench") as client:
            one = Scene(lab, client)
            await one.set_up()
            try:
                yield one
            finally:
                await one.end()


def _proxy(node: str, path: str) -> str:
    return f"/api/v1/namespaces/{OURS}/pods/pylb-speaker-{node}:{SPEAKER_PORT}/proxy/{path}"
