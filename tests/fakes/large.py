"""What must hold in a simulated cluster of hundreds of nodes or thousands of addresses: at the end of each disaster only.

The invariants of small worlds look at every address and node 50 times a second, which nobody could wait for here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pylb.core.model import Address, NodeName
from pylb.core.ownership.effects import Effect, Took
from pylb.sim.lan import CLIENT, GATEWAY
from pylb.sim.node import Node, mac_of
from pylb.sim.world import Size, World, link_of

SETTLED = 9.0  # s in which all have started, and each address has an owner
BACK = 2.5  # s in which what a lost node had is answered by others
STANDS = 0.6  # s in which others answer for a node whose speaker is gone
HELD = 5.0  # s that a disaster lasts
HEALED = 1.0  # s after it in which one owner is left; in a crowd the word goes round in some beats more
Found = Iterator[str]


class Large:
    """One world, to which one thing after the other happens. What is wrong is told as text."""

    def __init__(self, nodes: int, addresses: int, seed: int) -> None:
        self.world = World(Size(nodes=nodes, addresses=addresses, boot=0.5), seed)
        self.moves: list[tuple[NodeName, Took]] = []
        self.world.watchers.append(self._note)

    def _note(self, node: Node, effects: list[Effect]) -> None:
        self.moves.extend((node.name, effect) for effect in effects if isinstance(effect, Took))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.world.clock.run(self.world.clock.now + seconds)

    def owned(self) -> dict[Address, list[NodeName]]:
        """Who takes each address for its own."""
        found: dict[Address, list[NodeName]] = {address: [] for address in self.world.addresses}
        for node in self.world.nodes.values():
            for address in node.arbiter.owned if node.arbiter is not None else ():
                found[address].append(node.name)
        return found

    def busiest(self) -> Node:
        """The node that owns most."""
        return max(self.world.nodes.values(), key=lambda node: len(node.arbiter.owned) if node.arbiter else 0)

    def begin(self) -> Found:
        """All start, and each address gets one owner."""
        self.run(SETTLED)
        yield from self._check_one_owner("at the start")

    def lose_node(self) -> Found:
        """The node with most addresses loses power: they go elsewhere, and nothing else does."""
        node, before = self.busiest(), self._answers()
        self.moves.clear()
        node.power_off()
        self.run(BACK)
        yield from self._check_one_owner("after a power cut")
        yield from self._check_moved({a for a, macs in before.items() if mac_of(node.name) in macs}, "a power cut")
        self.world.boot(node)
        self.moves.clear()
        self.run(SETTLED)
        yield from self._check_moved(set(), "its return")

    def lose_speaker(self) -> Found:
        """Its speaker is killed, and started again: all is answered as before, and nothing moves."""
        node, before = self.busiest(), self._answers()
        self.moves.clear()
        node.kill()
        self.run(STANDS)
        if self._answers() != before:
            yield f"{node.name} is not stood in for"
        self.run(HELD)
        node.start()
        self.run(SETTLED)
        if self._answers() != before:
            yield f"after the start of {node.name} something else is answered"
        yield from self._check_moved(set(), "a speaker's death", but=node.name)

    def split(self) -> Found:
        """A third of the nodes sees neither the others nor gateway and clients: at the end they have gained nothing."""
        world, before = self.world, self.owned()
        lost = set(world.names[: len(world.names) // 3] or world.names[:1])
        for name in lost:
            for other in (GATEWAY, CLIENT, *(name for name in world.names if name not in lost)):
                world.lan.cut(name, other)
        self.run(HELD)
        unanswered = [address for address in world.addresses if not world.lan.macs(address, link_of(address))]
        if unanswered:
            yield f"{len(unanswered)} addresses are not answered during a split"
        world.lan.mend()
        self.run(HEALED)
        yield from self._check_one_owner("after a split")
        now = self.owned()
        gained = [a for a, (owner, *_) in before.items() if owner not in lost and now[a] != [owner]]
        if gained:
            yield f"{len(gained)} addresses of nodes that were not cut off moved"

    def drain(self) -> Found:
        """The node with most addresses is drained: all are answered at each moment, and in the end by others."""
        node, world = self.busiest(), self.world
        mine = list(node.arbiter.owned) if node.arbiter is not None else []
        world.drain(node.name)
        for _ in range(30):
            self.run(BACK / 30)
            if not all(world.lan.macs(address, link_of(address)) for address in mine):
                yield "an address is not answered during a drain"
                break
        if node.arbiter is not None and node.arbiter.owned:
            yield f"{node.name} is drained, and has {len(node.arbiter.owned)} addresses"
        yield from self._check_one_owner("after a drain")
        world.drain(node.name, False)
        self.run(1.0)

    def _answers(self) -> dict[Address, set[bytes]]:
        return {a: set(self.world.lan.macs(a, link_of(a))) for a in self.world.addresses}

    def _check_one_owner(self, when: str) -> Found:
        wrong = {address: owners for address, owners in self.owned().items() if len(owners) != 1}
        if wrong:
            yield f"{len(wrong)} addresses without one owner {when}, the first: {next(iter(wrong.items()))}"
        silent = [address for address, macs in self._answers().items() if len(macs) != 1]
        if silent:
            yield f"{len(silent)} addresses are not answered with one MAC {when}"

    def _check_moved(self, expected: set[Address], why: str, but: NodeName | None = None) -> Found:
        moved = {took.line.address for name, took in self.moves if name != but}
        if moved - expected:
            yield f"{len(moved - expected)} addresses moved by {why} that it did not touch"


STORY: tuple[Callable[[Large], Found], ...] = (
    Large.begin,
    Large.lose_speaker,
    Large.lose_node,
    Large.drain,
    Large.split,
)


def play_large(nodes: int, addresses: int, seed: int) -> list[str]:
    """What is wrong in a large world, act by act; the first act that goes wrong is the last."""
    large = Large(nodes, addresses, seed)
    for act in STORY:
        found = list(act(large))
        if found:
            return found
    return []
