"""What people ask about the place of an address: to go back or to stay, to move now, to leave a node alone. Pure.

Annotations are read here and nowhere else. A request for a move names the claim that it is about by its term: whatever
becomes of it, the next claim has another term, so that no request is carried out twice and none is a pin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pylb.core.errors import ParseError
from pylb.core.model import NodeName
from pylb.core.ownership.claims import MAX_TERM

FAILBACK = "pylb.io/failback"  # of a Service, or of an IPAddressPool for all its addresses
MOVE = "pylb.io/move"  # of a Service
DRAIN = "pylb.io/drain"  # of a Node
MODES = {"never": False, "immediate": True}  # values of FAILBACK
YES, NO = "true", "false"  # values of DRAIN; nothing else says anything
MAX_SHOWN = 63  # characters of a value that says nothing
MAX_TERMS = 4  # that one request names: a Service has two addresses
MAX_NODE_NAME = 253  # characters (RFC 1123, as Kubernetes has it)


@dataclass(frozen=True, slots=True)
class Move:
    """A request to move an address to a node, at the term of the claim that it is about."""

    node: NodeName
    term: int

    def __str__(self) -> str:
        return f"{self.node}@{self.term}"


def parse_moves(text: str) -> tuple[Move, ...]:
    """A request as it is written, `NODE@TERM`, or `NODE@TERM,TERM` for addresses whose claims differ. Raises ParseError."""
    node, at, rest = text.strip().rpartition("@")
    terms = [term.strip() for term in rest.split(",", MAX_TERMS)]
    if not at or not node or len(node) > MAX_NODE_NAME or len(terms) > MAX_TERMS or not all(map(_is_term, terms)):
        raise ParseError(f'"{text}" is not NODE@TERM, with the term of the present claim')
    return tuple(Move(NodeName(node), int(term)) for term in terms)


def _is_term(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_TERM)) and int(text) <= MAX_TERM


def parse_failback(text: str) -> bool:
    """Whether an address goes back to the node that is first in line. Raises ParseError."""
    if text not in MODES:
        raise ParseError(f'"{text}" is none of {", ".join(MODES)}')
    return MODES[text]


def moves_of(annotations: Mapping[str, str]) -> tuple[Move, ...]:
    """The moves that a Service's annotations ask for; none also where that cannot be understood."""
    try:
        return parse_moves(annotations[MOVE]) if MOVE in annotations else ()
    except ParseError:
        return ()


def failback_of(annotations: Mapping[str, str]) -> bool | None:
    """What a Service's annotations say about going back; None also where that cannot be understood."""
    return MODES.get(annotations.get(FAILBACK, ""))


def is_drained(annotations: Mapping[str, str]) -> bool:
    """Whether a Node's annotations ask that its addresses go to others."""
    return annotations.get(DRAIN, "").strip().lower() == YES


def drain_fault(annotations: Mapping[str, str]) -> str:
    """Why a Node's annotation about draining says nothing; "" where it does, or where there is none."""
    value = annotations.get(DRAIN, NO)
    if value.strip().lower() in (YES, NO):
        return ""
    return f'annotation {DRAIN}: "{value[:MAX_SHOWN]}" is none of {YES}, {NO}'


def faults(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations of a Service whose values cannot be understood, and why."""
    found = {}
    for key, parse in ((FAILBACK, parse_failback), (MOVE, parse_moves)):
        try:
            if key in annotations:
                parse(annotations[key])
        except ParseError as error:
            found[key] = str(error)
    return found
