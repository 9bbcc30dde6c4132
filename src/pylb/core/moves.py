"""What people ask about the place of an address: to go back or to stay, to move now, to leave a node alone. Pure.

Annotations are read here and nowhere else. A request for a move names the claim that it is about by its term: whatever
becomes of it, the next claim has another term, so that no request is carried out twice and none is a pin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pylb.core.claims import MAX_TERM
from pylb.core.errors import ParseError
from pylb.core.model import NodeName

FAILBACK = "pylb.io/failback"  # of a Service, or of an IPAddressPool for all its addresses
MOVE = "pylb.io/move"  # of a Service
DRAIN = "pylb.io/drain"  # of a Node
MODES = {"never": False, "immediate": True}  # values of FAILBACK
YES = "true"  # the value of DRAIN that counts
MAX_NODE_NAME = 253  # characters (RFC 1123, as Kubernetes has it)


@dataclass(frozen=True, slots=True)
class Move:
    """A request to move an address to a node, at the term of the claim that it is about."""

    node: NodeName
    term: int

    def __str__(self) -> str:
        return f"{self.node}@{self.term}"


def parse_move(text: str) -> Move:
    """A request as it is written, `NODE@TERM`. Raises ParseError."""
    node, at, term = text.strip().rpartition("@")
    known = term.isascii() and term.isdecimal() and len(term) <= len(str(MAX_TERM)) and int(term) <= MAX_TERM
    if not at or not node or len(node) > MAX_NODE_NAME or not known:
        raise ParseError(f'"{text}" is not NODE@TERM, with the term of the present claim')
    return Move(NodeName(node), int(term))


def parse_failback(text: str) -> bool:
    """Whether an address goes back to the node that is first in line. Raises ParseError."""
    if text not in MODES:
        raise ParseError(f'"{text}" is none of {", ".join(MODES)}')
    return MODES[text]


def move_of(annotations: Mapping[str, str]) -> Move | None:
    """The move that a Service's annotations ask for; None also where that cannot be understood."""
    try:
        return parse_move(annotations[MOVE]) if MOVE in annotations else None
    except ParseError:
        return None


def failback_of(annotations: Mapping[str, str]) -> bool | None:
    """What a Service's annotations say about going back; None also where that cannot be understood."""
    return MODES.get(annotations.get(FAILBACK, ""))


def is_drained(annotations: Mapping[str, str]) -> bool:
    """Whether a Node's annotations ask that its addresses go to others."""
    return annotations.get(DRAIN, "").lower() == YES


def faults(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations of a Service whose values cannot be understood, and why."""
    found = {}
    for key, parse in ((FAILBACK, parse_failback), (MOVE, parse_move)):
        try:
            if key in annotations:
                parse(annotations[key])
        except ParseError as error:
            found[key] = str(error)
    return found
