"""Facts for the choice of a range, put together from what the cluster says and what this machine sees of the LAN.

It decides which subnets the nodes are on and what an answer on the LAN means; whatever could not be found out is a
note for people. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network

from pylb.addon.facts import HERE, LATELY, Facts, Held, Use, span_of
from pylb.addon.inventory import Inventory
from pylb.addon.iproute import Machine
from pylb.core.model import Address
from pylb.core.ranges import Network, Range

ASSUMED_BITS = {4: 24, 6: 64}  # of a subnet whose prefix length nobody tells
MAX_ASKED = 256  # addresses that one sweep asks for
MAX_BLOCKS = 4  # that are asked for about one range
PROXY_LEAST = 16  # answers of one MAC, more than half of those asked: it answers for everything


@dataclass(frozen=True, slots=True)
class Survey:
    """The facts, the MACs of the cluster's nodes as far as this machine knows them, and what could not be found out."""

    facts: Facts
    notes: tuple[str, ...] = ()
    node_macs: Mapping[str, str] | None = None  # MAC -> node

    def asked(self, span: Range, answers: Mapping[Address, str], obstacle: str = "") -> Survey:
        """The same survey after everybody was asked for the addresses of a range, or nobody could be."""
        if obstacle:
            return self.noted(f"nobody was asked whether {span} is in use: {obstacle}")
        proxy = proxy_of(answers, span.size)
        if proxy:
            note = f"{proxy} answers for every address (proxy ARP): who is there cannot be told"
            return self.noted(note)
        nodes = {one.address: one.name for one in self.facts.held if one.use is Use.NODE}
        names = {**(self.node_macs or {}), **{mac: nodes[one] for one, mac in answers.items() if one in nodes}}
        seen = [Held(one, Use.NEIGHBOUR, _node_hint(names.get(mac, "")), mac) for one, mac in sorted_items(answers)]
        return replace(self, facts=self.facts.learned(seen, span), node_macs=names)

    def noted(self, note: str) -> Survey:
        """The same survey with one more note."""
        return self if note in self.notes else replace(self, notes=(*self.notes, note))


def sorted_items(answers: Mapping[Address, str]) -> list[tuple[Address, str]]:
    """Answers by address."""
    return sorted(answers.items(), key=lambda one: int(one[0]))


def proxy_of(answers: Mapping[Address, str], asked: int) -> str:
    """The MAC of a router that answers for whatever is asked; "" if there is none."""
    if not answers:
        return ""
    mac, count = Counter(answers.values()).most_common(1)[0]
    return mac if count >= PROXY_LEAST and 2 * count > asked else ""


def survey(inventory: Inventory, machine: Machine) -> Survey:
    """What is known before anybody on the LAN is asked."""
    subnets, notes = _subnets([one.address for one in inventory.nodes], machine)
    macs = {one.address: one.mac for one in machine.neighbours}
    node_macs = {macs[one.address]: one.name for one in inventory.nodes if one.address in macs}
    own = [address for interface in machine.interfaces for address in interface.addresses]
    services = {one.address for one in inventory.services}
    local = [Held(one.ip, Use.NODE, HERE) for one in own if not _known(one.ip, inventory) and one.ip not in services]
    gateways = [Held(one, Use.GATEWAY) for one in machine.gateways if not _known(one, inventory)]
    lately = [
        Held(one.address, Use.NEIGHBOUR, LATELY, one.mac)
        for one in machine.neighbours
        if one.mac not in node_macs and not _known(one.address, inventory) and one.address not in machine.gateways
    ]
    held = (*inventory.nodes, *inventory.virtual, *gateways, *local, *inventory.services, *lately)
    leases = tuple(one for interface in machine.interfaces for one in interface.leased)
    return Survey(Facts(subnets, held, inventory.taken(), leases), tuple(notes), node_macs)


def window(span: Range, subnet: Network) -> Range:
    """The addresses to ask for around a range: the block of 256 that it begins in, as far as the subnet goes."""
    make = type(span.first)
    if span.version == 6:
        return Range(span.first, make(min(int(span.last), int(span.first) + MAX_ASKED - 1)))
    start = max(int(span.first) // MAX_ASKED * MAX_ASKED, int(subnet[0]))
    end = min(start + MAX_ASKED - 1, int(subnet[-1]))
    return Range(make(start), make(end))


def blocks(span: Range, subnet: Network) -> list[Range]:
    """What to ask for about a range: the blocks of 256 that it is in, as far as they are of the subnet."""
    home, make = span_of(subnet), type(span.first)
    if not home.overlaps(span):
        return []
    first, last = max(int(span.first), int(home.first)), min(int(span.last), int(home.last))
    found: list[Range] = []
    while first <= last and len(found) < MAX_BLOCKS:
        block = window(Range(make(first), make(last)), subnet)
        found.append(block)
        first = int(block.last) + 1
    return found


def _node_hint(node: str) -> str:
    return f"the node {node}" if node else ""


def _known(address: Address, inventory: Inventory) -> bool:
    return any(one.address == address for one in (*inventory.nodes, *inventory.virtual))


def _subnets(nodes: Iterable[Address], machine: Machine) -> tuple[tuple[Network, ...], list[str]]:
    found: dict[Network, None] = {}
    assumed: dict[Network, None] = {}
    for address in nodes:
        home = machine.home(address)
        if home is not None:
            found[home[1]] = None
        elif not any(address in subnet for subnet in (*found, *assumed)):
            assumed[ip_network((address, ASSUMED_BITS[address.version]), strict=False)] = None
    guessed = [one for one in assumed if not any(one.overlaps(subnet) for subnet in found if _same(one, subnet))]
    notes = [f"this machine is not on {one}; that the nodes' network is that large is assumed" for one in guessed]
    if not found and not guessed:
        notes.append("no node tells its address, so the nodes' network is not known")
    return (*found, *guessed), notes


def _same(one: Network, other: Network) -> bool:
    return one.version == other.version
