"""Nodes: who announces what, who is next, why a node is out, and what its loss would do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import tui_source as fake
from fakes import world
from pylb.core import events
from pylb.core.model import Endpoint, EndpointSlice, Node, NodeName, ServiceKey
from pylb.core.ownership.election import EXCLUDE_LABEL
from pylb.tui.facts import (
    ConfigSeen,
    ControllerHeard,
    Fact,
    Held,
    Kind,
    Listed,
    Member,
    ObjectChanged,
    Online,
    Seat,
    Snapshot,
    SpeakerHeard,
    SpeakerSilent,
)
from pylb.tui.pages import loss, matrix, nodes
from pylb.tui.pages.listing import Query, pick
from pylb.tui.pages.look import Look
from pylb.tui.pages.matrix import MATRIX, MatrixRow
from pylb.tui.pages.nodes import SPEAKERS, Health, NodeRow
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.words import ASCII, UNICODE, clock, plain

NOW = fake.NOW
LAN = world.pool("lan", "10.0.0.0/24")
NAMES = ("n1", "n2", "n3")


def look(*facts: Fact, width: int = 120) -> Look:
    return Look(fold_all(State(), facts), NOW, width, 40, UNICODE)


def rows(*facts: Fact) -> dict[str, MatrixRow]:
    return {row.address: row for row in matrix.matrix(look(*facts))}


def signs(row: MatrixRow) -> dict[str, str]:
    return {place.node: place.sign for place in row.places}


def node(name: str, **options: object) -> ObjectChanged:
    return ObjectChanged(Kind.NODE, name, Node(NodeName(name), **options))  # type: ignore[arg-type]


def speaker(name: str, *held: Held, alive: tuple[str, ...] = NAMES, **options: object) -> SpeakerHeard:
    members = tuple(Member(other, other in alive) for other in NAMES if other != name)
    snapshot = Snapshot(name, "1", "0.1.0", "active", members, held)
    return SpeakerHeard(NOW, replace(snapshot, **options))  # type: ignore[arg-type]


def held(owner: str, me: str, order: tuple[str, ...] = NAMES, **options: object) -> Held:
    return Held("10.0.0.1", owner, owner == me, order, **options)  # type: ignore[arg-type]


def cluster(owner: str = "n2", order: tuple[str, ...] = NAMES, **options: object) -> list[Fact]:
    """Three nodes, one address."""
    told = [speaker(name, held(owner, name, order, **options)) for name in NAMES]
    return [Online(NOW), fake.change("web", "blog", "10.0.0.1"), *map(node, NAMES), *told]


def test_the_owner_and_the_line_after_it() -> None:
    row = rows(*cluster("n2", ("n3", "n2", "n1")))["10.0.0.1"]
    assert signs(row) == {"n1": "2", "n2": "[A]", "n3": "1"}
    assert (row.owners, row.line, row.next) == (("n2",), ("n3", "n1"), "n3")
    assert plain(MATRIX.remark(row, 80, ASCII)) == " 10.0.0.1  n2 announces it, then n3, n1"


def test_why_nodes_are_out_of_line() -> None:
    out = (("n1", "no_endpoint_on_node"), ("n3", "node_drains"))
    row = rows(*cluster("n2", ("n2",), excluded=out))["10.0.0.1"]
    assert signs(row) == {"n1": "-", "n2": "[A]", "n3": "d"}
    assert row.next == "NONE"
    said = plain(MATRIX.remark(row, 200, ASCII))
    assert "and nobody after; n1: the traffic policy is Local" in said
    assert "n3: the node is drained" in said


def test_a_silent_speaker_is_out_and_its_peers_word_counts() -> None:
    facts = cluster("n2", ("n1", "n2", "n3"))[:-1]  # n3 is not heard by us
    facts += [
        SpeakerSilent(NOW, "n3", "it does not answer"),
        *(speaker(n, held("n2", n), alive=("n1", "n2")) for n in ("n1", "n2")),
    ]
    row = rows(*facts)["10.0.0.1"]
    assert signs(row)["n3"] == "x"
    assert row.line == ("n1",)


def test_two_announcers_are_both_marked() -> None:
    facts = cluster("n2")
    facts[-1] = speaker("n3", Held("10.0.0.1", "n3", True, NAMES))
    later = Look(
        fold_all(State(), [*facts, *(replace(one, at=NOW + 9) for one in facts[-3:])]), NOW + 9, 120, 40, UNICODE
    )  # type: ignore[type-var]
    [row] = matrix.matrix(later)
    assert signs(row) == {"n1": "1", "n2": "[A]!", "n3": "[A]!"}
    assert row.word.name == "CONF"


def test_who_stands_in() -> None:
    told = [
        speaker("n1", held("n3", "n1", standing="n3"), alive=("n1", "n2")),
        speaker("n2", held("n3", "n2"), alive=("n1", "n2")),
    ]
    row = rows(Online(NOW), fake.change("web", "blog", "10.0.0.1"), *map(node, NAMES), *told)["10.0.0.1"]
    assert signs(row) == {"n1": "S", "n2": "2", "n3": "(A)"}


def test_without_speakers_the_line_is_elected_from_the_objects() -> None:
    """A plain MetalLB cluster: its CRs, its nodes and the ServiceL2Status."""
    slices = EndpointSlice("web/blog-x", ServiceKey("web/blog"), tuple(Endpoint(NodeName(n), True) for n in NAMES))
    facts: list[Fact] = [
        Online(NOW),
        ConfigSeen(world.configured(LAN)),
        fake.change("web", "blog", "10.0.0.1"),
        node("n1"),
        node("n2"),
        node("n3", labels={EXCLUDE_LABEL: ""}),
        ObjectChanged(Kind.SLICE, slices.key, slices),
        Listed(Kind.SLICE),
        fake.status("web/blog", "n2", NOW - 100),
    ]
    row = rows(*facts)["10.0.0.1"]
    assert signs(row) == {"n1": "1", "n2": "[A]", "n3": "-"}
    assert not row.told
    assert "elected here" in plain(MATRIX.remark(row, 200, ASCII))


def test_nothing_known_says_so() -> None:
    row = rows(Online(NOW), fake.change("web", "blog", "10.0.0.1"), node("n1"))["10.0.0.1"]
    assert signs(row) == {"n1": "?"}
    assert matrix.matrix(look()) == ()
    assert nodes.speakers(look(), ()) == ()


def test_shared_addresses_are_one_row() -> None:
    found = {row.address: row for row in matrix.matrix(look(*fake.homelab()))}
    assert found["192.168.1.246"].shown == "dns/pihole-tcp +1"
    assert len(found) == 10


def test_problems_come_first_and_addresses_sort_as_numbers() -> None:
    found = matrix.matrix(look(*fake.homelab()))
    assert [row.word.name for row in found[:3]] == ["CONF", "NOAN", "MOVE"]
    by_address = pick(MATRIX, found, Query(order="address"))
    assert [row.address for row in by_address][:2] == ["192.168.1.240", "192.168.1.241"]
    assert by_address[-1].address == "fd00:10::102"
    assert [row.address for row in pick(MATRIX, found, Query("node:rpi1"))] == ["192.168.1.240", "192.168.1.246"]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_cells_fit_their_columns(width: int, glyphs: object) -> None:
    long = fake.change("n" * 60, "s" * 63, "10.0.0.77")
    seen = look(*fake.homelab(), long, node("a-node-with-a-very-long-name.example.org"), width=width)
    found = matrix.matrix(seen)
    for listing, shown in ((MATRIX, found), (SPEAKERS, nodes.speakers(seen, found))):
        columns = listing.columns(seen, width - 3, shown)  # type: ignore[arg-type]
        for row in shown:
            cells = listing.cells(row, columns, ASCII)  # type: ignore[arg-type]
            assert all(len(cell.text) <= column.width for cell, column in zip(cells, columns, strict=True))
        assert sum(column.width + 1 for column in columns) <= width - 3


def by_name(*facts: Fact) -> dict[str, NodeRow]:
    seen = look(*facts)
    return {row.key: row for row in nodes.speakers(seen, matrix.matrix(seen))}


def test_speakers_with_what_they_have_and_could_have() -> None:
    found = by_name(*cluster("n2"))
    assert [found[name].announces for name in NAMES] == [0, 1, 0]
    assert [found[name].eligible for name in NAMES] == [1, 1, 1]
    assert found["n1"].heard == "2/2"
    assert {row.health for row in found.values()} == {Health.OK}


@pytest.mark.parametrize(
    ("fact", "health", "told"),
    [
        (node("n1", ready=False), Health.NOTREADY, "NotReady"),
        (node("n1", drained=True), Health.ODD, "drained"),
        (node("n1", network_unavailable=True), Health.ODD, "network unavailable"),
        (node("n1", labels={EXCLUDE_LABEL: ""}), Health.ODD, "excluded by label"),
        (speaker("n1", stale=True), Health.ODD, "works with an old configuration"),
        (speaker("n1", strangers=(("n9", 3.0),)), Health.ODD, "shares no key with n9"),
        (speaker("n1", version="0.2.0"), Health.ODD, "version 0.2.0, others 0.1.0"),
        (speaker("n1", held("n1", "n1", provisional=True)), Health.ODD, "1 held without a witness"),
        (speaker("n1", held("n3", "n1", standing="n3")), Health.ODD, "answers for n3 (1)"),
        (ObjectChanged(Kind.NODE, "n1", None), Health.GONE, "no node of the cluster"),
    ],
)
def test_what_is_odd_about_a_node(fact: Fact, health: Health, told: str) -> None:
    row = by_name(*cluster("n2"), fact)["n1"]
    assert row.health is health
    assert told in row.flags


def test_the_leader_is_named_and_is_nothing_odd() -> None:
    seat = Seat("pylb-system/c1", "n1", leads=True)
    row = by_name(*cluster("n2"), ControllerHeard(NOW, {}, seat))["n1"]
    assert row.flags == (nodes.LEADS,)
    assert row.health is Health.OK


def test_a_lost_speaker_says_since_when_and_why() -> None:
    down = events.MemberDown(NOW - 120, "n3", "n1", "missed_beats", 400.0)
    others = [speaker(name, held("n2", name), alive=("n1", "n2")) for name in ("n1", "n2")]
    found = by_name(*cluster("n2")[:-3], *others, node("n3"), down, SpeakerSilent(NOW - 100, "n3", "refused"), *others)
    row = found["n3"]
    assert (row.health, row.says, row.heard) == (Health.SILENT, "silent", "0/2")
    assert row.flags[0] == f"not heard since {clock(NOW - 120)}: missed beats"
    assert next(iter(found)) == "n3"


def test_a_loss_moves_each_address_to_its_next() -> None:
    found = matrix.matrix(look(*fake.homelab()))
    gone = loss.simulate(found, "rpi3", ["rpi1", "rpi2", "rpi3"])
    assert {row.key: row.to for row in gone.rows}["192.168.1.244"] == "rpi1"
    assert gone.after == {"rpi1": (6, 4), "rpi2": (3, 0)}
    assert all(row.then == "rpi2" for row in gone.rows)
    assert gone.warnings == ()


def test_a_loss_that_leaves_addresses_to_nobody_warns_first() -> None:
    found = matrix.matrix(look(*cluster("n2", ("n2",))))
    gone = loss.simulate(found, "n2", ["n1", "n2"])
    assert [row.to for row in gone.rows] == [""]
    assert gone.warnings == (
        "1 of its addresses would be announced by nobody",
        "n1 would be the only speaker left: with nobody to stand in for it",
    )
    assert loss.simulate(found, "n2", ["n2"]).warnings[-1] == "no speaker would be left"
    spare = matrix.matrix(look(*cluster("n2", ("n2", "n1"))))
    assert loss.simulate(spare, "n2", NAMES).rows[0].note == "its last spare"
    assert loss.simulate(spare, "n1", NAMES).warnings == ("1 addresses of other nodes would have no spare any more",)


@pytest.mark.parametrize("width", [56, 76, 106])
def test_what_is_said_below_a_loss_fits(width: int) -> None:
    seen = look(*fake.homelab())
    gone = loss.simulate(matrix.matrix(seen), "rpi3", ["rpi1", "rpi2", "rpi3"])
    told = [plain(line) for line in loss.lines(gone, seen, width)]
    assert told[0].startswith("then: rpi1 6 (+4)")
    assert all(len(line.rstrip()) <= width for line in told[1:])
    assert "30 s" in " ".join(told)
