"""One link of this node with the nodes that are heard there: who is suspected, what to ask them, who is the witness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from pylb.core.evidence import Row, Suspicion
from pylb.core.model import Address, NodeName
from pylb.core.peers import Peer, Peers
from pylb.core.questions import Answer, Question, Subject
from pylb.core.witness import PATIENCE, Witness

MAX_SAMPLES = 4  # of a suspect's addresses that are asked for


@dataclass(frozen=True, slots=True)
class Link:
    """An interface that may announce, up and with a carrier."""

    name: str
    mac: bytes
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    gateway: Address | None = None


class Segment:
    """What one node knows by one link."""

    def __init__(self, link: Link, node: NodeName, incarnation: int, now: float) -> None:
        self.link = link
        self.since = now  # when it came up, or this node was last held up
        self.peers = Peers(node, incarnation, now)
        self.witness = Witness()
        self.suspicions: dict[NodeName, Suspicion] = {}

    def start_anew(self, now: float) -> None:
        """This node was held up, or the link was away: whatever was believed is to be shown again."""
        self.since = now
        self.peers.start_anew(now)
        self.witness.start_anew()
        self.suspicions.clear()

    def watch(self, now: float) -> None:
        """Suspect the peers that are silent, and no others."""
        for peer in self.peers:
            if peer.is_fresh(now):
                self.suspicions.pop(peer.node, None)
            elif peer.node not in self.suspicions and peer.claims and now >= self.since + peer.deadline:
                self.suspicions[peer.node] = Suspicion(now, peer.sign)

    def suspicion(self, node: NodeName) -> Suspicion | None:
        """What is asked about a node that is silent here."""
        return self.suspicions.get(node)

    def judge(self, peer: Peer, suspicion: Suspicion, now: float) -> Row | None:
        """What the evidence says about a suspect; None while it is too early to tell."""
        suspicion.silent_since = peer.sign
        return suspicion.judge(peer.deadline, now)

    def fresh(self, node: NodeName, now: float) -> Peer | None:
        """The peer, if its beats come as they should here."""
        peer = self.peers.get(node)
        return peer if peer is not None and peer.is_fresh(now) else None

    # The witness

    def is_witnessed(self, now: float) -> bool:
        """Whether nothing says that this node is the one that was cut off."""
        if self.witness.answered is not None:
            return not self.witness.is_lost(now)
        return True

    def has_witness(self, suspicion: Suspicion, about: NodeName, now: float) -> bool:
        """Whether a third party has answered since a node became suspect."""
        if self.witness.answered is not None:
            return self.witness.answered >= suspicion.since
        return any(
            peer.node != about and peer.heard >= suspicion.since and self.peers.hears_us(peer.node, now)
            for peer in self.peers.fresh(now)
        )

    def is_past_patience(self, suspicion: Suspicion, now: float) -> bool:
        """Whether it is time to act without a witness."""
        return now >= suspicion.since + PATIENCE

    # Questions

    def questions(self, addresses: Mapping[NodeName, Address], port: int, now: float) -> Iterator[Question]:
        """What to ask now; `addresses` are the nodes' own on this link."""
        gateway = self.link.gateway
        if gateway is not None and self.witness.is_due(bool(self.suspicions), now):
            self.witness.ask(now)
            yield Question(Subject.WITNESS, self.link.name, gateway)
        for node, suspicion in self.suspicions.items():
            peer = self.peers.get(node)
            if peer is None or not suspicion.is_due(now):
                continue
            suspicion.asked = now
            own = [address for address, claim in peer.claims.items() if claim.node == node]
            for address in own[:MAX_SAMPLES]:
                yield Question(Subject.ADDRESS, self.link.name, address, node, peer.mac)
            if node in addresses:
                yield Question(Subject.NODE, self.link.name, addresses[node], node, peer.mac)
                if suspicion.ask_port(now):
                    yield Question(Subject.PORT, self.link.name, addresses[node], node, number=port)

    def answer(self, answer: Answer, now: float) -> None:
        """Take in what a question brought; only the very MAC that was asked can answer for itself."""
        question = answer.question
        if question.subject is Subject.WITNESS:
            self.witness.answer(now)
            return
        suspicion = self.suspicions.get(question.node) if question.node else None
        if suspicion is None:
            return
        if question.subject is Subject.PORT:
            if answer.port is not None:
                suspicion.port, suspicion.port_answered = answer.port, now
        elif answer.mac != question.mac:
            return
        elif question.subject is Subject.ADDRESS:
            suspicion.owns = now
        else:
            suspicion.node = now
