"""What beats cost a node in clusters of 8 to 1,000 nodes, and how soon a lost node is replaced there, in the simulation.

    python -m bench.fleet [NODES…]

The nodes run the arbiters that speakers run; what they say is counted as the datagrams that speakers make of it (UDP's
payload; Ethernet, IP and UDP add 42 bytes to each). Time is simulated, so a busy machine changes no figure.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench import results
from bench._program import say
from bench.report import Figure, Reference, worst_of
from pylb.core.model import NodeName
from pylb.core.ownership.beats import Beat
from pylb.core.ownership.circle import CROWD
from pylb.sim.lan import Lan
from pylb.sim.node import Node
from pylb.sim.world import Size, World
from pylb.speaker import datagram
from pylb.speaker.courier import Outgoing
from pylb.speaker.keyring import derive

SIZES = (8, 32, 33, 100, 300, 1000)  # nodes
ADDRESSES = 64
SETTLED, COUNTED = 5.0, 1.0  # s of simulated time
SAMPLED = 16  # nodes whose beats are made datagrams of
FAULTS = 3  # nodes lost one after the other in each size, with all that they own
BETWEEN, LIMIT, STEP = 1.5, 30.0, 0.01  # s
SOON = 1500.0  # ms that a take-over may last where most nodes do not watch the owner
KEY = derive(b"a secret of the cluster")


@dataclass(frozen=True, slots=True)
class Cost:
    """A second of one node: the mean of all, and of the node that had most."""

    sent: float
    most_heard: float
    payload: float
    most_payload: float


class Scales:
    """Weighs what goes over a LAN from now on."""

    def __init__(self, lan: Lan) -> None:
        self.sent: Counter[NodeName] = Counter()
        self.heard: Counter[NodeName] = Counter()
        self.payload: Counter[NodeName] = Counter()
        self._lan, self._carry = lan, lan.beat
        self._sampled = set(list(lan.nodes)[:: max(1, len(lan.nodes) // SAMPLED)])
        self._outgoing: dict[tuple[NodeName, str, bool], Outgoing] = {}
        for node in lan.nodes.values():
            node.send = self._weigh

    def _weigh(self, beat: Beat) -> None:
        to = [name for name in self._lan.nodes if name != beat.node] if beat.to is None else beat.to
        count, size = self._measure(beat) if beat.node in self._sampled else (1, 0)
        self.sent[beat.node] += len(to) * count
        self.payload[beat.node] += len(to) * size
        self.heard.update(to)
        self._carry(beat)

    def _measure(self, beat: Beat) -> tuple[int, int]:
        """The datagrams that a speaker makes of a beat, and their bytes."""
        key = (beat.node, beat.link, beat.asks)
        outgoing = self._outgoing.setdefault(key, Outgoing(beat.node))
        node = self._lan.nodes[beat.node]
        made = [datagram.encode(one, KEY) for one in outgoing.tell(beat, [beat.mac], node.addresses)]
        return len(made), sum(map(len, made))

    def cost(self, seconds: float) -> Cost:
        """What a node cost."""
        nodes, sampled = len(self._lan.nodes), self._sampled
        return Cost(
            sum(self.sent.values()) / nodes / seconds,
            max(self.heard.values()) / seconds,
            sum(self.payload[name] for name in sampled) / len(sampled) / seconds,
            max(self.payload[name] for name in sampled) / seconds,
        )


def measure(nodes: int) -> tuple[Cost, list[float]]:
    """What a quiet cluster of so many nodes costs each, and the ms until the addresses of lost ones were answered."""
    say(f"{nodes} nodes")
    world = World(Size(nodes=nodes, addresses=ADDRESSES, boot=0.1), nodes)
    world.clock.run(SETTLED)
    scales = Scales(world.lan)
    world.clock.run(SETTLED + COUNTED)
    cost = scales.cost(COUNTED)
    for node in world.nodes.values():
        node.send = world.lan.beat
    return cost, [_lose(world, owner) for owner in _owners(world)]


def _owners(world: World) -> list[Node]:
    owners = [node for node in world.nodes.values() if node.arbiter is not None and node.arbiter.owned]
    return owners[: min(FAULTS, len(owners) - 1)]


def _lose(world: World, node: Node) -> float:
    """Take a node's power; ms until all that it owned is answered again."""
    assert node.arbiter is not None
    lost, began = list(node.arbiter.owned), world.clock.now
    node.power_off()
    while not all(world.lan.macs(address, "eth0") for address in lost):
        world.clock.run(world.clock.now + STEP)
        if world.clock.now > began + LIMIT:
            break
    took = 1000 * (world.clock.now - began)
    world.clock.run(world.clock.now + BETWEEN)
    return took


def figures(sizes: tuple[int, ...]) -> Iterator[Figure]:
    """Those of each size; above CROWD nodes beside those of the largest cluster whose nodes all beat to all."""
    mesh: Cost | None = None
    for nodes in sizes:
        cost, outages = measure(nodes)
        mesh = cost if nodes == CROWD else mesh
        for what, value, most, unit, most_of_mesh in (
            ("datagrams sent a second a node", cost.sent, cost.most_heard, "", mesh.sent if mesh else None),
            ("bytes sent a second a node", cost.payload, cost.most_payload, "B", mesh.payload if mesh else None),
        ):
            beside = nodes > CROWD and most_of_mesh is not None
            reference = Reference(f"{CROWD} nodes", most_of_mesh or 0.0) if beside else None
            target = most_of_mesh if beside else None
            note = "worst: heard by one" if unit == "" else ""
            yield Figure(f"{what}, {nodes} nodes", value, unit, target, nodes, most, reference, note=note)
        target = SOON if nodes > CROWD else None
        yield worst_of(f"power of an owner lost → answered again, {nodes} nodes", outages, "ms", target)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nodes", nargs="*", type=int, default=list(SIZES), help="how many, in clusters one by one")
    results.publish("fleet", figures(tuple(parser.parse_args().nodes)))


if __name__ == "__main__":
    main()
