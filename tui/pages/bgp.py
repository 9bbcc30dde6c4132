"""BGP: peers, which nodes are to announce to each, and what; from BGPPeers and ServiceBGPStatus objects. Pure.

Those say what is configured, not whether a session stands; what a speaker says of its sessions has its place here, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pylb.tui.addresses import number
from pylb.tui.exports import Record
from pylb.tui.facts import Kind
from pylb.tui.pages.listing import FLEX, Cells, Column, Listing, Order, spread
from pylb.tui.pages.look import Look
from pylb.tui.seams import Selection
from pylb.tui.words import Glyphs, Line, Span, fit

UNKNOWN = "?"
FULL_FROM = 80  # cells of the terminal
WITHOUT_OBJECT = "no BGPPeer of this name"


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A BGPPeer, or a peer that is announced to without one."""

    key: str
    address: str
    asn: int
    own_asn: int
    nodes: tuple[str, ...]  # that are to announce to it
    services: int


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A Service that is announced by BGP."""

    key: str  # NAMESPACE/NAME
    addresses: tuple[str, ...]
    nodes: tuple[str, ...]
    peers: tuple[str, ...]


def peers(look: Look) -> tuple[PeerRow, ...]:
    """All peers, by name."""
    nodes: dict[str, set[str]] = defaultdict(set)
    services: dict[str, set[str]] = defaultdict(set)
    for status in look.state.bgp.values():
        for told in status.peers:
            nodes[told].add(status.node)
            services[told].add(status.service)
    known = {peer.name: peer for peer in look.state.peers.values()}
    found = []
    for name in sorted({*known, *nodes}):
        peer = known.get(name)
        address, asn, own = (peer.address, peer.asn, peer.own_asn) if peer is not None else ("", 0, 0)
        found.append(PeerRow(name, address, asn, own, tuple(sorted(nodes[name])), len(services[name])))
    return tuple(found)


def routes(look: Look) -> tuple[RouteRow, ...]:
    """All Services that are announced by BGP, by name."""
    nodes: dict[str, set[str]] = defaultdict(set)
    to: dict[str, set[str]] = defaultdict(set)
    for status in look.state.bgp.values():
        nodes[status.service].add(status.node)
        to[status.service].update(status.peers)
    found = []
    for key in sorted(nodes):
        dated = look.state.services.get(key)
        addresses = dated.service.ingress if dated is not None else ()
        found.append(RouteRow(key, addresses, tuple(sorted(nodes[key])), tuple(sorted(to[key]))))
    return tuple(found)


def remark(look: Look) -> tuple[Line, ...]:
    """What the tables cannot tell."""
    state = look.state
    if Kind.PEER in state.denied:
        return ((Span(f"BGPPeers may not be read: {state.denied[Kind.PEER]}", "warn"),),)
    if state.bgp:
        return ((Span("What is configured. Whether a session stands, the router knows; no speaker tells.", "dim"),),)
    if state.peers:
        return ((Span("No speaker says that it announces to these peers: pylb answers ARP and NDP so far.", "warn"),),)
    adverts = len(state.bgp_adverts)
    there = f"{adverts} BGPAdvertisement{'s' * (adverts != 1)}, but no BGPPeer. " if adverts else ""
    return ((Span(f"{there}No BGP here: addresses are announced on the LAN itself, by ARP and NDP."),),)


def _peer_columns(look: Look, room: int, rows: Sequence[PeerRow]) -> tuple[Column, ...]:
    numbers = (Column("asn", "AS", 10), Column("own", "OUR AS", 10)) if look.width >= FULL_FROM else ()
    return spread(
        (
            Column("peer", " PEER", 20),
            Column("ip", "ADDRESS", 18),
            *numbers,
            Column("svc", "SVCS", 4),
            Column("node", "NODES", FLEX),
        ),
        room,
    )


def _peer_cells(row: PeerRow, columns: tuple[Column, ...], glyphs: Glyphs) -> Cells:
    known = {
        "peer": Span(f" {row.key}"),
        "ip": Span(row.address or WITHOUT_OBJECT, "" if row.address else "warn"),
        "asn": Span(str(row.asn or UNKNOWN), "dim"),
        "own": Span(str(row.own_asn or UNKNOWN), "dim"),
        "svc": Span(f"{row.services:>4}", "info" if row.services else "dim"),
        "node": Span(", ".join(row.nodes) or "none", "" if row.nodes else "warn"),
    }
    return tuple(Span(fit(known[one.key].text, one.width, glyphs), known[one.key].tone) for one in columns)


def _peer_record(row: PeerRow) -> Record:
    return {
        "peer": row.key,
        "address": row.address or None,
        "asn": row.asn or None,
        "own_asn": row.own_asn or None,
        "nodes": list(row.nodes),
        "services": row.services,
    }


PEERS: Listing[PeerRow] = Listing(
    name="bgp-peers",
    title="PEERS",
    empty="no BGPPeer is there",
    key=lambda row: row.key,
    fields=lambda row: {"peer": row.key, "ip": row.address, "node": " ".join(row.nodes), "asn": str(row.asn)},
    orders=(
        Order("name", lambda row: row.key, ("peer",)),
        Order("address", lambda row: number(row.address), ("ip",)),
        Order("most Services", lambda row: (-row.services, row.key), ("svc",)),
    ),
    columns=_peer_columns,
    cells=_peer_cells,
    record=_peer_record,
    selection=lambda row: Selection(address=row.address),
    remarks=True,
)


def _route_columns(look: Look, room: int, rows: Sequence[RouteRow]) -> tuple[Column, ...]:
    return spread(
        (
            Column("svc", " SERVICE", 28 if look.width >= FULL_FROM else 18),
            Column("ip", "ADDRESS", 18),
            Column("peer", "PEERS", 20 if look.width >= FULL_FROM else 8),
            Column("node", "NODES", FLEX),
        ),
        room,
    )


def _route_cells(row: RouteRow, columns: tuple[Column, ...], glyphs: Glyphs) -> Cells:
    known = {
        "svc": Span(f" {row.key}"),
        "ip": Span(", ".join(row.addresses) or "-"),
        "peer": Span(", ".join(row.peers) or "none", "" if row.peers else "warn"),
        "node": Span(", ".join(row.nodes)),
    }
    return tuple(Span(fit(known[one.key].text, one.width, glyphs), known[one.key].tone) for one in columns)


def _route_selection(row: RouteRow) -> Selection:
    namespace, _, name = row.key.partition("/")
    return Selection(namespace, name, row.addresses[0] if row.addresses else "", row.nodes[0] if row.nodes else "")


ROUTES: Listing[RouteRow] = Listing(
    name="bgp-services",
    title="ANNOUNCED BY BGP",
    empty="no Service is announced by BGP",
    key=lambda row: row.key,
    fields=lambda row: {
        "svc": row.key,
        "ns": row.key.partition("/")[0],
        "ip": " ".join(row.addresses),
        "peer": " ".join(row.peers),
        "node": " ".join(row.nodes),
    },
    orders=(
        Order("name", lambda row: row.key, ("svc",)),
        Order("address", lambda row: number(row.addresses[0] if row.addresses else ""), ("ip",)),
        Order("peers", lambda row: (row.peers, row.key), ("peer",)),
    ),
    columns=_route_columns,
    cells=_route_cells,
    record=lambda row: {
        "service": row.key,
        "addresses": list(row.addresses),
        "nodes": list(row.nodes),
        "peers": list(row.peers),
    },
    selection=_route_selection,
    remarks=True,
)
