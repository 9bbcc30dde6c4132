"""What a row of the table says beside how its address is announced: a rival, what would help, what is mistyped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fakes import tui_source as fake
from fakes import world
from pylb.core import events
from pylb.tui import rows
from pylb.tui.facts import ConfigSeen, Contest, ControllerHeard, Fact, Held, Kind, ObjectChanged, Snapshot, SpeakerHeard
from pylb.tui.state import State
from pylb.tui.store import fold_all

NOW = fake.NOW
IP, KEY = "192.168.1.240", "home/mqtt"
CONFIG = ConfigSeen(world.configured(world.pool("default", "192.168.1.240-192.168.1.250")))
HELD = SpeakerHeard(NOW, Snapshot("n1", addresses=(Held(IP, "n1", mine=True),)))
SERVED = (fake.change("home", "mqtt", IP), HELD)
PENDING = (fake.change("home", "mqtt"),)


def contested(key: str = KEY, wrote: tuple[str, ...] = ("10.0.0.9",), at: float = NOW) -> Fact:
    return ControllerHeard(at, {key: Contest("k3s", wrote)})


def changed(address: str = "", **fields: object) -> Fact:
    """The Service with other fields."""
    service = replace(fake.service("home", "mqtt", address), **fields)  # type: ignore[arg-type]  # a table's rows
    return ObjectChanged(Kind.SERVICE, KEY, service, NOW)


MISTYPED = {"metallb.io/adress-pool": "lan"}
STRANGER = events.Conflict(NOW - 5, IP, "aa:bb", "n1")
OLDER = events.decode({"kind": "pending", "at": NOW, "service": KEY, "reason": "x", "text": "the reason"})
LONG_AGO = NOW - rows.CONTEST_SHOWN_S - 1
CASES: dict[str, tuple[Sequence[Fact], str, str]] = {  # case: facts, word, part of why
    "a rival": ((*SERVED, contested()), "RIVL", '"k3s" writes this Service\'s status, too (10.0.0.9)'),
    "a rival empties it": ((*PENDING, contested(wrote=())), "RIVL", "too (nothing), and pylb leaves it alone"),
    "a rival of another Service": ((*SERVED, contested("home/other")), "OK", ""),
    "a rival, told long ago": ((*SERVED, contested(at=LONG_AGO)), "OK", ""),
    "a rival that gave up": ((*SERVED, contested(), ControllerHeard(NOW, {})), "OK", ""),
    "a stranger is worse than a rival": ((*SERVED, contested(), STRANGER), "CONF", "aa:bb"),
    "what would help": (
        (*PENDING, events.Pending(NOW, KEY, "no_pool", "the reason", "create a pool")),
        "PEND",
        "the reason; create a pool",
    ),
    "an older controller tells no help": ((*PENDING, OLDER), "PEND", "the reason"),
    "nobody tells why": ((changed(load_balancer_ip="spec"),), "PEND", "; write one address of each"),
    "mistyped": ((changed(IP, annotations=MISTYPED), HELD), "OK", "did you mean metallb.io/address-pool?"),
    "mistyped, and pending": (
        (changed(annotations=MISTYPED),),
        "PEND",
        "answered; annotation metallb.io/adress-pool is not known",
    ),
}


@pytest.mark.parametrize(("facts", "word", "why"), CASES.values(), ids=CASES)
def test_remark(facts: Sequence[Fact], word: str, why: str) -> None:
    [row] = rows.services(fold_all(State(), [CONFIG, *facts]), NOW)
    assert row.word.name == word
    assert why in row.why if why else row.why == ""
