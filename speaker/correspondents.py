"""Where the other nodes hear beats: on each link of ours the address that they have in its subnet. Pure.

The Nodes of the cluster name one address each (InternalIP); beats tell those on the other links.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        self._told: dict[tuple[NodeName, str], tuple[Address, ...]] = {}  # (node, its link): what its beats there tell
        self.told: dict[
            NodeName, tuple[Address, ...]
        ] = {}  # each node's own, on all its links; another one when it changes
        self._macs: dict[NodeName, frozenset[bytes]] = {}
        self._links: tuple[Link, ...] = ()
        self._found: dict[tuple[str, NodeName], Destination | None] = {}  # (link, node): where it hears beats there
        self.names: dict[bytes, NodeName] = {token(node): node}  # what stands for each node in a datagram

    def expect(self, nodes: Mapping[str, NodeName], port: int) -> None:
        """These are the other nodes, by their InternalIP."""
        kept = sorted(nodes.items())[:MAX_NODES]
        self._internal, self._port = {node: ip_address(address) for address, node in kept}, port
        self.names = {token(node): node for node in (self._node, *self._internal)}
        self._told = {(node, link): told for (node, link), told in self._told.items() if node in self._internal}
        kept_told = {node: told for node, told in self.told.items() if node in self._internal}
        self.told = kept_told if kept_told != self.told else self.told
        self._found = {}
        self._macs = {node: macs for node, macs in self._macs.items() if node in self._internal}

    def take_links(self, links: tuple[Link, ...]) -> None:
        """These are the links that beats may go out on."""
        self._links = links
        self._found = {}

    @property
    def macs(self) -> tuple[bytes, ...]:
        """This node's own Ethernet addresses."""
        return tuple(sorted({link.mac for link in self._links}))

    def own(self, name: str) -> tuple[Address, ...]:
        """This node's own addresses, those on a link first; and those of IPv4 before all others, since beats go there.

        All of them, as nobody could send the first beat on a link that only beats on that link tell of.
        """
        known = ((one.version, link.name != name, one.ip) for link in self._links for one in link.addresses)
        return tuple(address for _, _, address in sorted(known, key=lambda one: one[:2]))

    def knows(self, mac: bytes) -> bool:
        """Whether it is the Ethernet address of one of the cluster's nodes, as they tell themselves."""
        return mac in self.macs or any(mac in macs for macs in self._macs.values())

    def peers(self, name: str, to: Iterable[NodeName] | None = None) -> tuple[Destination, ...]:
        """Where to send the beats of a link: one address of each node, or of those that are named."""
        nodes = self._internal if to is None else to
        return tuple(found for node in nodes if (found := self._destination(name, node)) is not None)

    def _destination(self, name: str, node: NodeName) -> Destination | None:
        key = (name, node)
        if key not in self._found:
            address = self._address_of(node, name)
            self._found[key] = (str(address), self._port) if address is not None else None
        return self._found[key]

    def learn(self, telling: Telling, source: str) -> str | None:
        """Take in what a node tells of itself; gives the link of ours that its datagram came in on."""
        node = telling.beat.node
        if node in self._internal:
            self._macs[node] = frozenset(telling.macs)
            key = (node, telling.beat.link)
            if telling.addresses and self._told.get(key) != telling.addresses:
                self._told[key] = telling.addresses
                self._retell(node)
        return self._link_to(ip_address(source))

    def _retell(self, node: NodeName) -> None:
        told = (addresses for (who, _), addresses in self._told.items() if who == node)
        found = tuple(dict.fromkeys(address for addresses in told for address in addresses))
        for link in self._links:
            self._found.pop((link.name, node), None)
        if found != self.told.get(node):
            self.told = {**self.told, node: found}

    def _link_to(self, address: Address) -> str | None:
        """The link whose subnet has an address; the first one where none has."""
        fits = (link.name for link in self._links if _holds(link, address))
        return next(fits, self._links[0].name if self._links else None)

    def _address_of(self, node: NodeName, name: str) -> Address | None:
        home = self._internal.get(node)
        known = () if home is None else (home, *self.told.get(node, ()))
        here = (
            one for one in known if one.version == 4 and self._link_to(one) == name
        )  # the one family of beats so far
        return next(here, None)


def _holds(link: Link, address: Address) -> bool:
    return any(address in known.network for known in link.addresses)
