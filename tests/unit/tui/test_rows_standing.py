"""Addresses whose owner's speaker is away, or whose owner has no witness: a note, and no problem."""

from __future__ import annotations

import pytest

from fakes import tui_source as fake
from fakes import world
from pylb.core.model import Node, NodeName
from pylb.tui import columns, printed, rows, words
from pylb.tui.facts import ConfigSeen, Fact, Held, Kind, Member, ObjectChanged, Snapshot, SpeakerHeard, SpeakerSilent
from pylb.tui.rows import ServiceRow
from pylb.tui.state import State
from pylb.tui.store import fold_all

NOW = fake.NOW
IP = "192.168.1.240"
SERVICE = fake.change("home", "mqtt", IP, created=NOW - 3600)
CONFIG = ConfigSeen(world.configured(world.pool("default", "192.168.1.240-192.168.1.250")))
ALL = ("n1", "n2", "n3")


def heard(node: str, owner: str, alive: tuple[str, ...] = ALL, **more: object) -> Fact:
    """A speaker that says who owns the address."""
    held = Held(IP, owner, owner == node, candidates=ALL, **more)  # type: ignore[arg-type]
    members = tuple(Member(name, True) for name in alive if name != node)
    return SpeakerHeard(NOW, Snapshot(node, members=members, addresses=(held,)))


def row(*facts: Fact) -> ServiceRow:
    """The one row that these facts make."""
    (only,) = rows.services(fold_all(State(), [CONFIG, SERVICE, *facts]), NOW)
    return only


def node(name: str, ready: bool) -> Fact:
    return ObjectChanged(Kind.NODE, name, Node(NodeName(name), ready=ready))


THREE = [heard(name, "n1") for name in ALL]
HELPED = [heard("n1", "n1"), heard("n2", "n1", ALL[1:], standing="n1"), heard("n3", "n1", ALL[1:])]
BOTH = [heard(one, "n1", ("n1", "n3")) for one in ("n1", "n3")]
AWAY = SpeakerSilent(NOW, "n1", "its Pod does not answer")
WHY = "n2 answers for n1, whose speaker is away: nothing moves"
WORDS: list[tuple[str, list[Fact], str, str, str]] = [  # case, facts, word, node, part of why
    ("stood in for", [*HELPED], "HELP", "n2 for n1", WHY),
    ("by whom the cluster hears", [*HELPED, AWAY], "HELP", "n2 for n1", "next: n2, n3"),
    ("the owner is heard again", [*HELPED, *THREE], "OK", "n1", "next: n2, n3"),
    ("on a node that is not ready", [*HELPED, node("n1", ready=False)], "DEGR", "n1", "NotReady"),
    ("by one that is cut off itself", [*BOTH, heard("n2", "n1", (), standing="n1")], "OK", "n1", ""),
    ("provisional", [heard("n1", "n1", provisional=True), *THREE[1:]], "OK", "n1", "provisional: nothing shows"),
]


@pytest.mark.parametrize(
    ("facts", "word", "shown", "why"), [case[1:] for case in WORDS], ids=[case[0] for case in WORDS]
)
def test_word(facts: list[Fact], word: str, shown: str, why: str) -> None:
    found = row(*facts)
    assert (found.word.name, found.node) == (word, shown)
    assert why in found.why


@pytest.mark.parametrize(
    ("helper", "owner", "shown"), [("n2", "n1", "n2 for n1"), ("rpi2", "kube-worker-1", "kube-work~*")]
)
def test_where_two_names_have_no_room_the_owner_is_marked(helper: str, owner: str, shown: str) -> None:
    found = row(heard(owner, owner, (owner, helper)), heard(helper, owner, (helper,), standing=owner))
    narrow = columns.layout(80, 78)
    [cell] = [
        span.text
        for span, column in zip(columns.cells(found, narrow, words.ASCII), narrow, strict=True)
        if column.key == "node"
    ]
    assert (found.word, cell) == (rows.Word.HELP, shown)
    assert rows.matching((found,), f"node:{owner}") == rows.matching((found,), f"node:{helper}") == (found,)


def test_that_somebody_is_stood_in_for_is_no_problem() -> None:
    state = fold_all(State(), [CONFIG, SERVICE, *HELPED])
    assert not printed.has_problems(rows.services(state, NOW), state, NOW)
    report = "\n".join(printed.report(state, NOW))
    assert "n2 for n1" in report
    assert "stood in for 1" in report
    assert "n2 answers for n1, whose speaker is away: nothing moves" in report


@pytest.mark.parametrize("wide", [False, True])
def test_one_long_name_pads_no_other_row_and_is_told_whole(wide: bool) -> None:
    long = fake.change("media", "x" * 253, "192.168.1.249")
    without, told = (
        list(printed.report(fold_all(State(), [*fake.homelab(), *more]), NOW, wide=wide)) for more in ((), (long,))
    )
    services = without[without.index("", 3) :]
    assert set(services) <= set(told)
    assert sum("media/" + "x" * 253 in line for line in told) == 1
