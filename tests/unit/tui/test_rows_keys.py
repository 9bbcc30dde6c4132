"""What a row says of an address that two nodes answer for since they share no key."""

from __future__ import annotations

from fakes import tui_source as fake
from fakes import world
from pylb.core import events
from pylb.tui import rows
from pylb.tui.facts import ConfigSeen, Fact, Held, Snapshot, SpeakerHeard
from pylb.tui.state import State
from pylb.tui.store import fold_all

NOW, IP = fake.NOW, "192.168.1.240"
SERVICE = fake.change("home", "mqtt", IP, created=NOW - 3600)
CONFIG = ConfigSeen(world.configured(world.pool("default", "192.168.1.240-192.168.1.250")))
FIX = "n1 shares no key with n2: kubectl -n pylb-system rollout restart ds/pylb-speaker"


def unread(node: str, other: str, at: float = NOW) -> Fact:
    """The owner of the address, in its own eyes, that cannot read another's beats."""
    held = Held(IP, node, True, candidates=(node,))
    return SpeakerHeard(at, Snapshot(node, addresses=(held,), strangers=((other, 9.0),)))


def told(*facts: Fact) -> tuple[str, str]:
    """The word of the one row that these facts make, and why."""
    (only,) = rows.services(fold_all(State(), [CONFIG, SERVICE, *facts]), NOW)
    return only.word.name, only.why


def test_a_strange_mac_may_be_of_a_speaker_that_cannot_be_read() -> None:
    heard = events.Conflict(NOW - 5, IP, "aa:bb", "n1")
    why = f"aa:bb, which n1 hears no speaker tell of, answers for it too; {FIX}"
    assert told(unread("n1", "n2"), heard) == ("CONF", why)


def test_two_owners_that_share_no_key_are_told_what_helps() -> None:
    both = [fact for at in (NOW - 6, NOW) for fact in (unread("n1", "n2", at), unread("n2", "n1", at))]
    assert told(*both) == ("CONF", f"2 nodes announce it: n1, n2; {FIX}")
