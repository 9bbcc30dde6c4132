"""Address ranges: read, written, counted and compared as two numbers, never enumerated.

A range is what one line of `spec.addresses` of an IPAddressPool says: a CIDR, whose host bits are masked off, or
`start-end`. Network and broadcast addresses count like all others, as they do for MetalLB. Which addresses no Service of
any network can have is known here; what one network uses already is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)

from pylb.core.errors import ParseError
from pylb.core.model import Address

Network = IPv4Network | IPv6Network
EXAMPLES = "192.168.1.240-192.168.1.250 or 192.168.1.240/28"
MAX_TEXT = 256  # characters of one range as typed; longer text is no range
MAPPED = IPv6Network("::ffff:0:0/96")  # IPv4 addresses written as IPv6 ones (RFC 4291, section 2.5.5.2)

# No client can reach a Service at these, whatever the network. The API server takes all of them as a Service's address,
# except the mapped ones. 240.0.0.0/4 is not among them: Linux and macOS hosts have used it since 2008, on a LAN that is theirs.
_IMPOSSIBLE = {
    "0.0.0.0/8": "this network, which no packet can be sent to (RFC 1122, 3.2.1.3)",
    "127.0.0.0/8": "loopback, which each host keeps to itself (RFC 1122, 3.2.1.3)",
    "169.254.0.0/16": "link-local, which hosts take for themselves and no router forwards (RFC 3927)",
    "224.0.0.0/4": "multicast, which is no single host's (RFC 5771)",
    "255.255.255.255/32": "the broadcast address (RFC 919)",
    "::/128": "the unspecified address (RFC 4291, 2.5.2)",
    "::1/128": "loopback, which each host keeps to itself (RFC 4291, 2.5.3)",
    str(MAPPED): "IPv4 written as IPv6, which the API server refuses (RFC 4291, 2.5.5.2)",
    "fe80::/10": "link-local, which means something beside an interface alone (RFC 4291, 2.5.6)",
    "ff00::/8": "multicast, which is no single host's (RFC 4291, 2.7)",
}


@dataclass(frozen=True, slots=True)
class Range:
    """All addresses from `first` to `last`, both inside, of one family."""

    first: Address
    last: Address

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.first.version

    @property
    def size(self) -> int:
        """How many addresses it holds."""
        return int(self.last) - int(self.first) + 1

    def __contains__(self, address: object) -> bool:
        return (
            isinstance(address, (IPv4Address, IPv6Address))
            and address.version == self.version
            and int(self.first) <= int(address) <= int(self.last)
        )

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        blocks = self.blocks()
        only = next(blocks)
        return str(only) if next(blocks, None) is None else f"{self.first}-{self.last}"

    def overlaps(self, other: Range) -> bool:
        """Whether an address is in both."""
        return (
            self.version == other.version and int(self.first) <= int(other.last) and int(other.first) <= int(self.last)
        )

    def blocks(self) -> Iterator[Network]:
        """The fewest CIDRs that make it up, ascending."""
        return summarize_address_range(self.first, self.last)

    def addresses(self, start: int | None = None) -> Iterator[Address]:
        """Its addresses from the number `start` on, ascending, made one by one as they are asked for."""
        make = type(self.first)
        first = int(self.first) if start is None else start
        return (make(number) for number in range(first, int(self.last) + 1))


IMPOSSIBLE = tuple((Range(ip_network(net)[0], ip_network(net)[-1]), net, why) for net, why in _IMPOSSIBLE.items())


def require_possible(span: Range) -> None:
    """Raises ParseError if a range holds an address that no Service can have; it says which, why, and what to do."""
    for network, name, why in IMPOSSIBLE:
        if not span.overlaps(network):
            continue
        inside = span.first in network and span.last in network
        which = f"it is of {name}" if inside else f"it holds addresses of {name}"
        raise ParseError(f"{which}, {why}: name free addresses of the nodes' own network, such as {EXAMPLES}")


def without(span: Range, addresses: Iterable[Address]) -> tuple[Range, ...]:
    """What is left of a range without these addresses, ascending."""
    kept, make, start = [], type(span.first), int(span.first)
    for number in (*sorted(int(one) for one in addresses if one in span), int(span.last) + 1):
        if number > start:
            kept.append(Range(make(start), make(number - 1)))
        start = number + 1
    return tuple(kept)


def is_buggy(address: Address) -> bool:
    """Whether old routers mistake the address for a network's or a broadcast's: IPv4 that ends in .0 or .255."""
    return address.version == 4 and int(address) & 0xFF in (0, 0xFF)


def count_buggy(span: Range) -> int:
    """How many addresses of a range are `is_buggy`."""
    if span.version != 4:
        return 0

    def upto(number: int) -> int:  # how many of 0..number
        return (number + 256) // 256 + (number + 1) // 256

    return upto(int(span.last)) - upto(int(span.first) - 1)


def parse_address(text: str) -> Address:
    """The address that `text` writes; raises ParseError. An IPv6 zone (`%eth0`) is refused, and IPv4 as IPv6."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        raise ParseError(f'"{text.strip()[:MAX_TEXT]}" is not an IP address') from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ParseError(f'"{text.strip()}" names an interface: leave out what follows the %')
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        raise ParseError(f'"{text.strip()}" is an IPv4 address written as IPv6: write {address.ipv4_mapped}')
    return address


def parse(text: str, *, single: bool = False) -> Range:
    """The range that `text` writes as a CIDR or as `start-end`; raises ParseError that says what is wrong.

    A bare address is a range only where `single` is set: MetalLB's pools refuse it, the installer takes it.
    """
    text = text.strip()
    if not text or len(text) > MAX_TEXT:
        raise ParseError(f'"{text[:MAX_TEXT]}" is not a range of addresses: write {EXAMPLES}')
    if "-" in text:
        return _parse_span(text)
    if "/" in text:
        return _parse_cidr(text)
    address = parse_address(text)
    if not single:
        raise ParseError(f'"{text}" has no prefix length: write {text}/{address.max_prefixlen}')
    return Range(address, address)


def _parse_cidr(text: str) -> Range:
    try:
        if "%" in text:
            raise ValueError(text)  # ip_network drops an IPv6 zone in silence
        network = ip_network(text, strict=False)
    except ValueError:
        raise ParseError(f'"{text}" is not a CIDR: write an address and a prefix length, such as {EXAMPLES}') from None
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        plain = f"{network[0].ipv4_mapped}/{network.prefixlen - MAPPED.prefixlen}"
        raise ParseError(f'"{text}" is a range of IPv4 addresses written as IPv6: write {plain}')
    return Range(network[0], network[-1])


def _parse_span(text: str) -> Range:
    start, _, end = text.partition("-")
    try:
        first, last = parse_address(start), parse_address(end)
    except ParseError as error:
        raise ParseError(f'invalid IP range "{text}": {error}') from None
    if first.version != last.version:
        raise ParseError(f'invalid IP range "{text}": start and end are of different families')
    if int(first) > int(last):
        raise ParseError(f'invalid IP range "{text}": start IP "{first}" is after the end IP "{last}"')
    return Range(first, last)


def parse_list(text: str) -> tuple[Range, ...]:
    """The ranges that a person typed, divided by commas or blanks; a bare address is taken. Raises ParseError."""
    tidy = re.sub(r"\s*-\s*", "-", text.strip())
    parts = [part for part in re.split(r"[,\s]+", tidy) if part]
    if not parts:
        raise ParseError(f"no range was given: write {EXAMPLES}")
    spans = tuple(parse(part, single=True) for part in parts)
    for index, span in enumerate(spans):
        for other in spans[:index]:
            if span.overlaps(other):
                raise ParseError(f'"{span}" overlaps "{other}": name each address once')
    return spans
