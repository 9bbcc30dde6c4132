"""One link of this node with the nodes that are heard there: who is suspected, what to ask them, who is the witness."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import INTERVAL, Beat
from pylb.core.ownership.circle import CROWD, LISTENING, Circle
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.evidence import NEVER, Row, Suspicion
from pylb.core.ownership.peers import DEADLINE, HEARS, MISSED, Peer, Peers
from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.core.ownership.sight import RETURN, Sight
from pylb.core.ownership.witness import PATIENCE, Witness

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
        self._node = node
        self.since = now  # when it came up, or this node was last held up
        self.peers = Peers(node, incarnation, now)
        self.witness = Witness()
        self.circle: Circle | None = None  # whom this node beats to, where that is not all
        self.suspicions: dict[NodeName, Suspicion] = {}
        self.silent: frozenset[NodeName] = frozenset()  # those that are not heard as they should be
        self.alarmed = False  # whether one of them fell silent just now
        self._sight = Sight()
        self.forlorn = False  # whether one that is heard says that its witness is lost
        self._lit_since: float | None = None  # since when one says that its witness answers
        self._room = 0.0  # s that deadlines are longer than usual, as frames come unevenly or get lost

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

    def come_back(self, now: float) -> None:
        """The link has a carrier again: that others are not heard may be since they have none yet."""
        self.start_anew(now)
        self._sight.come_back(now)

    def sit(self, members: Collection[NodeName], now: float) -> None:
        """These nodes of the cluster, this one among them, are on the link or known to be."""
        if len(members) > CROWD:
            self.circle = self.circle or Circle(self._node, self.peers, now)
            self.circle.sit(members)
        elif self.circle is not None:
            self.circle = None
            self.peers.relax(now)

    def holds(self, addresses: Collection[Address]) -> bool:
        """Whether one of these addresses belongs to this link."""
        return any(address in network for network in self.link.networks for address in addresses)

    def hear(self, beat: Beat, now: float) -> Peer | None:
        """Take in a beat; the peer that sent it, or None if it says nothing new or its sender is not confirmed yet."""
        known = self.peers.get(beat.node)
        was, lost = (known.confirmed, known.doubted) if known is not None else (False, NEVER)
        peer = self.peers.hear(beat, now)
        if self.circle is not None:
            self.circle.note(beat, peer is not None and not was)
            if peer is not None and lost > NEVER and self.circle.is_split(self.silent):
                self.circle.meet(lost)
        return peer

    def is_apart(self, known: Peer | None, now: float) -> bool:
        """Whether a node that is heard was not, for so long that it may have told the clients something else."""
        if self.circle is not None and not self.circle.is_split(self.silent):
            return (
                False  # so many would announce all they have for each that is back; its claims show what is against it
            )
        return known is None or now >= known.sign + known.deadline

    def compare(self, before: Mapping[Address, Claim], after: Mapping[Address, Claim]) -> None:
        """What this node's beats list has changed."""
        if self.circle is not None:
            self.circle.compare(before, after)

    def say(self, beat: Beat, now: float) -> Beat:
        """The beat as it goes out now, with what this node knows of the others on the link."""
        self.peers.sent(beat.sequence, now)
        witnessed = not self.is_cut_off(now)  # its own alone: two would go on saying what each has of the other
        lost = dict(self.circle.losses) if self.circle is not None else {}
        return replace(beat, acks=self.peers.acks(now, beat.to), witnessed=witnessed, lost=lost)

    @property
    def listening(self) -> float:
        """Seconds longer that a node listens here, as it is to hear more nodes than fit into a turn."""
        return LISTENING if self.circle is not None else 0.0

    def watch(self, now: float) -> frozenset[NodeName]:
        """Find out who is silent; those that fell silent or are heard again since the last time."""
        before = self.silent
        self._look(now)
        looked = list(self.peers) if self.circle is None else self.circle.suspects(before)
        silent = [peer for peer in looked if not peer.is_fresh(now)]
        if self.circle is not None:
            self.circle.watch(silent, now)
        self.silent = frozenset(peer.node for peer in silent) if silent else NOBODY
        self.alarmed = any(now < peer.sign + ALARM for peer in silent)
        fresh = [peer for peer in looked if peer.node not in self.silent and not peer.slack]
        self.forlorn = any(not peer.witnessed for peer in fresh)
        lit = any(peer.witnessed for peer in fresh)
        self._lit_since = None if not lit else now if self._lit_since is None else self._lit_since
        if not self.silent:  # else those that are left may be the ones that had been away themselves
            self._room = min((peer.deadline for peer in fresh), default=DEADLINE) - DEADLINE
        for node in [n for n, s in self.suspicions.items() if n not in self.silent or now > s.wanted + FORGOTTEN]:
            del self.suspicions[node]
        return before ^ self.silent if before or silent else NOBODY

    def suspicion(self, peer: Peer, now: float) -> Suspicion | None:
        """What is asked about a silent node whose fate matters now; None while it is too early to ask."""
        known = self.suspicions.get(peer.node)
        if known is None and peer.node in self.silent and now >= self.since + MISSED + peer.jitter:
            if self.circle is not None and now >= peer.sign + peer.deadline:
                peer.anew = now - 2 * INTERVAL  # this node was not to ask before: it has the time to
            known = self.suspicions[peer.node] = Suspicion(now, peer.sign)
        if known is not None:
            known.wanted = now
            self._reach(known, peer.node, now)
        return known

    def judge(self, peer: Peer, suspicion: Suspicion, now: float) -> Row | None:
        """What the evidence says about a suspect; None while it is too early to tell."""
        suspicion.silent_since = min(peer.sign, peer.acked + HEARS) if peer.is_deaf(now) else peer.sign
        return suspicion.judge(peer.deadline, now)

    def sign(self, node: NodeName) -> float:
        """When a node last gave any sign on this link: a beat, another's word of one, an answer."""
        peer, suspicion = self.peers.get(node), self.suspicions.get(node)
        return max(peer.sign if peer is not None else NEVER, suspicion.sign if suspicion is not None else NEVER)

    def fresh(self, node: NodeName, now: float) -> Peer | None:
        """The peer, if its beats come as they should here."""
        peer = self.peers.get(node)
        return peer if peer is not None and peer.is_fresh(now) else None

    # The witness

    def is_witnessed(self, now: float) -> bool:
        """Whether nothing says that this node is the one that was cut off.

        Where the gateway never answered, as after a start behind the cut, those say it whom it did answer once.
        """
        if self.witness.answered is not None:
            return not self.is_cut_off(now)
        return not self.forlorn

    def is_cut_off(self, now: float) -> bool:
        """Whether the gateway answered once and does not any more: below every deadline, and as much longer as they are."""
        return self.witness.is_lost(now, self._room)

    def is_forsaken(self, now: float) -> bool:
        """Whether the gateway has not answered for long, while a node that is heard says that it answers there."""
        if self._lit_since is None or now < self._lit_since + RETURN:
            return False  # that node's port of the switch may only be the first to be back
        return self.is_cut_off(now) and now > (self.witness.unanswered or now) + PATIENCE

    def has_witness(self, suspicion: Suspicion, about: NodeName, now: float) -> bool:
        """Whether a third party has answered since a node last gave a sign, or its own kernel does: we are not cut off."""
        if now < suspicion.node + DEADLINE:
            return True
        if self.witness.answered is not None:
            return self.witness.answered > suspicion.sign and self.is_witnessed(now)
        return any(
            peer.node != about
            and peer.witnessed
            and peer.heard > suspicion.sign
            and self.peers.hears_us(peer.node, now)
            for peer in self.peers.fresh(now)
        )

    def is_over(self, peer: Peer, suspicion: Suspicion, row: Row, now: float) -> bool:
        """Whether it is time to replace an owner, by this line of the table; those who wait to hear it are told."""
        is_over = suspicion.is_over(row, now) or row.verdict is peer.told
        if not is_over or self.is_back_only(peer, suspicion, now):
            return False
        if self.circle is not None and row.cause is not None:
            self.circle.judged(peer, row.verdict, now)
        return True

    def is_back_only(self, peer: Peer, suspicion: Suspicion, now: float) -> bool:
        """Whether the silence of a node may be the LAN's: this node has not reached anybody for long enough itself."""
        if self._sight.is_new(suspicion.sign, now):
            return True
        return suspicion.open_since is not None and now < suspicion.open_since + peer.deadline - MISSED

    def is_past_patience(self, suspicion: Suspicion, now: float) -> bool:
        """Whether it is time to act without a witness: for a node that is not all alone where others used to be."""
        return now >= max(suspicion.since + PATIENCE, self._sight.alone_at + RETURN)

    def _look(self, now: float) -> None:
        """Note when this node lost sight of the LAN, and when it came back."""
        asks = self.witness.answered is not None  # a gateway
        is_cut = self.is_cut_off(now) if asks else bool(self.silent)
        is_alone = is_cut and not self.peers.any_fresh(now)
        self._sight.look(is_cut if asks else is_alone, asks and is_alone, now)

    def _reach(self, suspicion: Suspicion, about: NodeName, now: float) -> None:
        """Where there is no gateway to ask, somebody else that is heard when the silent node should be shows the LAN."""
        if self.witness.answered is not None:
            return
        missed = suspicion.silent_since + 2 * INTERVAL
        heard = max((one.heard for one in self.peers if one.node != about), default=NEVER)
        if suspicion.open_since is None and heard > missed:
            suspicion.open_since = min(missed if now <= suspicion.since else heard, now)

    # Questions

    def due(self, now: float) -> float:
        """When something is to be found out or asked: a node falls silent, or its time is over; a question is put again."""
        urgent = self._is_urgent(now)
        near = self.peers if self.circle is None else ()  # of a crowd the next tick finds out soon enough
        due = [until for peer in near if (until := peer.sign + MISSED + peer.jitter) > now]
        if self.link.gateway is not None and (urgent or self.witness.is_late(now)):
            due.append(self.witness.due(urgent, now))
        for node, suspicion in self.suspicions.items():
            peer = self.peers.get(node)
            if peer is not None:
                over = peer.deadline + max(suspicion.sign, (suspicion.open_since or NEVER) - MISSED)
                due += [suspicion.due(now), *([over] if over > now else [])]
        return min(due, default=math.inf)

    def _is_urgent(self, now: float) -> bool:
        return self.alarmed or any(one.is_urgent(now) for one in self.suspicions.values())

    def questions(self, addresses: Mapping[NodeName, Address | None], port: int, now: float) -> Iterator[Question]:
        """What to ask now; `addresses` are the nodes' own on this link."""
        gateway = self.link.gateway
        if gateway is not None and self.witness.is_due(self._is_urgent(now), now):
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
            for known in self.suspicions.values():
                known.open_since = self.witness.asked if known.open_since is None else known.open_since
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
