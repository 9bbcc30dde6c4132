"""The map: who has which address of each pool, what is folded, and where the cursor goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import tui_source as fake
from fakes import world
from pylb.core.model import Node, NodeName
from pylb.core.ranges import parse_address
from pylb.tui import filters, words
from pylb.tui.facts import ConfigSeen, Kind, ObjectChanged
from pylb.tui.pages import map
from pylb.tui.pages.grid import Grid, Place
from pylb.tui.pages.look import Look
from pylb.tui.state import State
from pylb.tui.store import fold_all


def look(*ranges: str, used: tuple[str, ...] = (), width: int = 100, **options: object) -> Look:
    """The homelab, or, with ranges, one pool of them and a Service for each used address."""
    if not ranges:
        return Look(fold_all(State(), fake.homelab()), fake.NOW, width, 30, words.ASCII)
    facts = [ConfigSeen(world.configured(world.pool("p", *ranges, **options)))]
    changes = [fake.change("web", f"s{place}", address) for place, address in enumerate(used)]
    return Look(fold_all(State(), [*facts, *changes]), fake.NOW, width, 30, words.ASCII)


def drawn(found: Grid, width: int = 95, typed: str = "") -> list[str]:
    return [words.plain(line) for line in map.lines(found, "", width, words.ASCII, filters.parse(typed))]


def test_a_pool_is_a_heading_and_rows_of_sixteen() -> None:
    text = drawn(map.grid(look()))
    assert text[0] == "pool default   192.168.1.240-.250   8 used, 3 free"
    assert text[1].split() == [".240", "PP", "PP", "AA", "P!", "AA", "AA", "P2", "AA", "..", "..", ".."]


def test_an_address_stands_in_its_column() -> None:
    [_, line] = drawn(map.grid(look("192.0.2.5-192.0.2.6", used=("192.0.2.6",))))
    assert line.index("..") == map.LABEL + 5 * map.CELL + 1
    assert line.index("AA") == map.LABEL + 6 * map.CELL + 1


@pytest.mark.parametrize(
    ("ranges", "used", "rows"),
    [
        ("10.0.0.0/24", (), [".0", "fold 15"]),
        ("10.0.0.0/24", ("10.0.0.255",), [".0", "fold 14", ".240"]),
        ("10.0.0.0/26", (), [".0", "fold 3"]),
        ("10.0.0.0-10.0.0.40", (), [".0", ".16", ".32"]),
        ("10.0.0.0/8", ("10.9.0.1",), [".0", "fold 36k", ".0", "fold 1M"]),
        ("fd00::/64", ("fd00::ff",), ["::0", "fold 14", "::f0", "fold"]),
    ],
)
def test_what_nobody_has_is_folded_and_never_counted_out(ranges: str, used: tuple[str, ...], rows: list[str]) -> None:
    text = [line.replace("(", "fold ").split() for line in drawn(map.grid(look(ranges, used=used)))[1:]]
    for line, wanted in zip(text, rows, strict=True):
        assert line[: len(wanted.split())] == wanted.split()


def test_own_addresses_of_nodes_and_the_avoided_are_no_free_ones() -> None:
    node = Node(NodeName("n1"), internal_ips=(parse_address("10.0.0.3"),))
    seen = look("10.0.0.0-10.0.0.4", avoidBuggyIPs=True)
    seen = Look(fold_all(seen.state, [ObjectChanged(Kind.NODE, "n1", node)]), fake.NOW, 100, 30, words.ASCII)
    found = map.grid(seen)
    assert drawn(found)[1].split()[1:] == ["xx", "..", "..", "NN", ".."]
    assert [map.record(place)["free"] for run in found.runs for place in run.places if place] == [
        False,
        True,
        True,
        False,
        True,
    ]


def test_without_a_configuration_it_says_so() -> None:
    assert "no valid configuration" in drawn(map.grid(Look(State(), 0.0, 80, 24, words.ASCII)))[0]
    empty = Look(fold_all(State(), [ConfigSeen(world.configured())]), 0.0, 80, 24, words.ASCII)
    assert "no pool is there" in drawn(map.grid(empty))[0]


def moved(found: Grid, start: str, down: int, right: int) -> str:
    place = found.moved(start, down, right)
    assert place is not None
    return place.address


def test_the_cursor_skips_what_is_no_address() -> None:
    found = map.grid(look("10.0.0.30-10.0.0.50", "10.0.9.3/32"))
    assert moved(found, "10.0.0.30", 0, 1) == "10.0.0.31"
    assert moved(found, "10.0.0.31", 0, 1) == "10.0.0.32"
    assert moved(found, "10.0.0.30", 0, -1) == "10.0.0.30"
    assert moved(found, "10.0.0.31", 1, 0) == "10.0.0.47"
    assert moved(found, "10.0.0.47", 1, 0) == "10.0.0.50"  # the nearest of a shorter row
    assert moved(found, "10.0.0.50", 1, 0) == "10.0.9.3"
    assert moved(found, "10.0.9.3", 8, 0) == "10.0.9.3"
    assert moved(found, "gone", 0, 1) == "10.0.0.30"


def test_it_begins_at_an_address_that_is_used() -> None:
    first = map.grid(look("10.0.0.0/28", used=("10.0.0.7",))).first()
    assert first is not None
    assert first.address == "10.0.0.7"
    assert Grid(()).first() is None


def test_what_is_known_of_the_selected_one() -> None:
    seen = look()
    found = map.grid(seen)

    def told(address: str) -> str:
        at = found.find(address)
        assert at is not None
        return "\n".join(words.plain(line) for line in map.about(found.runs[at[0]].places[at[1]], seen, 300))

    assert "home/homeassistant  pinned  announced by rpi2" in told("192.168.1.241")
    assert "owner lost" in told("192.168.1.241")
    assert told("192.168.1.250") == "192.168.1.250  pool default  free"
    assert map.about(None, seen, 80) == ()


@pytest.mark.parametrize("width", [55, 75, 195])
def test_every_line_fits(width: int) -> None:
    seen = look()
    found = map.grid(seen)
    assert all(len(line) <= width for line in drawn(found, width))
    for place in map.used(found):
        assert all(len(words.plain(line)) <= width for line in map.about(place, seen, width))


def test_the_filter_finds_services_and_free_addresses() -> None:
    found = map.grid(look())
    places = [place for run in found.runs for place in run.places if place is not None]

    def kept(typed: str) -> set[str]:
        return {place.address for place in places if map.passes(place, filters.parse(typed))}

    assert kept("svc:nginx") == {"192.168.1.240"}
    assert kept("st:free pool:default") == {"192.168.1.248", "192.168.1.249", "192.168.1.250"}


def test_a_place_is_as_bad_as_its_worst_service() -> None:
    rows = {row.address: row for row in look().services}
    shared = Place("192.168.1.240", "default", (rows["192.168.1.240"], replace(rows["192.168.1.243"])))
    assert (shared.sign, shared.tone) == ("P!", "bad")
