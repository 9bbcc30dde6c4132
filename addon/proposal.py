"""Which range to propose: a quiet one at the end of the nodes' subnet, where routers seldom hand out addresses.

It decides from facts alone and proposes nothing that any fact forbids. Whether somebody answers there is found out by
asking, and the question put again with what was learned. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pylb.addon.facts import Facts, gaps, span_of, without
from pylb.core.model import Address
from pylb.core.ranges import Network, Range

WANTED = 11  # addresses: enough for a homelab's Services
LARGE = 64  # addresses: for a wanted range above this size, "near" means nothing, and the proposal stands in
BLOCK = 256  # addresses at the end of a subnet that are looked at first
_SIX_START = 0x1000  # IPv6: above the numbers that people give to hosts by hand
# Within those 256: what is proposed first. Home routers hand out x.x.x.100-200 or lower, and people know 240-250.
_FAVOURITES = ((240, 250), (230, 239), (220, 229), (210, 219), (201, 209))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A range, the subnet that it is of, why it is that one, and how the router's DHCP is kept off it."""

    span: Range
    subnet: Network
    why: str
    advice: str


def propose(facts: Facts) -> Proposal | None:
    """The range to propose; None where no subnet is known or none has a free address. IPv4 comes first."""
    for subnet in sorted(facts.subnets, key=lambda one: one.version):
        free = gaps(facts, subnet)
        span = _pick(subnet, _beyond(facts.leases, free)) or _pick(subnet, free)
        if span is not None:
            return Proposal(span, subnet, _why(facts, subnet, span), advice(facts, subnet, span))
    return None


def nearest(facts: Facts, wanted: Range) -> Range | None:
    """The good range next to a wanted one, in its subnet and of its size as far as there is one; else the proposal."""
    home = [subnet for subnet in facts.subnets if span_of(subnet).overlaps(wanted)]
    free = [gap for subnet in home for gap in gaps(facts, subnet)]
    proposal = propose(facts)
    if wanted.size > LARGE or not free:
        return proposal.span if proposal else None
    size = min(wanted.size, max(gap.size for gap in free))
    fitting = (_closest(gap, wanted, size) for gap in free if gap.size >= size)
    return min(fitting, key=lambda span: (abs(int(span.first) - int(wanted.first)), int(span.first)))


def advice(facts: Facts, subnet: Network, span: Range) -> str:
    """One line: how the router's DHCP is kept off a range of a subnet."""
    router = facts.gateway(subnet)
    where = f"In the router ({router})" if router else "In your router"
    if subnet.version == 6:
        return f"{where}, see that DHCPv6 hands out nothing of {span.first}-{span.last}; SLAAC does not."
    before, after = int(span.first) - int(subnet[0]), int(subnet[-1]) - int(span.last)
    if before >= after:
        return f"{where}, let DHCP end at {span.first - 1} or lower, so that nobody else is given one of them."
    return f"{where}, let DHCP begin at {span.last + 1} or higher, so that nobody else is given one of them."


def _closest(gap: Range, wanted: Range, size: int) -> Range:
    """The part of a gap, of that size, that begins next to where the wanted range does."""
    start = min(max(int(wanted.first), int(gap.first)), int(gap.last) - size + 1)
    make = type(gap.first)
    return Range(make(start), make(start + size - 1))


def _beyond(leases: Sequence[Address], free: Iterable[Range]) -> list[Range]:
    """The free ranges without all that lies between two addresses that DHCP gave out."""
    spans = []
    for version in (4, 6):
        given = sorted(int(one) for one in leases if one.version == version)
        if given:
            make = type(next(one for one in leases if one.version == version))
            spans.append(Range(make(given[0]), make(given[-1])))
    return [part for gap in free for part in without(gap, spans)]


def _pick(subnet: Network, free: Sequence[Range]) -> Range | None:
    if subnet.version == 6:
        return _pick_six(subnet, free)
    base = int(subnet[-1]) // BLOCK * BLOCK
    make = type(subnet[0])
    for first, last in _FAVOURITES:
        start, end = base + first, base + last
        if any(int(gap.first) <= start and end <= int(gap.last) for gap in free):
            return Range(make(start), make(end))
    enough = [gap for gap in free if gap.size >= WANTED] or [gap for gap in free if gap.size == _largest(free)]
    return _end_of(enough[-1]) if enough else None


def _pick_six(subnet: Network, free: Sequence[Range]) -> Range | None:
    start = int(subnet[0]) + _SIX_START
    make = type(subnet[0])
    for gap in free:
        first = max(start, int(gap.first))
        if first + WANTED - 1 <= int(gap.last):
            return Range(make(first), make(first + WANTED - 1))
    largest = [gap for gap in free if gap.size == _largest(free)]
    return _end_of(largest[-1]) if largest else None


def _largest(free: Iterable[Range]) -> int:
    return max((gap.size for gap in free), default=0)


def _end_of(gap: Range) -> Range:
    """The last addresses of a gap, at most as many as are wanted."""
    make = type(gap.first)
    return Range(make(int(gap.last) - min(WANTED, gap.size) + 1), gap.last)


def _why(facts: Facts, subnet: Network, span: Range) -> str:
    asked = any(int(one.first) <= int(span.first) and int(span.last) <= int(one.last) for one in facts.swept)
    quiet = "nobody answers there" if asked else "nothing is known to use it"
    return f"{quiet}, and it is of {subnet}, where the nodes are"
