"""The machines of a lab as people handle them: cables are pulled and plugged in, nodes lose their power and get it back.

Without power a node's kernel is gone, not just its processes: connections, firewall and neighbours are forgotten.
A cable that was cut before stays cut. What runs on a node is told by `Tenant`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pylb.lab import namespaces
from pylb.lab.control import Order
from pylb.lab.errors import BadInput, LabError
from pylb.lab.network import Network, devices
from pylb.lab.plan import Host

KILL_ROUNDS, KILL_PAUSE_S = 100, 0.01  # how long the processes of a node may take to die


class Tenant(Protocol):
    """What runs on the machines."""

    async def start(self, listener: int) -> None:
        """Bring everything up, with an API server behind the listening descriptor; LabError if something does not come."""

    def orders(self) -> Mapping[str, Order]:
        """What it can be told to do, by name, beyond what machines can."""

    def pods(self) -> Mapping[str, str]:
        """The namespaces of pods that can be entered, by namespace/name."""

    def to_json(self) -> dict[str, Any]:
        """What it adds to the lab's status."""

    async def node_off(self, node: str) -> None:
        """The node has lost its power; its processes are dead, its namespace is about to go."""

    async def node_on(self, node: str) -> None:
        """The node has power and cables again, and nothing runs on it."""

    def cable_moved(self, node: str) -> None:
        """A cable of the node was pulled or plugged in."""


@dataclass
class Machine:
    """A node's hardware."""

    host: Host
    powered: bool = True
    plugged: dict[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        self.plugged = dict.fromkeys(devices(self.host), True)

    @property
    def reaches_api(self) -> bool:
        """Whether its processes could reach the API server."""
        return self.powered and self.plugged["management"]

    def to_json(self) -> dict[str, Any]:
        return {"powered": self.powered, **self.plugged}


class Machines:
    """All nodes; one order at a time."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._lock = asyncio.Lock()
        self.nodes = {name: Machine(host) for name, host in network.plan.nodes.items()}
        self.tenant: Tenant | None = None

    def __getitem__(self, name: str) -> Machine:
        """The node of a name; BadInput with the known ones."""
        try:
            return self.nodes[name]
        except KeyError:
            raise BadInput(f"node {name!r}: no such node; there are {', '.join(self.nodes)}") from None

    def with_power(self, name: str) -> Machine:
        """The node of a name, which must have power; LabError tells how to give it back."""
        machine = self[name]
        if not machine.powered:
            raise LabError(f"{name} has no power; give it back with: pylb lab power on {name}")
        return machine

    async def plug(self, name: str, cables: tuple[str, ...], plugged: bool) -> Machine:
        """Plug cables in or pull them; what is so already stays so."""
        machine = self[name]
        if not machine.plugged.keys() >= set(cables):
            raise BadInput(f"node {name!r}: it has no second cable; start a lab with: pylb lab up --second nic|link")
        async with self._lock:
            for cable in cables:
                machine.plugged[cable] = plugged
                if machine.powered:
                    await self._network.cable(name, cable, plugged)
            if self.tenant is not None:
                self.tenant.cable_moved(name)
        return machine

    async def power(self, name: str, on: bool) -> Machine:
        """Take a node's power, or give it back."""
        machine = self[name]
        async with self._lock:
            if machine.powered != on:
                await (self._on(machine) if on else self._off(machine))
        return machine

    async def _off(self, machine: Machine) -> None:
        name = machine.host.name
        machine.powered = False
        for cable in machine.plugged:  # dark first: a dying process must not say goodbye
            await self._network.cable(name, cable, False)
        await self._kill_all(name)
        if self.tenant is not None:
            await self.tenant.node_off(name)
        await self._network.detach(machine.host)

    async def _on(self, machine: Machine) -> None:
        await self._network.attach(machine.host)
        for cable, plugged in machine.plugged.items():
            if not plugged:
                await self._network.cable(machine.host.name, cable, False)
        machine.powered = True
        if self.tenant is not None:
            await self.tenant.node_on(machine.host.name)

    async def _kill_all(self, namespace: str) -> None:
        alive: list[int] = []
        for _ in range(KILL_ROUNDS):
            alive = namespaces.members(namespace)
            if not alive:
                return
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(KILL_PAUSE_S)
        raise LabError(f"processes of {namespace} do not die: {alive}")
