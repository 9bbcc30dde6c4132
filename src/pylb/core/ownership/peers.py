"""Whom one node hears on one of its links, how long ago, and whether it is heard itself. No sockets, no clock.

A beat that is late, repeated or of a dead incarnation changes nothing. Within a known incarnation a higher sequence
proves that a beat is fresh; a new incarnation must first name a beat of ours that it can only just have heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import INTERVAL, STRIDE, Ack, Beat, State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.evidence import NEVER, Verdict

MISSED = 2.5 * INTERVAL  # s: the second beat in a row did not come
DEADLINE = 0.4  # s after the last sign; each question was asked three times by then
MAX_DEADLINE = 2.0  # s, however much the beats jitter
JITTERS = 4.0  # mean deviations of the gaps between beats that the deadline allows for, as TCP does (RFC 6298, 2.3)
LOSS_ROOM = 2.0  # s that the deadline is longer for all beats lost; with a fifth lost, twice the deadline
LOSS_SMOOTHING = 1 / 64  # of the share that is lost: six seconds of beats
OUTAGE = 0.8  # s of silence that says something about its node, not about the weather
SMOOTHING = 1 / 16  # of that mean: a second and a half of beats
HEARS = 1.0  # s: a peer that named a beat of ours sent within this hears us
MAX_PEERS = 1024  # a forger with the key cannot fill the memory
MAX_SENT = 32  # beats of ours whose times are remembered: more than HEARS
NAMED = 32  # nodes that one beat names as heard, where it does not go to all
OVERTAKEN = 8 * STRIDE  # sequences by which another's word must be newer than that of a loss


@dataclass(slots=True)
class Peer:
    """One other node's newest beat, and what is known of its rhythm."""

    node: NodeName
    incarnation: int
    sequence: int
    heard: float  # first-hand
    state: State
    mac: bytes = b""
    claims: Mapping[Address, Claim] = field(default_factory=dict)
    witnessed: bool = True
    partial: bool = False
    whole_since: float = float("-inf")  # since when it knows the whole configuration, where it did not before
    confirmed: bool = False  # its incarnation lives: it named a fresh beat of ours
    acked: float = float("-inf")  # when the newest beat of ours that it named was sent
    word: float = float("-inf")  # when another node last told of a beat of it that was new to us
    newest: int = 0  # sequence, first-hand or told
    lost: float = 0.0  # the share of its beats that do not arrive
    jitter: float = 0.0  # s, the mean deviation of the gaps between its beats
    before: int | None = None  # the incarnation that this one followed: its late beats are stale
    slack: float = 0.0  # s more that may pass between two beats of it, as it seldom beats to this node
    anew: float = NEVER  # its silence is counted from then on at the earliest
    doubted: float = NEVER  # since when it is to show that it lives, however seldom it beats to this node
    told: Verdict | None = None  # what became of it by the word of those who watch it

    @property
    def sign(self) -> float:
        """When it last gave a sign of life, by its own beat or by another node's word."""
        return max(self.heard, self.word, self.anew)

    @property
    def is_doubted(self) -> bool:
        """Whether those who watch it do not hear it."""
        return self.doubted > NEVER

    @property
    def deadline(self) -> float:
        """Seconds of silence after which it is gone, if it answers no question either."""
        return min(DEADLINE + JITTERS * self.jitter + LOSS_ROOM * self.lost, MAX_DEADLINE) + self.slack

    @property
    def is_real(self) -> bool:
        """Whether a beat of it was ever heard."""
        return self.sequence >= 0

    def is_heard(self, now: float) -> bool:
        """Whether its own beats come as they should."""
        return self.confirmed and now < self.heard + MISSED + self.jitter + self.slack

    def is_deaf(self, now: float) -> bool:
        """Whether it talks, but hears neither us nor its witness: whoever asks it for an address asks in vain."""
        return not self.witnessed and now >= self.acked + HEARS + 2 * self.slack

    def is_fresh(self, now: float) -> bool:
        """Whether it is alive: its beats come as they should, or another node says that they do."""
        if self.is_doubted or not self.confirmed:
            return False
        return now < self.sign + MISSED + self.jitter + self.slack and not self.is_deaf(now)

    def doubt(self, now: float) -> None:
        """It is to show that it lives, from now on as fast as a node that is watched."""
        self.doubted, self.anew, self.slack = now, now - 2 * INTERVAL, 0.0


class Peers:
    """The peers on one link. Times are seconds of any clock that never steps back."""

    def __init__(self, node: NodeName, incarnation: int, since: float) -> None:
        self._node, self._incarnation = node, incarnation
        self._since = since  # what was sent before it proves nothing any more
        self._sent: dict[int, float] = {}
        self._peers: dict[NodeName, Peer] = {}
        self._suitors: dict[NodeName, Peer] = {}  # new incarnations that have not shown yet that they live
        self.near: frozenset[NodeName] = frozenset()  # those that are watched, where not all beat to all
        self.lost: set[NodeName] = set()  # those that others told of as lost since somebody looked
        self._slack = 0.0  # s that all others may be silent for longer
        self._remembered = MAX_SENT
        self.stale = 0  # beats that were late or repeated

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def get(self, node: NodeName) -> Peer | None:
        """What is known of a node that was heard."""
        return self._peers.get(node)

    def imagine(self, node: NodeName, mac: bytes, claims: Mapping[Address, Claim], now: float) -> None:
        """A node that was not heard yet, but is said to own something, by this MAC: so that it can be asked."""
        known = self._peers.get(node)
        if known is not None and not known.is_real:
            known.claims = {**known.claims, **claims}
        elif known is None and self._room():
            self._peers[node] = Peer(node, 0, -1, now, State.ACTIVE, mac, claims)

    def fresh(self, now: float) -> Iterator[Peer]:
        """Those whose beats come as they should."""
        return (peer for peer in self._peers.values() if peer.is_fresh(now))

    def any_fresh(self, now: float) -> bool:
        """Whether there is one whose beats come as they should."""
        return any(True for _ in self.fresh(now))

    def sent(self, sequence: int, now: float) -> None:
        """A beat of ours went out."""
        self._sent[sequence // STRIDE] = now
        while len(self._sent) > self._remembered:
            del self._sent[next(iter(self._sent))]

    def arrange(self, near: frozenset[NodeName], slack: float, now: float) -> None:
        """These are watched from now on; of all others the next beat may be `slack` s later than usual."""
        if slack != self._slack:
            self._slack, self._remembered = slack, MAX_SENT + int(4 * (HEARS + slack) / INTERVAL)
            for peer in self._peers.values():
                if peer.node not in near and not peer.is_doubted:
                    peer.slack, peer.anew = slack, now
        for node in near ^ self.near:
            changed = self._peers.get(node)
            if changed is None or changed.is_doubted:
                continue
            changed.slack = 0.0 if node in near else slack
            if node in near:
                changed.anew = now + INTERVAL  # it hears first now that it is to answer
        self.near = near

    def relax(self, now: float) -> None:
        """All beat to all again."""
        self.arrange(frozenset(), 0.0, now)
        for peer in self._peers.values():
            peer.slack, peer.anew, peer.doubted = 0.0, now, NEVER

    def acks(self, now: float, to: Iterable[NodeName] | None = None) -> dict[NodeName, Ack]:
        """What our next beat tells of those that were heard in the last second; where it goes to some alone, of those."""
        if to is not None:
            return {node: ack for node in islice(to, NAMED) if (ack := self._ack(node)) is not None}
        newest = sorted((*self._peers.values(), *self._suitors.values()), key=lambda peer: peer.heard)
        return {p.node: Ack(p.incarnation, p.sequence) for p in newest if now < p.heard + HEARS and p.is_real}

    def hears_us(self, node: NodeName, now: float) -> bool:
        """Whether a node lately named a beat of ours, one sent since the last fresh start."""
        peer = self._peers.get(node)
        return peer is not None and peer.acked >= max(self._since, now - HEARS - 2 * peer.slack)

    def start_anew(self, now: float) -> None:
        """We were held up or cut off: nobody else is blamed for what was not heard, and nothing heard before counts."""
        self._since = now
        for peer in self._peers.values():
            peer.heard = now
            peer.confirmed = False

    def hear(self, beat: Beat, now: float) -> Peer | None:
        """Take in a beat; the peer that sent it, or None if it says nothing new or its sender is not confirmed yet."""
        known = self._peers.get(beat.node)
        if known is not None and beat.incarnation == known.before:
            self.stale += 1
            return None
        same = known is not None and known.incarnation == beat.incarnation
        peer = known if same else self._court(known, beat, now)
        if peer is None:
            return None
        if beat.sequence <= peer.sequence:
            self.stale += 1
            return None
        if peer.is_doubted:
            self._revive(peer)
        _note(peer, beat, now)
        self._confirm(peer, beat)
        if not peer.confirmed:
            return None
        peer.state, peer.mac, peer.claims = beat.state, beat.mac, beat.claims
        peer.witnessed, peer.partial = beat.witnessed, beat.partial
        self._take_word(beat, now)
        self._take_losses(beat, now)
        return peer

    def _ack(self, node: NodeName) -> Ack | None:
        known = [peer for peer in (self._peers.get(node), self._suitors.get(node)) if peer is not None and peer.is_real]
        newest = max(known, key=lambda peer: peer.heard, default=None)
        return Ack(newest.incarnation, newest.sequence) if newest is not None else None

    def _revive(self, peer: Peer) -> None:
        peer.doubted, peer.told = NEVER, None
        peer.slack = 0.0 if peer.node in self.near else self._slack

    def _court(self, known: Peer | None, beat: Beat, now: float) -> Peer | None:
        """The peer that a beat of an unknown incarnation is of, once that has named a beat of ours."""
        suitor = self._suitors.get(beat.node)
        if suitor is None or suitor.incarnation != beat.incarnation:
            if suitor is None and len(self._suitors) >= MAX_PEERS:
                return None
            before = known.incarnation if known is not None else None
            suitor = Peer(beat.node, beat.incarnation, -1, now, beat.state, before=before, slack=self._slack)
            self._suitors[beat.node] = suitor
        return suitor

    def _confirm(self, peer: Peer, beat: Beat) -> None:
        ack = beat.acks.get(self._node)
        ours = ack is not None and ack.incarnation == self._incarnation
        at = self._sent.get(ack.sequence // STRIDE) if ack is not None and ours else None
        if at is None or at < self._since:
            return
        peer.acked = max(peer.acked, at)
        if self._suitors.get(peer.node) is peer and self._room():
            self._peers[peer.node] = self._suitors.pop(peer.node)
        peer.confirmed = self._peers.get(peer.node) is peer

    def _take_word(self, beat: Beat, now: float) -> None:
        """What a node that we hear tells of others that it heard itself."""
        for node, ack in beat.acks.items():
            peer = self._peers.get(node)
            if peer is not None and ack.incarnation == peer.incarnation and ack.sequence > peer.newest:
                peer.newest, peer.word = ack.sequence, now
                if peer.is_doubted:
                    self._revive(peer)

    def _take_losses(self, beat: Beat, now: float) -> None:
        """Who watches a node does not hear it any more; what this node heard of it just now counts more."""
        for node, loss in beat.lost.items():
            peer = self._peers.get(node)
            if peer is None or node in self.near or loss.incarnation != peer.incarnation or now < peer.heard + MISSED:
                continue
            peer.newest = max(peer.newest, loss.sequence + OVERTAKEN)
            if not peer.is_doubted:
                weather = [one for one in map(self._peers.get, self.near) if one is not None]
                peer.lost = max((one.lost for one in weather), default=0.0)
                peer.jitter = max((one.jitter for one in weather), default=0.0)
                peer.doubt(now)
                self.lost.add(node)
            if loss.verdict is not Verdict.OPEN:
                peer.told = loss.verdict

    def _room(self) -> bool:
        """Make room for one more, at the cost of the one that has been silent longest."""
        if len(self._peers) < MAX_PEERS:
            return True
        oldest = min(self._peers.values(), key=lambda peer: peer.sign)
        if oldest.confirmed and oldest.acked > self._since:
            return False
        del self._peers[oldest.node]
        return True


def _note(peer: Peer, beat: Beat, now: float) -> None:
    if peer.sequence // STRIDE not in (-1, beat.sequence // STRIDE) and not peer.slack and peer.heard > peer.anew:
        gap = abs(now - peer.heard - INTERVAL)
        peer.jitter += SMOOTHING * (min(gap, MAX_DEADLINE) - peer.jitter)
        missed = round(gap / INTERVAL) if now - peer.heard < OUTAGE else 0
        peer.lost += (1 - peer.lost) * (1 - (1 - LOSS_SMOOTHING) ** missed) if missed else -peer.lost * LOSS_SMOOTHING
    peer.sequence, peer.newest, peer.heard = beat.sequence, max(peer.newest, beat.sequence), now
    if peer.partial and not beat.partial:
        peer.whole_since = now
