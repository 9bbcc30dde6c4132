"""Which of the node's links ownership is about: pure.

Those on which the other nodes are known by the cluster, and those on which an address is announced. A management link
that does neither has no beats; where the cluster names no address of this node, all usable links count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pylb.core.model import Address, NodeName
from pylb.core.ownership import segment
from pylb.core.ownership.lines import Line
from pylb.speaker.links import Link, Unusable, interfaces_for, usable


def matters(links: Iterable[Link], own: Collection[Address], lines: Iterable[Line], node: NodeName) -> tuple[Link, ...]:
    """The usable links that ownership is about; `own` are the node's addresses as the cluster knows them."""
    found = usable(links).usable
    if not own or all(_has(link, own) for link in found):
        return found
    named: set[str] = set()
    addresses: list[Address] = []
    for line in lines:
        names = line.verdict.interfaces_of(node)
        if names is None:
            addresses.append(line.address)
        else:
            named |= names
    holding = {link.name for address in addresses for link in interfaces_for(address, found, None).links}
    return tuple(link for link in found if link.name in named | holding or _has(link, own))


def away(links: Iterable[Link]) -> tuple[Link, ...]:
    """The links that would be usable if they were up: an address of theirs has its place there, and on no other."""
    return tuple(one.link for one in usable(links).left_out if one.reason in (Unusable.DOWN, Unusable.NO_CARRIER))


def as_core(link: Link) -> segment.Link:
    """The link as the arbiter knows it."""
    networks = tuple(dict.fromkeys(known.network for known in link.addresses))
    return segment.Link(link.name, link.mac, networks, link.gateway)


def _has(link: Link, own: Collection[Address]) -> bool:
    return any(known.ip in own for known in link.addresses)
