"""What it means to own an address: a claim, and which of two claims stands when they meet. Pure values.

Two nodes that could not hear each other may both have claimed an address. When they can again, both apply `meet` to the
same two claims and come to the same end: so whoever had a healthy owner's claim keeps it, and a node that was cut off
gains nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pylb.core.model import Address, NodeName
from pylb.core.words import Word

MAX_TERM = 2**32 - 1  # what a beat has room for; at a move a second, 136 years


class Cause(Word):
    """Why an address has the owner that it has."""

    FIRST = "first_owner"  # nobody had it
    RESUMED = "resumed"  # its owner's speaker started again
    GONE = "node_gone"  # the owner's node answers nothing any more
    STOPPED = "kubernetes_stopped"  # its kernel answers, its kubelet refuses
    SPEAKERLESS = "speaker_gone"  # its node serves, its speaker was away for longer than others stand in
    UNREACHABLE = "kubelet_silent"  # something answers for the node, but its kubelet does not
    RELEASED = "released"  # the owner gave it up with no successor in sight
    NOT_ELIGIBLE = "no_longer_eligible"
    DRAIN = "drained"  # `pylb drain`: the owner is to own nothing
    MOVE = "asked_for"  # `pylb move`, `pylb rebalance`
    FAILBACK = "first_in_line"  # `pylb.io/failback: immediate`
    LEFT = "left"  # the owner's speaker said that it leaves
    CUT_OFF = "cut_off"  # the gateway answers others, and does not answer the owner any more
    CONTESTED = "contested"  # two claims met, and this one stands


@dataclass(frozen=True, slots=True)
class Claim:
    """That a node answers for an address. Its term is above that of the claim that it followed.

    `provisional`: taken, or held for longer than the deadline, while the witness did not answer. `taken`: nobody agreed;
    the owner before was believed gone. `restored`: made again by a speaker that had forgotten it. `yields`: the owner
    asks its successor to take it.
    """

    node: NodeName
    term: int
    provisional: bool = False
    taken: bool = False
    restored: bool = False
    yields: bool = False

    def above(self, other: Claim) -> Claim:
        """The same claim, made again above another that it stands against; nobody else's word is against it now.

        Of two that took an address at one term it stays as it is: whom they took it from has still to be heard.
        """
        if self.taken and other.taken and self.term == other.term:
            return self
        return replace(self, term=min(max(self.term, other.term) + 1, MAX_TERM), taken=False, restored=False)


def meet(one: Claim, other: Claim, line: Sequence[NodeName], address: Address) -> Claim:
    """The claim that stands; the same whichever comes first, unless both are of one node and term.

    An ordinary claim beats a provisional one. Then an owner that kept its memory beats a take-over of its own claim: its
    witness was lost to both of them or to neither. Then the higher term, then the place in the line, then the hash.
    """
    if one.provisional != other.provisional:
        return other if one.provisional else one
    low, high = sorted((one, other), key=lambda claim: claim.term)
    if low.term != high.term:
        return low if high.taken and not low.restored else high
    return min((one, other), key=lambda claim: _place(claim.node, line, address))


def _place(node: NodeName, line: Sequence[NodeName], address: Address) -> tuple[int, bytes]:
    return (line.index(node) if node in line else len(line)), tie(node, str(address))


def tie(node: NodeName, subject: str) -> bytes:
    """A node's place by hash where nothing else decides (MetalLB's `sha256("node#address")`)."""
    return hashlib.sha256(f"{node}#{subject}".encode()).digest()
