"""What `ip -j` says of this machine's interfaces, routes and neighbours, as values.

It reads JSON of iproute2 4.19 and later and leaves out what it cannot read: a probe that sees less is no error. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import Any

from pylb.core.model import Address
from pylb.core.ranges import Network

MAX_ENTRIES = 4096  # of one list: a table of neighbours can be that long, and no list of a home is longer
_OF_KUBE_PROXY = "kube-ipvs0"  # holds every Service's addresses on every node, and none of the machine's own
_ALIVE = ("REACHABLE", "STALE", "DELAY", "PROBE", "PERMANENT")  # neighbours whose MAC is known


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface that is up, with its addresses; `leased` are those that DHCP gave it."""

    name: str
    mac: str
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()
    leased: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Somebody whom the kernel has heard of."""

    address: Address
    mac: str
    device: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine knows of its networks."""

    interfaces: tuple[Interface, ...] = ()
    gateways: tuple[Address, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()

    def home(self, address: Address) -> tuple[Interface, Network] | None:
        """The interface and subnet that hold an address; the smallest subnet, and an address of its own is enough."""
        found = [
            (own.network.prefixlen, index, own.network)
            for index, interface in enumerate(self.interfaces)
            for own in interface.addresses
            if own.version == address.version and address in own.network and own.network.num_addresses > 1
        ]
        if not found:
            return None
        _, index, network = max(found, key=lambda one: (one[0], -one[1]))
        return self.interfaces[index], network


def decode(addresses: str, routes: str, neighbours: str) -> Machine:
    """The outputs of `ip -j address`, `ip -j route` (of both families) and `ip -j neighbour`; raises nothing."""
    return Machine(
        tuple(found for item in _entries(addresses) if (found := _interface(item))),
        tuple(dict.fromkeys(gateway for item in _entries(routes) for gateway in _gateways(item))),
        decode_neighbours(neighbours),
    )


def decode_neighbours(text: str) -> tuple[Neighbour, ...]:
    """The output of `ip -j neighbour`: those that have a MAC."""
    return tuple(found for item in _entries(text) if (found := _neighbour(item)))


def _entries(text: str) -> Iterator[Mapping[str, Any]]:
    """The objects of one list, or of several that follow each other."""
    decoder, start, count = json.JSONDecoder(), 0, 0
    text = text.strip()
    while start < len(text):
        try:
            document, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return
        for item in document if isinstance(document, list) else ():
            count += 1
            if count > MAX_ENTRIES:
                return
            if isinstance(item, dict) and item:
                yield item
        start = end + len(text[end:]) - len(text[end:].lstrip())


def _address(raw: object) -> Address | None:
    try:
        return ip_address(raw) if isinstance(raw, str) else None
    except ValueError:
        return None


def _interface(item: Mapping[str, Any]) -> Interface | None:
    flags = item.get("flags")
    if not isinstance(flags, list) or "UP" not in flags or "LOOPBACK" in flags:
        return None
    if item.get("ifname") == _OF_KUBE_PROXY:
        return None
    addresses, leased = [], []
    for info in item.get("addr_info") or ():
        try:
            own = ip_interface(f"{info['local']}/{info['prefixlen']}")
        except (KeyError, TypeError, ValueError):
            continue
        if own.ip.is_link_local:
            continue
        addresses.append(own)
        if info.get("dynamic") and own.version == 4:  # SLAAC's are dynamic, too, and nobody's to give
            leased.append(own.ip)
    return Interface(str(item.get("ifname", "")), str(item.get("address", "")), tuple(addresses), tuple(leased))


def _gateways(item: Mapping[str, Any]) -> Iterator[Address]:
    hops = item.get("nexthops")
    for hop in (item, *(hops if isinstance(hops, list) else ())):
        if isinstance(hop, Mapping):
            via = hop.get("via")
            raw = via.get("host") if isinstance(via, Mapping) else hop.get("gateway")
            gateway = _address(raw)
            if item.get("dst") == "default" and gateway is not None:
                yield gateway


def _neighbour(item: Mapping[str, Any]) -> Neighbour | None:
    address, mac, state = _address(item.get("dst")), item.get("lladdr"), item.get("state")
    alive = isinstance(state, list) and any(one in _ALIVE for one in state)
    if address is None or not isinstance(mac, str) or not alive:
        return None
    return Neighbour(address, mac.lower(), str(item.get("dev", "")))
