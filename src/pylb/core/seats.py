"""One address as one node sees it: what is wanted, who has it, what was heard of it. Values that its keeper changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pylb.core.claims import Claim, meet
from pylb.core.lines import Line
from pylb.core.model import NodeName
from pylb.core.moves import Move
from pylb.core.segment import Segment

UNCONTESTED = 5.0  # s after which a claim that nobody is against is an ordinary one


@dataclass(slots=True)
class Held:
    """An address of this node's own; times in seconds."""

    claim: Claim
    since: float
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

    def weigh(self, witnessed: bool, now: float) -> None:
        """A claim is provisional while the witness is lost, and ordinary once nobody is against it."""
        if not witnessed:
            self.claim, self.contested = replace(self.claim, provisional=True), now
        elif (self.claim.provisional or self.claim.restored) and now >= max(self.contested, self.since) + UNCONTESTED:
            self.claim, self.again = replace(self.claim, provisional=False, restored=False), True

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
    absent_since: float | None = None  # since when its owner's speaker is heard, but listens only
    relay: Claim | None = None  # the newest of several claims of others, who may not hear each other
    heard: dict[tuple[str, NodeName], Claim] = field(default_factory=dict)  # (link, node that told): newest claim

    def rivals(self, now: float) -> list[Claim]:
        """What other nodes that are alive claim for themselves; against a claim of ours, what they say first-hand."""
        found = {}
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
        return max(told, key=lambda claim: claim.term, default=None)

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

    def is_known(self, node: NodeName, since: float) -> bool:
        """Whether a node heard a beat of ours that was sent after a time."""
        peers = (segment.peers.get(node) for segment in self.segments)
        return any(peer is not None and peer.acked > since for peer in peers)

    def hears(self, now: float) -> bool:
        """Whether a node on one of its links is heard that hears us."""
        return any(s.peers.hears_us(peer.node, now) for s in self.segments for peer in s.peers.fresh(now))
