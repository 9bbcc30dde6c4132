"""Which hosts a lab has and which addresses they carry: decided from the number of nodes and the LAN's subnet.

Pure. It refuses subnets that cannot work beside the lab's own networks, and knows nothing of how a host is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Network, ip_network

from pylb.lab.errors import BadInput

MANAGEMENT = IPv4Network("100.64.77.0/24")  # shared address space (RFC 6598): no home LAN uses it
PODS = IPv4Network("10.244.0.0/16")
PODS6 = IPv6Network("fd44::/16")
SERVICES = IPv4Network("10.96.0.0/16")
ULA = IPv6Network("fd77::/64")  # the LAN's IPv6 prefix, beside link-local
INTERNET = IPv4Address("203.0.113.1")  # on the router's loopback (RFC 5737, TEST-NET-3)
SECOND_LAN = IPv4Network("198.51.100.0/24")  # RFC 5737, TEST-NET-2
NIC, LINK = "nic", "link"  # what a lab may have twice: each node's card on the LAN, or the LAN
DEFAULT_SUBNET = "10.77.0.0/24"
DEFAULT_NAME = "lab"
DEFAULT_NODES = 3
MAX_NODES = 15
LONGEST_PREFIX = 26  # room for the hosts (.1 to .55) and for a pool of addresses
ROUTER, CLIENT, FIRST_NODE = 1, 5, 21  # last part of a host's addresses
SECOND_NICS = 20  # above that, the last part of a node's second one on the LAN
MAC_PREFIX = "02:4c:42:00"  # locally administered; the same after a power cycle, as a real card's
API_PORT = 6443
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_UNUSABLE = tuple(IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"))
_OWN = {
    "the lab's management network": MANAGEMENT,
    "the pods' network": PODS,
    "the Services' cluster addresses": SERVICES,
    "the router's own network": IPv4Network("203.0.113.0/24"),
    "the second LAN": SECOND_LAN,
}


@dataclass(frozen=True, slots=True)
class Card:
    """A second network card of a host, on the LAN or, `apart`, on a LAN of its own."""

    device: str
    address: IPv4Interface
    mac: str
    apart: bool


@dataclass(frozen=True, slots=True)
class Host:
    """A machine on the LAN; `number` is 0 for one that is no node."""

    name: str
    lan: IPv4Address
    lan6: IPv6Address
    mac: str
    number: int = 0
    management: IPv4Address | None = None
    management_mac: str = ""
    second: Card | None = None

    @property
    def pods(self) -> IPv4Network:
        """The pods' network of a node."""
        return IPv4Network((int(PODS.network_address) + (self.number << 8), 24))

    @property
    def pods6(self) -> IPv6Network:
        """The same in IPv6: fd44:N::/64."""
        return IPv6Network((int(PODS6.network_address) + (self.number << 96), 64))

    @property
    def gateway(self) -> IPv4Address:
        """The node, as its pods see it."""
        return self.pods.network_address + 1

    def to_json(self) -> dict[str, str]:
        """What the lab tells about a host."""
        told = {"lan": str(self.lan), "lan6": str(self.lan6), "mac": self.mac}
        if self.management is not None:
            told["management"] = str(self.management)
        if self.second is not None:
            told |= {"second": str(self.second.address.ip), "second_mac": self.second.mac}
        return told


@dataclass(frozen=True)
class Plan:
    """A lab as it shall be."""

    name: str = DEFAULT_NAME
    count: int = DEFAULT_NODES
    subnet: IPv4Network = field(default_factory=lambda: IPv4Network(DEFAULT_SUBNET))
    second: str = ""

    @cached_property
    def router(self) -> Host:
        return self._host("router", ROUTER)

    @cached_property
    def client(self) -> Host:
        return self._host("client", CLIENT)

    @cached_property
    def nodes(self) -> dict[str, Host]:
        """The nodes by name, in order."""
        made = (self._host(f"n{i}", FIRST_NODE + i - 1, i) for i in range(1, self.count + 1))
        return {host.name: host for host in made}

    @cached_property
    def hosts(self) -> dict[str, Host]:
        """All hosts of the LAN by name."""
        return {"client": self.client, "router": self.router, **self.nodes}

    @property
    def api(self) -> IPv4Address:
        """The API server's address on the management network."""
        return MANAGEMENT.network_address + 1

    def _host(self, name: str, last: int, number: int = 0) -> Host:
        return Host(
            name,
            self.subnet.network_address + last,
            ULA.network_address + int(str(last), 16),  # written as the IPv4 address ends: fd77::21
            f"{MAC_PREFIX}:00:{last:02x}",
            number,
            MANAGEMENT.network_address + last if number else None,
            f"{MAC_PREFIX}:01:{last:02x}" if number else "",
            self._second(last, number),
        )

    def _second(self, last: int, number: int) -> Card | None:
        mac = f"{MAC_PREFIX}:02:{last:02x}"
        if self.second == LINK:
            return Card("eth2", IPv4Interface((SECOND_LAN.network_address + last, SECOND_LAN.prefixlen)), mac, True)
        if self.second == NIC and number:
            address = self.subnet.network_address + last + SECOND_NICS
            return Card("wlan0", IPv4Interface((address, self.subnet.prefixlen)), mac, False)
        return None


def plan(name: str = DEFAULT_NAME, nodes: int = DEFAULT_NODES, subnet: str = DEFAULT_SUBNET, second: str = "") -> Plan:
    """The plan that the words of a command line ask for; `BadInput` says what is wrong with them and what to type."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"name {name!r}: use 1 to 32 lower-case letters, digits and hyphens, such as 'lab'")
    if not 1 <= nodes <= MAX_NODES:
        raise BadInput(f"nodes {nodes}: a lab has 1 to {MAX_NODES} nodes")
    return Plan(name, nodes, _subnet(subnet), second)


def _subnet(text: str) -> IPv4Network:
    try:
        net = ip_network(text, strict=False)
    except ValueError:
        raise BadInput(f"subnet {text!r}: not a network; write it as {DEFAULT_SUBNET}") from None
    if not isinstance(net, IPv4Network):
        raise BadInput(f"subnet {text!r}: the LAN is an IPv4 network (it has {ULA} as well), such as {DEFAULT_SUBNET}")
    if "/" not in text or net.prefixlen > LONGEST_PREFIX:
        around = IPv4Network((net.network_address, 24), strict=False)
        raise BadInput(f"subnet {text!r}: too small; use a /{LONGEST_PREFIX} or larger, such as {around}")
    if str(net.network_address) != text.split("/")[0]:
        raise BadInput(f"subnet {text!r}: that is an address in a network; write the network: {net}")
    for taken in _UNUSABLE:
        if net.overlaps(taken):
            raise BadInput(f"subnet {text!r}: no LAN can use {taken}; take another, such as {DEFAULT_SUBNET}")
    for what, taken in _OWN.items():
        if net.overlaps(taken):
            raise BadInput(f"subnet {text!r}: overlaps {what}, {taken}; take another, such as {DEFAULT_SUBNET}")
    return net
