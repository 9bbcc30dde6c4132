"""Whom one node hears on one of its links, how long ago, and whether it is heard itself. No sockets, no clock.

A beat that is late, repeated or of a dead incarnation changes nothing. Within a known incarnation a higher sequence
proves that a beat is fresh; a new incarnation must first name a beat of ours that it can only just have heard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pylb.core.beats import INTERVAL, STRIDE, Ack, Beat, State
from pylb.core.claims import Claim
from pylb.core.model import Address, NodeName

MISSED = 2.5 * INTERVAL  # s: the second beat in a row did not come
DEADLINE = 0.4  # s after the last sign; each question was asked four times by then
MAX_DEADLINE = 2.0  # s, however much the beats jitter
JITTERS = 4.0  # mean deviations of the gaps between beats that the deadline allows for, as TCP does (RFC 6298, 2.3)
LOSS_ROOM = 2.0  # s that the deadline is longer for all beats lost; with a fifth lost, twice the deadline
LOSS_SMOOTHING = 1 / 64  # of the share that is lost: six seconds of beats
OUTAGE = 0.8  # s of silence that says something about its node, not about the weather
SMOOTHING = 1 / 16  # of that mean: a second and a half of beats
HEARS = 1.0  # s: a peer that named a beat of ours sent within this hears us
MAX_PEERS = 1024  # a forger with the key cannot fill the memory
MAX_SENT = 32  # beats of ours whose times are remembered: more than HEARS


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

    @property
    def sign(self) -> float:
        """When it last gave a sign of life, by its own beat or by another node's word."""
        return max(self.heard, self.word)

    @property
    def deadline(self) -> float:
        """Seconds of silence after which it is gone, if it answers no question either."""
        return min(DEADLINE + JITTERS * self.jitter + LOSS_ROOM * self.lost, MAX_DEADLINE)

    def is_heard(self, now: float) -> bool:
        """Whether its own beats come as they should."""
        return self.confirmed and now < self.heard + MISSED + self.jitter

    def is_deaf(self, now: float) -> bool:
        """Whether it talks, but hears neither us nor its witness: whoever asks it for an address asks in vain."""
        return not self.witnessed and now >= self.acked + HEARS

    def is_fresh(self, now: float) -> bool:
        """Whether it is alive: its beats come as they should, or another node says that they do."""
        return self.confirmed and now < self.sign + MISSED + self.jitter and not self.is_deaf(now)


class Peers:
    """The peers on one link. Times are seconds of any clock that never steps back."""

    def __init__(self, node: NodeName, incarnation: int, since: float) -> None:
        self._node, self._incarnation = node, incarnation
        self._since = since  # what was sent before it proves nothing any more
        self._sent: dict[int, float] = {}
        self._peers: dict[NodeName, Peer] = {}
        self._suitors: dict[NodeName, Peer] = {}  # new incarnations that have not shown yet that they live
        self.stale = 0  # beats that were late or repeated

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def get(self, node: NodeName) -> Peer | None:
        """What is known of a node that was heard."""
        return self._peers.get(node)

    def fresh(self, now: float) -> list[Peer]:
        """Those whose beats come as they should."""
        return [peer for peer in self._peers.values() if peer.is_fresh(now)]

    def sent(self, sequence: int, now: float) -> None:
        """A beat of ours went out."""
        self._sent[sequence // STRIDE] = now
        while len(self._sent) > MAX_SENT:
            del self._sent[next(iter(self._sent))]

    def acks(self, now: float) -> dict[NodeName, Ack]:
        """What our next beat tells of those that were heard in the last second."""
        newest = sorted((*self._peers.values(), *self._suitors.values()), key=lambda peer: peer.heard)
        return {p.node: Ack(p.incarnation, p.sequence) for p in newest if now < p.heard + HEARS}

    def hears_us(self, node: NodeName, now: float) -> bool:
        """Whether a node lately named a beat of ours, one sent since the last fresh start."""
        peer = self._peers.get(node)
        return peer is not None and peer.acked >= max(self._since, now - HEARS)

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
        _note(peer, beat, now)
        self._confirm(peer, beat)
        if not peer.confirmed:
            return None
        peer.state, peer.mac, peer.claims = beat.state, beat.mac, beat.claims
        peer.witnessed, peer.partial = beat.witnessed, beat.partial
        self._take_word(beat, now)
        return peer

    def _court(self, known: Peer | None, beat: Beat, now: float) -> Peer | None:
        """The peer that a beat of an unknown incarnation is of, once that has named a beat of ours."""
        suitor = self._suitors.get(beat.node)
        if suitor is None or suitor.incarnation != beat.incarnation:
            if suitor is None and len(self._suitors) >= MAX_PEERS:
                return None
            before = known.incarnation if known is not None else None
            suitor = Peer(beat.node, beat.incarnation, -1, now, beat.state, before=before)
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
    if peer.sequence // STRIDE not in (-1, beat.sequence // STRIDE):
        gap = abs(now - peer.heard - INTERVAL)
        peer.jitter += SMOOTHING * (min(gap, MAX_DEADLINE) - peer.jitter)
        missed = round(gap / INTERVAL) if now - peer.heard < OUTAGE else 0
        peer.lost += (1 - peer.lost) * (1 - (1 - LOSS_SMOOTHING) ** missed) if missed else -peer.lost * LOSS_SMOOTHING
    peer.sequence, peer.newest, peer.heard = beat.sequence, max(peer.newest, beat.sequence), now
    if peer.partial and not beat.partial:
        peer.whole_since = now
