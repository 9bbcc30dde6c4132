"""One link of this node with the nodes that are heard there: who is suspected, what to ask them, who is the witness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from pylb.core.evidence import Row, Suspicion
from pylb.core.model import Address, NodeName
from pylb.core.peers import DEADLINE, HEARS, Peer, Peers
from pylb.core.questions import Answer, Question, Subject
from pylb.core.witness import PATIENCE, Witness

ALARM = 3.0  # s for which the witness is asked often after somebody fell silent: it may be us who were cut off
FORGOTTEN = 0.5  # s after which nobody asks any more about a node whose fate matters to no address
NOBODY: frozenset[NodeName] = frozenset()
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
        self.silent: frozenset[NodeName] = frozenset()  # those that are not heard as they should be
        self.alarmed = False  # whether one of them fell silent just now

    def take(self, link: Link) -> None:
        """The link is another in some respect; another gateway is another witness."""
        if link.gateway != self.link.gateway:
            self.witness = Witness()
        self.link = link

    def start_anew(self, now: float) -> None:
        """This node was held up, or the link was away: whatever was believed is to be shown again."""
        self.since = now
        self.peers.start_anew(now)
        self.witness.start_anew()
        self.suspicions.clear()

    def watch(self, now: float) -> frozenset[NodeName]:
        """Find out who is silent; those that fell silent or are heard again since the last time."""
        before = self.silent
        silent = [peer for peer in self.peers if not peer.is_fresh(now)]
        self.silent = frozenset(peer.node for peer in silent) if silent else NOBODY
        self.alarmed = any(now < peer.sign + ALARM for peer in silent)
        for node in [n for n, s in self.suspicions.items() if n not in self.silent or now > s.wanted + FORGOTTEN]:
            del self.suspicions[node]
        return before ^ self.silent if before or silent else NOBODY

    def suspicion(self, peer: Peer, now: float) -> Suspicion | None:
        """What is asked about a silent node whose fate matters now; None while it is too early to ask."""
        known = self.suspicions.get(peer.node)
        if known is None and peer.node in self.silent and now >= self.since + peer.deadline:
            known = self.suspicions[peer.node] = Suspicion(now, peer.sign)
        if known is not None:
            known.wanted = now
        return known

    def judge(self, peer: Peer, suspicion: Suspicion, now: float) -> Row | None:
        """What the evidence says about a suspect; None while it is too early to tell."""
        suspicion.silent_since = min(peer.sign, peer.acked + HEARS) if peer.is_deaf(now) else peer.sign
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
        """Whether a third party has answered since a node last gave a sign, or its own kernel does: we are not cut off."""
        if now < suspicion.node + DEADLINE:
            return True
        if self.witness.answered is not None:
            return self.witness.answered > suspicion.sign and self.is_witnessed(now)
        return any(
            peer.node != about and peer.heard > suspicion.sign and self.peers.hears_us(peer.node, now)
            for peer in self.peers.fresh(now)
        )

    def is_past_patience(self, suspicion: Suspicion, now: float) -> bool:
        """Whether it is time to act without a witness: for a node that is not all alone where others used to be."""
        alone = self.witness.answered is not None and not self.peers.fresh(now)
        return not alone and now >= suspicion.since + PATIENCE

    # Questions

    def questions(self, addresses: Mapping[NodeName, Address | None], port: int, now: float) -> Iterator[Question]:
        """What to ask now; `addresses` are the nodes' own on this link."""
        gateway = self.link.gateway
        urgent = self.alarmed or any(one.is_urgent(now) for one in self.suspicions.values())
        if gateway is not None and self.witness.is_due(urgent, now):
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
            home = addresses.get(node)
            if home is not None:
                yield Question(Subject.NODE, self.link.name, home, node, peer.mac)
                if suspicion.ask_port(now):
                    yield Question(Subject.PORT, self.link.name, home, node, number=port)

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
