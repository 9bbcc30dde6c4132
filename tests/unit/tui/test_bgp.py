"""BGP: peers with and without an object, what is announced to whom, and an honest word where nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import tui_source as fake
from pylb.tui import words
from pylb.tui.facts import Kind
from pylb.tui.objects import BgpAdvert, BgpPeer, BgpStatus
from pylb.tui.pages import bgp
from pylb.tui.pages.look import Look
from pylb.tui.state import State
from pylb.tui.store import fold_all

ROUTER = BgpPeer("router", "192.168.1.1", 64512, 64500)
STATUSES = {
    "a": BgpStatus("lab/echo", "rpi2", ("router",)),
    "b": BgpStatus("lab/echo", "rpi1", ("router", "gone")),
    "c": BgpStatus("web/[x]", "rpi1", ()),
}


def look(width: int = 100, **changes: object) -> Look:
    state = replace(fold_all(State(), fake.homelab()), **changes)  # type: ignore[arg-type] - tables of State
    return Look(state, fake.NOW, width, 30, words.UNICODE)


def test_a_peer_tells_its_nodes_and_one_without_an_object_is_there() -> None:
    found = {row.key: row for row in bgp.peers(look(peers={"r": ROUTER}, bgp=STATUSES))}
    assert found["router"] == bgp.PeerRow("router", "192.168.1.1", 64512, 64500, ("rpi1", "rpi2"), 1)
    assert found["gone"] == bgp.PeerRow("gone", "", 0, 0, ("rpi1",), 1)


def test_a_service_tells_its_addresses_nodes_and_peers() -> None:
    echo, other = bgp.routes(look(peers={"r": ROUTER}, bgp=STATUSES))
    assert echo == bgp.RouteRow("lab/echo", ("192.168.1.247",), ("rpi1", "rpi2"), ("gone", "router"))
    assert (other.addresses, other.peers) == ((), ())
    assert bgp.ROUTES.selection(echo).service == "echo"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_every_cell_fits(width: int) -> None:
    seen = look(width, peers={"r": ROUTER}, bgp=STATUSES)
    for listing, rows in ((bgp.PEERS, bgp.peers(seen)), (bgp.ROUTES, bgp.routes(seen))):
        columns = listing.columns(seen, width - 3, rows)  # type: ignore[arg-type] - each with its own rows
        assert sum(column.width + 1 for column in columns) <= width - 3
        for row in rows:
            cells = listing.cells(row, columns, seen.glyphs)  # type: ignore[arg-type] - each with its own rows
            assert all(len(cell.text) <= column.width for cell, column in zip(cells, columns, strict=True))


def told(seen: Look) -> str:
    return " ".join(words.plain(line) for line in bgp.remark(seen))


def test_what_the_tables_cannot_tell() -> None:
    assert "No BGP here" in told(look())
    assert "2 BGPAdvertisements, but no BGPPeer" in told(look(bgp_adverts={"a": BgpAdvert("a"), "b": BgpAdvert("b")}))
    assert "No speaker says" in told(look(peers={"r": ROUTER}))
    assert "the router knows" in told(look(peers={"r": ROUTER}, bgp=STATUSES))
    assert "may not be read: no rights" in told(look(denied={Kind.PEER: "no rights"}))
