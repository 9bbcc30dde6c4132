"""Who announces an address while a node is cut off: what it says of itself does not count against what others do."""

from __future__ import annotations

from collections.abc import Sequence

from fakes import tui_source as fake
from pylb.core import events
from pylb.core.model import L2Status, NodeName, Pod, ServiceKey
from pylb.tui import holders, rows
from pylb.tui.facts import Fact, Held, Kind, Member, ObjectChanged, Snapshot, SpeakerHeard
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


def test_of_a_speaker_that_stepped_back_it_is_not_said_that_others_are_silent() -> None:
    """n3 is cut off and lists nobody; n2 froze before we looked: n1 is well, and nothing may go to n2."""
    pods = [pod(node) for node in ("n1", "n2", "n3")]
    held = Held(IP, "n1", mine=True, candidates=("n1", "n2"))
    n1 = SpeakerHeard(NOW, Snapshot("n1", state="active", addresses=(held,)))
    state = fold_all(State(), [SERVICE, *pods, n1, SpeakerHeard(NOW, Snapshot("n3", state="joining"))])
    assert holders.silent_speakers(state, NOW) == ("n2", "n3")
    (only,) = rows.services(state, NOW)
    assert (only.word.name, only.node, only.why) == ("OK", "n1", "")


def pod(node: str) -> Fact:
    """A speaker's pod that is ready."""
    labels = {"app.kubernetes.io/component": "speaker"}
    value = Pod("pylb-system", f"pylb-speaker-{node}", labels, NodeName(node), ready=True)
    return ObjectChanged(Kind.POD, value.name, value)


def record(since: str, node: str = "n1", term: int = 7) -> Fact:
    """A ServiceL2Status with what its speaker wrote of its claim."""
    value = L2Status("pylb-system", f"l2-{node}", ServiceKey("home/mqtt"), NodeName(node), term=term, since=since)
    return ObjectChanged(Kind.STATUS, value.name, value, NOW - 900)


def since(*facts: Fact) -> float | None:
    """Since when the address's row says that it is announced."""
    (only,) = rows.services(fold_all(State(), [SERVICE, *facts]), NOW)
    return only.since_at


CLAIMED = events.Claimed(NOW - 5, IP, "n1", ("home/mqtt",))
STAMP, AT = "2026-11-20T12:03:22Z", NOW - 7200  # what NOW - 2 h is called


def test_a_speaker_that_began_anew_announces_since_its_record_says() -> None:
    """Its events are of this life alone: the address did not move when it was restarted."""
    owned = heard("n1", ("n2",), "n1", term=7)
    assert since(owned, CLAIMED) == NOW - 5
    assert since(owned, CLAIMED, record(STAMP)) == AT
    assert since(owned, record(STAMP)) == AT
    assert since(record(STAMP)) == AT  # of a cluster whose speakers cannot be asked


def test_a_record_that_is_not_of_this_claim_does_not_count() -> None:
    owned = heard("n1", ("n2",), "n1", term=8)
    assert since(owned, CLAIMED, record(STAMP)) == NOW - 5  # of an earlier term
    assert since(owned, CLAIMED, record(STAMP, node="n2", term=8)) == NOW - 5
    assert since(owned, CLAIMED, record("yesterday", term=8)) == NOW - 5
    assert since(owned, CLAIMED, record("2026-11-20T14:03:20Z", term=8)) == NOW - 5  # it is younger


def test_an_address_that_was_elsewhere_since_its_record_came_back_then() -> None:
    away = events.Moved(NOW - 60, IP, "n1", "n2", ("home/mqtt",), "asked_for", None, None)
    back = events.Moved(NOW - 5, IP, "n2", "n1", ("home/mqtt",), "asked_for", None, None)
    assert since(heard("n1", ("n2",), "n1", term=7), away, back, record(STAMP)) == NOW - 5
