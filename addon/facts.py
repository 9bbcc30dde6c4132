"""What is known about the LAN and the cluster before a range of addresses is chosen, as values.

It decides which addresses somebody has and which are free. How the facts were found out is not known here; what was
not found out is simply absent. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import ip_network

from pylb.addon.words import UNUSABLE
from pylb.core.model import Address
from pylb.core.ranges import Network, Range

HERE = "this machine"  # the name of a node address that is the installing machine's own
LATELY = "lately"  # the name of a neighbour whom the kernel remembers, and nobody has asked


class Use(str, Enum):
    """What an address is used for."""

    NODE = "node"
    GATEWAY = "gateway"
    VIRTUAL = "virtual"  # the control plane's own, held by kube-vip or keepalived
    SERVICE = "service"  # recorded in a Service's status; pylb may adopt it
    EXTERNAL = "external"  # spec.externalIPs of a Service
    NEIGHBOUR = "neighbour"  # somebody on the LAN answers for it


@dataclass(frozen=True, slots=True)
class Held:
    """An address that somebody has. `name` is for people; `mac` is who answers, where that is known."""

    address: Address
    use: Use
    name: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A whole range that is someone's: the pod network, the Service network, another pool."""

    span: Range
    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known. `subnets` are those of the nodes; none means that they are unknown."""

    subnets: tuple[Network, ...] = ()
    held: tuple[Held, ...] = ()
    taken: tuple[Taken, ...] = ()
    leases: tuple[Address, ...] = ()  # given out by DHCP, as far as one can see
    swept: tuple[Range, ...] = ()  # where everybody on the LAN was asked

    def within(self, span: Range) -> list[Held]:
        """Who has addresses of a range, ascending."""
        return sorted((one for one in self.held if one.address in span), key=lambda one: int(one.address))

    def gateway(self, subnet: Network) -> Address | None:
        """The router of a subnet."""
        found = (one.address for one in self.held if one.use is Use.GATEWAY and one.address in span_of(subnet))
        return next(found, None)

    def learned(self, neighbours: Iterable[Held], swept: Range) -> Facts:
        """The same facts and what a question to the LAN brought."""
        return replace(self, held=(*self.held, *neighbours), swept=(*self.swept, swept))


def span_of(subnet: Network) -> Range:
    """A network as a range."""
    return Range(subnet[0], subnet[-1])


def network(text: str) -> Taken | None:
    """A network as a cluster's settings write it, without a name; None where it is none."""
    try:
        return Taken(span_of(ip_network(text.strip(), strict=False)), "")
    except ValueError:
        return None


def edges(subnet: Network) -> tuple[Address, ...]:
    """The addresses of a subnet that no host may have: network and broadcast; IPv6 has the anycast of its routers."""
    if subnet.prefixlen >= subnet.max_prefixlen - 1:  # RFC 3021, RFC 6164: a link of two has no such addresses
        return ()
    return (subnet[0], subnet[-1]) if subnet.version == 4 else (subnet[0],)


def without(span: Range, holes: Iterable[Range]) -> list[Range]:
    """What is left of a range, ascending."""
    make = type(span.first)
    left, start = [], int(span.first)
    for first, last in sorted((int(hole.first), int(hole.last)) for hole in holes if hole.overlaps(span)):
        if first > start:
            left.append(Range(make(start), make(first - 1)))
        start = max(start, last + 1)
    if start <= int(span.last):
        left.append(Range(make(start), span.last))
    return left


def gaps(facts: Facts, subnet: Network) -> list[Range]:
    """The ranges of a subnet of the facts that nobody is known to have, ascending."""
    holes = [Range(edge, edge) for one in facts.subnets for edge in edges(one)]
    holes += [Range(one.address, one.address) for one in facts.held]
    holes += [one.span for one in facts.taken] + [span for span, _, _ in UNUSABLE]
    return without(span_of(subnet), holes)
