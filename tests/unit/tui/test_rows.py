"""The table of Services: which word each row gets, where the evidence comes from, and in which order rows stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fakes import tui_source as fake
from fakes import world
from pylb.core import events
from pylb.core.model import Node, NodeName
from pylb.tui import holders, rows
from pylb.tui.facts import (
    ConfigSeen,
    Fact,
    Held,
    Kind,
    Listed,
    Member,
    Note,
    ObjectChanged,
    Offline,
    Online,
    Snapshot,
    SpeakerHeard,
    SpeakerSilent,
)
from pylb.tui.rows import ServiceRow
from pylb.tui.state import State
from pylb.tui.store import fold_all

NOW = fake.NOW
IP = "192.168.1.240"
KEY = "home/mqtt"
SERVICE = fake.change("home", "mqtt", IP, created=NOW - 3600)
PENDING = fake.change("home", "mqtt", created=NOW - 60)
CONFIG = ConfigSeen(world.configured(world.pool("default", "192.168.1.240-192.168.1.250")))
UNANNOUNCED = ConfigSeen(world.configured(world.pool("default", "192.168.1.240/28"), adverts=()))
LISTED = Listed(Kind.STATUS)


def heard(node: str, owner: str, at: float = NOW, alive: Sequence[str] = ("n1", "n2", "n3"), **more: object) -> Fact:
    """A speaker that says who owns the address."""
    held = Held(IP, owner, owner == node, candidates=("n1", "n2", "n3"), **more)  # type: ignore[arg-type]
    members = tuple(Member(name, True) for name in alive if name != node)
    return SpeakerHeard(at, Snapshot(node, members=members, addresses=(held,)))


def row(*facts: Fact, now: float = NOW) -> ServiceRow:
    """The one row that these facts make."""
    (only,) = rows.services(fold_all(State(), [CONFIG, *facts]), now)
    return only


def node(name: str, ready: bool = True) -> Fact:
    return ObjectChanged(Kind.NODE, name, Node(NodeName(name), ready=ready))


def note(reason: str, text: str, at: float = NOW) -> Fact:
    return ObjectChanged(Kind.NOTE, f"{reason}{at}", Note(at, KEY, True, reason, text))


THREE = [heard("n1", "n1"), heard("n2", "n1"), heard("n3", "n1")]
WORDS: list[tuple[str, list[Fact], str, str, str]] = [  # case, facts, word, node, part of why
    ("claimed by its speaker", [SERVICE, *THREE], "OK", "n1", "next: n2, n3"),
    ("known by another speaker only", [SERVICE, heard("n2", "n1")], "OK", "n1", "next: n2, n3"),
    ("by its status", [SERVICE, LISTED, fake.status(KEY, "n2", NOW - 90)], "OK", "n2", ""),
    ("by its status before listing", [SERVICE, fake.status(KEY, "n2", NOW - 90)], "OK", "n2", ""),
    ("speakers before statuses", [SERVICE, LISTED, fake.status(KEY, "n2", NOW - 90), *THREE], "OK", "n1", ""),
    ("guessed from an event", [SERVICE, note("nodeAssigned", 'announcing from node "n3" with …')], "OK", "n3?", ""),
    ("cannot be told", [SERVICE], "OK", "?", "cannot be told"),
    ("pending", [PENDING], "PEND", "-", "has not answered"),
    ("pending, by its event", [PENDING, events.Pending(NOW, KEY, "no_pool", "the reason")], "PEND", "-", "the reason"),
    ("pending, by a Kubernetes Event", [PENDING, note("AllocationFailed", "no IPs left")], "PEND", "-", "no IPs left"),
    (
        "pending, the newer word counts",
        [PENDING, events.Pending(NOW - 9, KEY, "x", "older"), note("AllocationFailed", "newer", NOW - 3)],
        "PEND",
        "-",
        "newer",
    ),
    ("nobody", [SERVICE, LISTED], "NOAN", "none", "nobody announces it"),
    ("nobody, as speakers say", [SERVICE, heard("n1", "", reason="no_endpoint")], "NOAN", "none", "stands behind"),
    (
        "nobody may",
        [SERVICE, heard("n1", "", excluded=(("n1", "node_excluded"), ("n2", "odd_reason")))],
        "NOAN",
        "none",
        "n2: odd reason",
    ),
    ("no advertisement", [UNANNOUNCED, SERVICE, LISTED], "NOAN", "none", "no L2Advertisement selects pool default"),
    ("no pool", [fake.change("home", "mqtt", "10.9.9.9"), LISTED], "NOAN", "none", "in no pool"),
    ("node not ready", [SERVICE, *THREE, node("n1", ready=False)], "DEGR", "n1", "NotReady"),
    ("node is no more", [SERVICE, LISTED, fake.status(KEY, "n9", NOW - 90), node("n1")], "DEGR", "n9", "no node of"),
    (
        "speaker silent",
        [SERVICE, fake.status(KEY, "n1", NOW - 90), heard("n1", "n1"), SpeakerSilent(NOW, "n1", "gone")],
        "DEGR",
        "n1",
        "speaker is not heard",
    ),
    (
        "moved",
        [SERVICE, *THREE, events.Moved(NOW - 20, IP, "n2", "n1", (KEY,), "silent")],
        "MOVE",
        "n1",
        "moved here from n2",
    ),
    ("moved long ago", [SERVICE, *THREE, events.Moved(NOW - 61, IP, "n2", "n1", (KEY,), "silent")], "OK", "n1", ""),
    (
        "moved, by its statuses",
        [SERVICE, fake.status(KEY, "n2", NOW - 90), replace(fake.status(KEY, "n1", NOW - 9), key="b")],
        "CONF",
        "n1,n2!",
        "2 nodes",
    ),
    (
        "two statuses for a moment are a move",
        [SERVICE, fake.status(KEY, "n2", NOW - 90), fake.status(KEY, "n1", NOW - 3)],
        "MOVE",
        "n1",
        "from n2",
    ),
    (
        "two speakers claim it",
        [SERVICE, heard("n1", "n1", NOW - 6), heard("n2", "n2", NOW - 6), heard("n1", "n1"), heard("n2", "n2")],
        "CONF",
        "n1,n2!",
        "2 nodes announce it",
    ),
    (
        "one of two claimants is cut off",
        [SERVICE, *(heard(one, "n2", at, ("n2", "n3")) for one in ("n2", "n3") for at in (NOW - 9, NOW))]
        + [heard("n1", "n1", at, ()) for at in (NOW - 9, NOW)],
        "OK",
        "n2",
        "",
    ),
    ("a stranger", [SERVICE, *THREE, events.Conflict(NOW - 5, IP, "aa:bb", "n1")], "CONF", "n1!", "aa:bb"),
    ("a stranger long ago", [SERVICE, *THREE, events.Conflict(NOW - 61, IP, "aa:bb", "n1")], "OK", "n1", ""),
    (
        "flapping",
        [SERVICE, *THREE]
        + [events.Moved(NOW - 30 + n, IP, f"n{2 - n % 2}", f"n{1 + n % 2}", (KEY,), "silent") for n in range(3)],
        "FLAP",
        "n1",
        "3 times within a minute: look at",
    ),
]


@pytest.mark.parametrize(
    ("facts", "word", "shown", "why"), [case[1:] for case in WORDS], ids=[case[0] for case in WORDS]
)
def test_word(facts: list[Fact], word: str, shown: str, why: str) -> None:
    found = row(*facts)
    assert (found.word.name, found.node) == (word, shown)
    assert why in found.why


def test_an_old_snapshot_is_no_evidence() -> None:
    assert row(SERVICE, LISTED, heard("n1", "n1", NOW - holders.FRESH_S)).word is rows.Word.NOAN


def test_verdicts_stand_still_while_offline() -> None:
    """The truth of the last good byte: an outage makes no speaker stale and no row worse."""
    facts = [SERVICE, *THREE, Online(NOW), Offline(NOW + 5, "refused", NOW + 9)]
    assert row(*facts, now=NOW + 300) == row(SERVICE, *THREE, Online(NOW))


def test_after_an_outage_speakers_have_a_moment() -> None:
    facts = [SERVICE, *THREE, Online(NOW), Offline(NOW + 5, "refused", NOW + 9), Online(NOW + 300)]
    assert row(*facts, now=NOW + 301).word is rows.Word.OK
    assert row(*facts, now=NOW + 301 + holders.FRESH_S).node == "?"


@pytest.mark.parametrize(
    ("pin", "how", "source"),
    [
        ("", "auto", ""),
        (fake.SPEC, "pinned", "spec.loadBalancerIP"),
        ("metallb.io/loadBalancerIPs", "pinned", "metallb.io/loadBalancerIPs"),
        ("metallb.universe.tf/loadBalancerIPs", "pinned", "metallb.universe.tf/loadBalancerIPs"),
    ],
)
def test_pin_and_where_it_is_written(pin: str, how: str, source: str) -> None:
    found = row(fake.change("home", "mqtt", IP, pin), *THREE)
    assert (found.how, found.source) == (how, source)
    assert source in found.why


def test_problems_first_then_addresses_as_numbers() -> None:
    facts: list[Fact] = [CONFIG, LISTED, fake.change("z", "waits"), fake.change("a", "waits")]
    for name, address in (("nine", "192.168.1.249"), ("ten", "192.168.1.250"), ("forty", "192.168.1.240")):
        facts += [fake.change("home", name, address), fake.status(f"home/{name}", "n1", NOW - 90)]
    facts += [fake.change("home", "lost", "192.168.1.245"), fake.change("home", "v6", "fd00::1")]
    facts += [
        fake.status("home/v6", "n1", NOW - 90),
        fake.change("home", "two", "2.2.2.2"),
        fake.status("home/two", "n1", 1),
    ]
    found = rows.services(fold_all(State(), facts), NOW)
    assert [one.name for one in found] == ["waits", "waits", "lost", "two", "forty", "nine", "ten", "v6"]
    assert [one.namespace for one in found[:2]] == ["a", "z"]


def test_one_row_an_address_and_sharing_is_counted() -> None:
    both = replace(fake.service("home", "dual"), ingress=(IP, "fd00::1"))
    other = fake.change("dns", "udp", IP)
    facts = [CONFIG, ObjectChanged(Kind.SERVICE, "home/dual", both), other]
    found = rows.services(fold_all(State(), facts), NOW)
    assert [(one.name, one.address, one.shared) for one in found] == [
        ("udp", IP, 2),
        ("dual", IP, 2),
        ("dual", "fd00::1", 1),
    ]
    assert len({one.key for one in found}) == 3


def test_services_of_another_load_balancer_are_left_out() -> None:
    other = replace(fake.service("home", "mqtt"), load_balancer_class="other/lb")
    state = fold_all(State(), [CONFIG, ObjectChanged(Kind.SERVICE, KEY, other)])
    assert rows.services(state, NOW) == ()
    ours = replace(other, ingress=(IP,))
    assert len(rows.services(fold_all(state, [ObjectChanged(Kind.SERVICE, KEY, ours)]), NOW)) == 1


def test_since_and_age() -> None:
    found = row(SERVICE, *THREE, events.Claimed(NOW - 600, IP, "n1", (KEY,)))
    assert (found.since, found.age) == ("10m", "1h00")
    assert row(SERVICE, *THREE).since == "-"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", {"mqtt", "blog"}),
        ("MQTT", {"mqtt"}),
        ("st:pend", {"blog"}),
        ("!st:pend", {"mqtt"}),
        ("ns:web", {"blog"}),
        ("pool:default", {"mqtt"}),
        ("node:n1 ip:240", {"mqtt"}),
        ("node:n1 st:pend", set()),
        ("svc:web/blog", {"blog"}),
        ("[/", set()),
        ("odd:thing", set()),
    ],
)
def test_filter(text: str, names: set[str]) -> None:
    state = fold_all(State(), [CONFIG, SERVICE, *THREE, fake.change("web", "blog")])
    assert {one.name for one in rows.matching(rows.services(state, NOW), text)} == names


def test_silent_speakers() -> None:
    """Not asked lately, or heard by none of those that we hear; its own word does not count."""
    state = fold_all(
        State(), [heard("n1", "", alive=()), heard("n2", "", alive=("n3",)), heard("n3", "", alive=("n2",))]
    )
    assert holders.silent_speakers(state, NOW) == ("n1",)
    assert holders.silent_speakers(state, NOW + holders.FRESH_S) == ("n1", "n2", "n3")


def test_the_homelab() -> None:
    """The whole picture: each kind of trouble once, the rest is well."""
    found = rows.services(fold_all(State(), fake.homelab()), NOW)
    assert [one.word.name for one in found] == ["CONF", "PEND", "PEND", "NOAN", "MOVE", *["OK"] * 8]
    assert all(one.why for one in found[:5])
