"""One address as one node sees it: what is wanted, who has it, what was heard of it. Values that its keeper changes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from pylb.core.model import NodeName
from pylb.core.ownership.claims import MAX_TERM, Claim, meet
from pylb.core.ownership.lines import Line
from pylb.core.ownership.moves import Move
from pylb.core.ownership.segment import Segment

UNCONTESTED = 5.0  # s after which a claim that nobody is against is an ordinary one


@dataclass(slots=True)
class Held:
    """An address of this node's own; times in seconds."""

    claim: Claim
    since: float
    previous: NodeName | None = None  # from whom it was taken
    rival: NodeName | None = None  # who claimed it beside us last
    confirmed: bool = True  # this node may rely on its claim
    stated: float = 0.0  # since when its beats say so
    asked: bool = False  # whether anybody else answers for it
    asked_at: float = 0.0
    contested: float = float("-inf")  # when another claim was last heard
    again: bool = False  # announce once more when the other has stopped
    yields_since: float | None = None
    cut_since: float | None = None  # since when it has no link
    first: NodeName | None = None  # the first in line, to which it may go back, and since when it is there
    first_since: float = 0.0
    move: Move | None = None  # the request that was last heard of, and since when
    move_since: float = 0.0
    told: Move | None = None  # a request that names another claim: of it was told

    def weigh(self, witnessed: bool, heard: bool, sure: bool, now: float) -> None:
        """A claim is provisional while the witness is lost, and ordinary once nobody who hears of it is against it.

        One that was made again stays that until this node is `sure` that it was not cut off when it started.
        """
        if not witnessed:
            self.claim, self.contested = replace(self.claim, provisional=True), now
        elif not heard:
            self.contested = now
        elif (self.claim.provisional or self.claim.restored) and now >= max(self.contested, self.since) + UNCONTESTED:
            settled = replace(self.claim, provisional=False, restored=self.claim.restored and not sure)
            self.claim, self.again = settled, self.again or settled != self.claim

    def doubt(self) -> None:
        """Nobody may be told of it before it is confirmed."""
        self.confirmed, self.asked = False, False


@dataclass(slots=True)
class Seat:
    """One address; times in seconds."""

    line: Line
    segments: tuple[Segment, ...] = ()  # the links on which it is answered
    mine: Held | None = None
    owner: Claim | None = None  # of another node; or of this one, before it was started again
    standing: NodeName | None = None  # whom this node stands in for
    vacant_since: float = 0.0  # since when nobody is known to own it
    term: int = 0  # the highest that was heard of
    released: NodeName | None = None  # who gave it up
    recalled: bool = False  # what the API names was considered
    yielded_since: float = float("inf")  # since when its owner asks for a successor
    absent_since: float | None = None  # since when its owner's speaker is heard, but listens only
    relay: Claim | None = None  # the newest of several claims of others, who may not hear each other
    heard: dict[tuple[str, NodeName], Claim] = field(default_factory=dict)  # (link, node that told): newest claim
    noted: dict[NodeName, Claim] = field(default_factory=dict)  # what the API tells of nodes that are not heard

    def rivals(self, now: float) -> list[Claim]:
        """What other nodes that are alive claim for themselves; against a claim of ours, what they say first-hand."""
        found = dict(self.noted)
        for segment in self.segments:
            for (link, teller), claim in self.heard.items():
                if link != segment.link.name or claim.node != teller:
                    continue
                peer = segment.fresh(teller, now)
                if peer is not None and (self.mine is None or peer.is_heard(now)):
                    found[teller] = claim
        self.term = max((self.term, *(claim.term for claim in found.values())))
        return list(found.values())

    def hearsay(self, now: float) -> Claim | None:
        """The claim of the owner that others who are heard stand in for."""
        told = [
            claim
            for segment in self.segments
            for (link, teller), claim in self.heard.items()
            if link == segment.link.name and claim.node != teller and segment.fresh(teller, now)
        ]
        newest = max(told, key=lambda claim: claim.term, default=None)
        self.term = max(self.term, newest.term if newest is not None else 0)
        return newest

    def next_term(self, owner: Claim) -> int:
        """The term of a claim that follows an owner's: above all that were heard of."""
        return min(max(self.term, owner.term) + 1, MAX_TERM)

    @staticmethod
    def relayed(told: Claim | None, mine: Claim, rivals: list[Claim]) -> list[Claim]:
        """What others tell of a third node's claim, where that is to be weighed against ours.

        Who stands in goes on telling the claim of an owner that we have replaced; that is below ours.
        """
        if told is None or told.node in {mine.node, *(rival.node for rival in rivals)}:
            return []
        return [told] if told.term > mine.term else []

    def is_relieved(self, now: float) -> bool:
        """Whether another node that is heard answers for this one, or in its place."""
        return any(
            link == segment.link.name and segment.fresh(teller, now)
            for segment in self.segments
            for link, teller in self.heard
        )

    def prefers(self, other: Claim, mine: Claim) -> bool:
        """Whether another claim stands against one of ours."""
        return meet(mine, other, self.line.verdict.ranking, self.line.address) is other

    def is_witnessed(self, now: float) -> bool:
        """Whether the witness of none of its links is missing."""
        return all(segment.is_witnessed(now) for segment in self.segments)

    def is_sure(self) -> bool:
        """Whether the gateway has answered on each of its links that has one."""
        return all(one.witness.answered is not None or one.link.gateway is None for one in self.segments)

    def is_known(self, node: NodeName, since: float) -> bool:
        """Whether a node heard a beat of ours that was sent after a time; who speaks by the API sees what stands there."""
        if node in self.noted:
            return True
        peers = (segment.peers.get(node) for segment in self.segments)
        return any(peer is not None and peer.acked > since for peer in peers)

    def hears(self, now: float) -> bool:
        """Whether a node on one of its links is heard that hears us."""
        return any(s.peers.hears_us(peer.node, now) and peer.is_fresh(now) for s in self.segments for peer in s.peers)

    def is_alone(self, nodes: Collection[NodeName]) -> bool:
        """Whether none of the cluster's nodes was ever heard on its links: nobody else can have claimed it."""
        known = (peer for segment in self.segments for peer in segment.peers if peer.is_real)
        return not any(peer.node in nodes for peer in known)
