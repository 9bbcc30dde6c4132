"""Where the other nodes hear beats: on each link of ours the address that they have in its subnet. Pure.

The Nodes of the cluster name one address each (InternalIP); beats tell those on the other links.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from pylb.core.model import Address, NodeName
from pylb.speaker.datagram import Telling, token
from pylb.speaker.links import Link

MAX_NODES = 1024

Destination = tuple[str, int]  # an address and a port that beats are heard at


class Correspondents:
    """The other nodes, as one node can reach them."""

    def __init__(self, node: NodeName) -> None:
        self._node = node
        self._port = 0
        self._internal: dict[NodeName, Address] = {}
        self._told: dict[tuple[NodeName, str], tuple[Address, ...]] = {}  # (node, its link): its addresses there
        self._macs: dict[NodeName, frozenset[bytes]] = {}
        self._links: tuple[Link, ...] = ()
        self._peers: dict[str, tuple[Destination, ...]] = {}
        self.names: dict[bytes, NodeName] = {token(node): node}  # what stands for each node in a datagram

    def expect(self, nodes: Mapping[str, NodeName], port: int) -> None:
        """These are the other nodes, by their InternalIP."""
        kept = sorted(nodes.items())[:MAX_NODES]
        self._internal, self._port = {node: ip_address(address) for address, node in kept}, port
        self.names = {token(node): node for node in (self._node, *self._internal)}
        self._told = {(node, link): told for (node, link), told in self._told.items() if node in self._internal}
        self._macs = {node: macs for node, macs in self._macs.items() if node in self._internal}
        self._peers = {}

    def take_links(self, links: tuple[Link, ...]) -> None:
        """These are the links that beats may go out on."""
        self._links = links
        self._peers = {}

    @property
    def macs(self) -> tuple[bytes, ...]:
        """This node's own Ethernet addresses."""
        return tuple(sorted({link.mac for link in self._links}))

    def own(self, name: str) -> tuple[Address, ...]:
        """This node's own addresses on a link."""
        return tuple(known.ip for link in self._links if link.name == name for known in link.addresses)

    def knows(self, mac: bytes) -> bool:
        """Whether it is the Ethernet address of one of the cluster's nodes, as they tell themselves."""
        return mac in self.macs or any(mac in macs for macs in self._macs.values())

    def peers(self, name: str) -> tuple[Destination, ...]:
        """Where to send the beats of a link: one address of each node."""
        if name not in self._peers:
            found = (self._address_of(node, name) for node in self._internal)
            self._peers[name] = tuple((str(address), self._port) for address in found if address is not None)
        return self._peers[name]

    def learn(self, telling: Telling, source: str) -> str | None:
        """Take in what a node tells of itself; gives the link of ours that its datagram came in on."""
        node = telling.beat.node
        if node in self._internal:
            self._macs[node] = frozenset(telling.macs)
            key = (node, telling.beat.link)
            if telling.addresses and self._told.get(key) != telling.addresses:
                self._told[key] = telling.addresses
                self._peers = {}
        return self._link_to(ip_address(source))

    def _link_to(self, address: Address) -> str | None:
        """The link whose subnet has an address; the first one where none has."""
        fits = (link.name for link in self._links if _holds(link, address))
        return next(fits, self._links[0].name if self._links else None)

    def _address_of(self, node: NodeName, name: str) -> Address | None:
        told = (address for (who, _), all_ in self._told.items() if who == node for address in all_)
        for address in (self._internal[node], *told):
            if address.version == 4 and self._link_to(address) == name:  # the one family that beats are sent in so far
                return address
        return None


def _holds(link: Link, address: Address) -> bool:
    return any(address in known.network for known in link.addresses)
