"""A node among many on a link, all of whom it hears as a test says."""

from __future__ import annotations

from collections.abc import Iterable

from pylb.core.model import NodeName
from pylb.core.ownership.beats import STRIDE, Ack, Beat, State
from pylb.core.ownership.circle import LISTENING, NEWS, Circle
from pylb.core.ownership.peers import Peer, Peers

ME, OURS, THEIRS = NodeName("me"), 7, 8
LATER = LISTENING + 2.0  # s: it does not listen any more


class One:
    """A node in its circle; all others are heard as it says."""

    def __init__(self, others: int) -> None:
        self.others = [NodeName(f"n{number}") for number in range(others)]
        self.peers = Peers(ME, OURS, 0.0)
        self.circle = Circle(ME, self.peers, 0.0)
        self.circle.sit(self.others)
        self.number = 0

    def hear(self, nodes: Iterable[NodeName], now: float) -> None:
        self.number += 1
        sequence = self.number * STRIDE
        self.peers.sent(sequence, now)
        for node in nodes:
            self.peers.hear(Beat(node, THEIRS, sequence, State.ACTIVE, acks={ME: Ack(OURS, sequence)}), now)

    def turn(
        self, now: float = LATER, state: State = State.ACTIVE, company: tuple[NodeName, ...] = ()
    ) -> list[tuple[set[NodeName], bool]]:
        return [(set(to), asks) for to, asks in self.circle.turn(state, 0.0, company, now)]

    def told(self, now: float = LATER) -> set[NodeName]:
        return set().union(*(to for to, asks in self.turn(now) if not asks))

    def peer(self, node: NodeName) -> Peer:
        found = self.peers.get(node)
        assert found is not None
        return found

    def settle(self, now: float = LATER) -> None:
        """All are heard, and have heard that it takes part."""
        self.hear(self.others, now - 1.0)
        for _ in range(NEWS):
            self.turn(now - 1.0)
        self.hear(self.others, now)

    def watch(self, now: float) -> None:
        self.circle.watch([peer for peer in self.circle.suspects(()) if not peer.is_fresh(now)], now)
