"""Who announces an address while a node is cut off: what it says of itself does not count against what others do."""

from __future__ import annotations

from collections.abc import Sequence

from fakes import tui_source as fake
from pylb.tui import rows
from pylb.tui.facts import Fact, Held, Member, Snapshot, SpeakerHeard
from pylb.tui.state import State
from pylb.tui.store import fold_all

IP, NOW = "192.168.1.240", fake.NOW
SERVICE = fake.change("home", "mqtt", IP, created=NOW - 3600)


def heard(node: str, alive: Sequence[str], owner: str = "", **more: object) -> Fact:
    """A speaker says who owns the address, or nobody; with whom it hears."""
    at = float(more.pop("at", NOW))  # type: ignore[arg-type]
    held = Held(IP, owner, mine=owner == node, candidates=("n1", "n2", "n3"), **more)  # type: ignore[arg-type]
    members = tuple(Member(name, True) for name in alive)
    return SpeakerHeard(at, Snapshot(node, members=members, addresses=(held,)))


def shown(*facts: Fact) -> tuple[str, str]:
    """The word and the node that the address's row shows."""
    (only,) = rows.services(fold_all(State(), [SERVICE, *facts]), NOW)
    return only.word.name, only.node


def test_a_node_whose_cable_is_cut_does_not_own_what_another_took() -> None:
    """Of two nodes neither hears the other; the one that is cut off says itself that it does not answer."""
    assert shown(heard("n1", (), reason="no_link"), heard("n2", (), "n2"))[1] == "n2"


def test_nor_does_it_hide_what_others_say_of_an_owner_that_cannot_be_asked() -> None:
    assert shown(heard("n1", (), reason="no_link"), heard("n3", ("n2",), "n2"))[1] == "n2"
    assert shown(heard("n1", (), reason="stalled"), heard("n3", ("n2",), "n2"))[1] == "n2"


def test_where_nobody_else_says_anything_its_reason_is_shown() -> None:
    assert shown(heard("n1", (), reason="no_link")) == ("NOAN", "none")


def test_of_two_that_do_not_hear_each_other_the_one_that_kept_its_witness_is_shown() -> None:
    """The other's claim is provisional, with its carrier up; a dispute is between two that are sure."""
    for provisional, both in ((True, "n2"), (False, "n1,n2!")):
        told = [
            fact
            for at in (NOW - 6, NOW)  # longer than a move takes
            for fact in (heard("n1", (), "n1", provisional=provisional, at=at), heard("n2", (), "n2", at=at))
        ]
        assert shown(*told)[1] == both
