"""What is said to a range that was typed: fine, fine without some addresses, only if confirmed, or no.

Total: any words at all get one of the four verdicts, and whoever is told no is told the nearest range that is good.
It judges by facts alone; nothing is asked of the LAN or of a person here. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from pylb.addon.facts import HERE, LATELY, Facts, Held, Taken, Use, edges, span_of, without
from pylb.addon.proposal import nearest, propose
from pylb.addon.words import read
from pylb.core.errors import ParseError
from pylb.core.model import Address
from pylb.core.ranges import Range

MAX_OBJECTIONS = 4  # that a person is told at once


class Flaw(str, Enum):
    """What is wrong with a range, or may be."""

    UNREADABLE = "unreadable"  # not an address, reversed, loopback, multicast, link-local
    GATEWAY = "gateway"
    NODE = "node"
    VIRTUAL = "virtual"
    TAKEN = "taken"  # pod network, Service network, another pool
    EMPTY = "empty"  # nothing but network and broadcast addresses
    OTHER_SUBNET = "other_subnet"
    ANSWERS = "answers"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Objection:
    """One flaw, in words."""

    flaw: Flaw
    text: str


@dataclass(frozen=True, slots=True)
class Fine:
    """The ranges may be used as they were typed."""

    spans: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Trim:
    """`spans` may be used: what was typed without the network and broadcast addresses `left_out`."""

    spans: tuple[Range, ...]
    left_out: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Confirm:
    """`spans` may be used if somebody says so; `instead` needs no such word."""

    spans: tuple[Range, ...]
    objections: tuple[Objection, ...]
    instead: Range | None
    left_out: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """They may not be used; `instead` may."""

    objections: tuple[Objection, ...]
    instead: Range | None


Verdict = Fine | Trim | Confirm | Refuse
_FATAL = {Use.GATEWAY: Flaw.GATEWAY, Use.NODE: Flaw.NODE, Use.VIRTUAL: Flaw.VIRTUAL}
_DOUBTFUL = {Use.NEIGHBOUR: Flaw.ANSWERS, Use.EXTERNAL: Flaw.EXTERNAL}


def judge(words: Sequence[str], facts: Facts) -> Verdict:
    """The verdict on the words of a command line, or on an answer. Raises nothing, whatever the words."""
    try:
        spans = read(words)
    except ParseError as error:
        return Refuse((Objection(Flaw.UNREADABLE, printable(str(error))),), _meant(words, facts))
    return weigh(spans, facts)


def weigh(spans: tuple[Range, ...], facts: Facts) -> Verdict:
    """The verdict on ranges that were read."""
    instead = next((good for span in spans if (good := nearest(facts, span))), None)
    fatal = [objection for span in spans for objection in _refusals(span, facts)]
    if fatal:
        return Refuse(_some(fatal), instead)
    left_out = tuple(edge for subnet in facts.subnets for edge in edges(subnet) if any(edge in span for span in spans))
    kept = tuple(part for span in spans for part in without(span, [Range(edge, edge) for edge in left_out]))
    if not kept:
        text = f"{_listed(left_out)} is the network's own or broadcast address, which no host can have"
        return Refuse((Objection(Flaw.EMPTY, text),), instead)
    doubts = [doubt for span in kept for doubt in _doubts(span, facts)]
    if doubts:
        return Confirm(kept, _some(doubts), instead, left_out)
    return Trim(kept, left_out) if left_out else Fine(spans)


def printable(text: str) -> str:
    """Text that any terminal can show: what came from outside may hold control characters."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text)


def _refusals(span: Range, facts: Facts) -> Iterable[Objection]:
    for one in facts.within(span):
        if one.use in _FATAL:
            yield Objection(_FATAL[one.use], f"{one.address} is {_who(one)}")
    for taken in facts.taken:
        if taken.span.overlaps(span):
            yield Objection(Flaw.TAKEN, f"{span} overlaps {_whose(taken)}")


def _doubts(span: Range, facts: Facts) -> Iterable[Objection]:
    homes = [span_of(subnet) for subnet in facts.subnets]
    if homes and without(span, homes):
        near = ", ".join(str(subnet) for subnet in facts.subnets)
        yield Objection(Flaw.OTHER_SUBNET, f"{span} is not of the nodes' network ({near}): the LAN will not find it")
    adopted = {one.address for one in facts.held if one.use is Use.SERVICE}
    for one in facts.within(span):
        if one.use is Use.EXTERNAL or (one.use is Use.NEIGHBOUR and one.address not in adopted):
            yield Objection(_DOUBTFUL[one.use], f"{one.address} is {_who(one)}")


def _who(one: Held) -> str:
    name = printable(one.name)
    if one.use is Use.NEIGHBOUR and name == LATELY:
        return f"in use, it seems: {one.mac} answered for it a while ago"
    if one.use is Use.NEIGHBOUR:
        return f"in use: {one.mac or 'somebody'} answers for it" + (f" ({name})" if name else "")
    words = {
        Use.GATEWAY: "the router",
        Use.NODE: "this machine's own address" if name == HERE else f"the address of the node {name}".rstrip(),
        Use.VIRTUAL: f"an address of the control plane ({name or 'virtual'})",
        Use.EXTERNAL: f"an external IP of the Service {name}".rstrip(),
        Use.SERVICE: f"the address of the Service {name}".rstrip(),
    }
    return words[one.use]


def _whose(taken: Taken) -> str:
    return f"{printable(taken.name)} ({taken.span})"


def _listed(addresses: Iterable[Address]) -> str:
    return ", ".join(str(one) for one in addresses)


def _some(objections: Sequence[Objection]) -> tuple[Objection, ...]:
    """The first objections, and how many more there are."""
    if len(objections) <= MAX_OBJECTIONS:
        return tuple(objections)
    more = len(objections) - MAX_OBJECTIONS + 1
    last = objections[MAX_OBJECTIONS - 1]
    return (*objections[: MAX_OBJECTIONS - 1], Objection(last.flaw, f"{last.text}, and {more - 1} more"))


def _meant(words: Sequence[str], facts: Facts) -> Range | None:
    """A good range for words that say none: the same turned round where it is only reversed, else the proposal."""
    parts = re.split(r"\s*-\s*", " ".join(words).strip())
    if len(parts) == 2:
        head = parts[0].rpartition(".")[0]
        end = f"{head}.{parts[1]}" if parts[1].isdigit() and head else parts[1]
        try:
            turned = read([f"{end}-{parts[0]}"])
        except ParseError:
            turned = ()
        if len(turned) == 1:
            clean = isinstance(weigh(turned, facts), Fine)
            return turned[0] if clean else nearest(facts, turned[0])
    proposal = propose(facts)
    return proposal.span if proposal else None
