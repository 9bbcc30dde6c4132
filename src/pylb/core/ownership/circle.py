"""Whom a node beats to on a link with more than CROWD nodes: a few neighbours always, all others in turn. Pure.

The nodes of a link stand on a ring, by the hash of their names. Each *asks* its nearest NEAR live ones on either side, in
each turn, and whoever is asked answers in his next turn: so it is who watches that decides whom, and nodes that know
different nodes never take each other's choice for silence. The others hear of it in turn, and all at once what is news.
Who watches a node that falls silent tells all; they ask that node themselves before they do anything about it.

A turn costs the same however many nodes there are. What grows is the time until those who do not watch each other do.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import INTERVAL, Beat, Loss, State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.evidence import NEVER, Verdict
from pylb.core.ownership.peers import MISSED, Peer, Peers

CROWD = 32  # nodes on a link up to which each beats to all others
NEAR = 4  # live neighbours on either side of the ring that a node watches, and that watch it
FAN = 31  # nodes that one turn's beats go to: as many as in the largest cluster without a ring
COMPANY = 8  # of them at most with whom there is something to settle; more take turns
LISTENING = 2.0  # s longer that a node listens which starts, or was away: it asks all others meanwhile
ROUND = 1.0  # s in which it has asked all of them once; then those again that did not answer
NEWS = 3  # turns in which all are told what is new; of frames that a fifth is lost of, one in 125 loses all
ROUNDS, REFILL = 6.0, 1.0  # so many such turns in a row, and one more each second
SPREAD = 3.0  # s for which who watches a node tells that it was lost
MAX_LOSSES = 16  # that one beat tells of: those that were lost last
SPLIT = 4  # where one in so many is not heard, the LAN is cut
AT_A_TIME = 31  # nodes that one beat answers, as it names so many
TAKES_PART = (State.ACTIVE, State.DRAINING, State.LEAVING)


class Circle:
    """One node among those of a link. Times are seconds that never step back."""

    def __init__(self, node: NodeName, peers: Peers, since: float) -> None:
        self._node, self._peers = node, peers
        self.order: list[NodeName] = []
        self._places: dict[NodeName, int] = {}
        self._next = 0  # on the ring: whose turn it is, and whose to be asked by one who listens
        self._next_asked = 0
        self._owed: dict[NodeName, None] = {}  # who is to hear of this node in the next turn
        self._news = 0  # turns in which all are told
        self._rounds, self._counted = ROUNDS, since
        self._said = State.JOINING
        self._claimed = NEVER  # when what it answers for last changed
        self._looked = 0
        self._lost: dict[NodeName, float] = {}  # those that this node watched until they fell silent, and since when
        self.losses: dict[NodeName, Loss] = {}  # what all are told of them
        self._company = 0
        self._looked_at = since
        self._beside: dict[NodeName, list[NodeName]] = {}  # what was found at that time

    def sit(self, members: Collection[NodeName]) -> None:
        """These nodes, this one among them, are on the link."""
        ring = sorted({*members, self._node}, key=place)
        if ring != self.order:
            self.order, self._places = ring, {node: index for index, node in enumerate(ring)}
            self._beside.clear()
            self._next = self._next_asked = self._places[self._node]

    def beside(self, node: NodeName, now: float) -> list[NodeName]:
        """The nearest live nodes on either side of one, which watch it; this node is one of them if it is that near."""
        if now != self._looked_at:
            self._looked_at = now
            self._beside.clear()
        if node not in self._beside:
            self._beside[node] = self._look(node, now)
        return self._beside[node]

    def _look(self, node: NodeName, now: float) -> list[NodeName]:
        at, size = self._places.get(node), len(self.order)
        after = bisect_left(self.order, place(node), key=place) if at is None else at + 1
        before = (after if at is None else at) - 1
        found = dict.fromkeys(islice(self._live((after + step for step in range(size)), node, now), NEAR))
        found.update(dict.fromkeys(islice(self._live((before - step for step in range(size)), node, now), NEAR)))
        return list(found)

    def _live(self, places: Iterator[int], but: NodeName, now: float) -> Iterator[NodeName]:
        for index in places:
            node = self.order[index % len(self.order)]
            if node != but and (node == self._node or self._is_live(node, now)):
                yield node

    def _is_live(self, node: NodeName, now: float) -> bool:
        peer = self._peers.get(node)
        return peer is not None and peer.is_fresh(now)

    # What it hears

    def note(self, beat: Beat, is_new: bool) -> None:
        """A beat came; `is_new`: it is the first that shows that its sender lives."""
        if beat.asks or is_new:
            self._owed[beat.node] = None
        if self._node in beat.lost:
            self._owed[beat.node] = None
            self.tell_all(1)

    def tell_all(self, turns: int) -> None:
        """There is news: in so many turns this node's beats go to all."""
        self._news = max(self._news, turns)

    def is_split(self, silent: Collection[NodeName]) -> bool:
        """Whether so many are not heard that it is not they who are lost, but the LAN that is cut."""
        return len(silent) * SPLIT >= len(self.order)

    def meet(self, lost: float) -> None:
        """One that was lost in a cut, at that time, is heard again: what this node claimed since is news to that side."""
        if self._claimed > lost:
            self.tell_all(1)

    def compare(self, before: Mapping[Address, Claim], after: Mapping[Address, Claim]) -> None:
        """What this node answers for has changed; that is news, unless it is only how sure it is of it."""
        if _essence(before) != _essence(after):
            self._claimed = self._counted
            self.tell_all(NEWS)

    # Who is silent

    def suspects(self, silent: Collection[NodeName]) -> list[Peer]:
        """Whom to look at now: the silent, those that it watches, and of others as many as to have seen each in a second."""
        others = list(self._peers)
        count = len(others) // 20 + 1
        self._looked = (self._looked + count) % max(1, len(others))
        found = {peer.node: peer for peer in (others * 2)[self._looked : self._looked + count]}
        watched = (*silent, *self._peers.near, *self._peers.lost)
        found.update((node, peer) for node in watched if (peer := self._peers.get(node)) is not None)
        self._peers.lost.clear()
        return list(found.values())

    def watch(self, silent: Collection[Peer], now: float) -> None:
        """Of those who fell silent, note whom this node watched, and tell all of them once they are lost."""
        for peer in silent:
            if peer.is_doubted or not peer.confirmed:
                continue
            if peer.node in self._peers.near:
                self._lost[peer.node] = now
                peer.doubted = now
            else:
                peer.doubt(now)
        for node, since in list(self._lost.items()):
            lost = self._peers.get(node)
            if lost is None or not lost.is_doubted or now >= since + SPREAD:
                self.losses.pop(node, None)
                if lost is None or not lost.is_doubted:
                    del self._lost[node]
            elif node not in self.losses and now >= lost.sign + lost.deadline:
                self._tell(lost, Verdict.OPEN)

    def judged(self, peer: Peer, verdict: Verdict, now: float) -> None:
        """What became of a node is known: if it was this node that watched it, all are told."""
        known = self.losses.get(peer.node)
        if peer.node in self._lost and peer.told is not verdict:
            peer.told = verdict
            self._lost[peer.node] = now
            if known is None or known.verdict is not verdict:
                self._tell(peer, verdict)

    def _tell(self, peer: Peer, verdict: Verdict) -> None:
        self.losses.pop(peer.node, None)
        self.losses[peer.node] = Loss(peer.incarnation, peer.sequence, verdict)
        while len(self.losses) > MAX_LOSSES:
            del self.losses[next(iter(self.losses))]
        self.tell_all(1)

    # What it says

    def turn(
        self, state: State, since: float, company: Collection[NodeName], now: float
    ) -> Iterator[tuple[tuple[NodeName, ...], bool]]:
        """To whom this turn's beats go, and whether they are asked to answer. The neighbours' beat is the last one.

        `company`: with whom there is something to settle; `since`: when this node began to listen on this link.
        """
        watched = (peer for node in self._peers.near if (peer := self._peers.get(node)) is not None)
        self.watch([peer for peer in watched if not peer.is_fresh(now)], now)  # before they are neighbours no more
        near = [node for node in self.beside(self._node, now) if node != self._node]
        self._peers.arrange(frozenset(near), self.slack, now)
        asked = dict.fromkeys((*near, *self._in_turn([node for node in company if node in self._places])))
        count = max(FAN - len(asked), FAN - 2 * NEAR - COMPANY)
        if state is State.JOINING or now < since + LISTENING:
            asked.update(dict.fromkeys(self._strangers()))
        if state is not self._said and state in TAKES_PART:
            self.tell_all(NEWS)
        self._said = state
        owed = [node for node in self._owed if node in self._places and node not in asked]
        self._owed.clear()
        for at in range(0, len(owed), AT_A_TIME):
            yield tuple(owed[at : at + AT_A_TIME]), False
        told = [node for node in self._far(count, now) if node not in asked and node not in owed]
        if told:
            yield tuple(told), False
        if asked:
            yield tuple(asked), True

    @property
    def slack(self) -> float:
        """Seconds more that may pass between two beats of a node that does not watch this one."""
        turns = -(-len(self.order) // (FAN - 2 * NEAR - COMPANY))
        return MISSED * (turns - 1)

    def _far(self, count: int, now: float) -> list[NodeName]:
        """All where there is news, else those whose turn it is."""
        self._rounds = min(ROUNDS, self._rounds + (now - self._counted) * REFILL)
        self._counted = now
        if self._news and self._rounds >= 1.0:
            self._news, self._rounds = self._news - 1, self._rounds - 1.0
            count = len(self.order)
        found: list[NodeName] = []
        for _ in range(len(self.order)):
            if len(found) >= count:
                break
            self._next = (self._next + 1) % len(self.order)
            node = self.order[self._next]
            if node != self._node and node not in self._peers.near:
                found.append(node)
        return found

    def _in_turn(self, company: list[NodeName]) -> list[NodeName]:
        if len(company) <= COMPANY:
            return company
        self._company = (self._company + COMPANY) % len(company)
        return (company * 2)[self._company : self._company + COMPANY]

    def _strangers(self) -> list[NodeName]:
        """Of those who have not shown yet that they live, those whose turn it is."""
        count = -(-len(self.order) * round(INTERVAL * 100) // round(ROUND * 100))
        found: list[NodeName] = []
        for _ in range(len(self.order)):
            if len(found) >= count:
                break
            self._next_asked = (self._next_asked + 1) % len(self.order)
            node = self.order[self._next_asked]
            known = self._peers.get(node)
            if node != self._node and (known is None or not known.confirmed):
                found.append(node)
        return found


@lru_cache(maxsize=4096)
def place(node: NodeName) -> bytes:
    """Where a node stands on the ring."""
    return hashlib.sha256(node.encode()).digest()


def _essence(claims: Mapping[Address, Claim]) -> dict[Address, tuple[NodeName, int, bool]]:
    return {address: (claim.node, claim.term, claim.yields) for address, claim in claims.items()}
