"""A ledger that follows changes of Services, compared with one that is made anew each time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import world
from pylb.core.allocation.ledger import Ledger
from pylb.core.allocation.requests import Use
from pylb.core.explanation import scene
from pylb.core.model import Service, ServiceKey

CONFIG = world.configured(world.pool("four", "10.0.0.0/30"), world.pool("six", "fd00::/126"))
FOUR = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.9.9.9", "not an address")
SIX = ("fd00::1", "FD00:0::1", "fd00::2")  # the first two are the same
SHARE = {"metallb.io/allow-shared-ip": "k"}

services = st.builds(
    lambda name, four, six, port, shares: world.service(
        name,
        port,
        dual=True,
        family_policy="PreferDualStack",
        ingress=(*four, *six),
        annotations=SHARE if shares else {},
    ),
    st.sampled_from("abcdef"),
    st.lists(st.sampled_from(FOUR), max_size=1),
    st.lists(st.sampled_from(SIX), max_size=1),
    st.sampled_from([80, 81, 82]),
    st.sampled_from([True, True, False]),
)
changes = st.lists(st.one_of(services, st.sampled_from("abcdef")), min_size=1, max_size=3)  # a name: it goes


def told(ledger: Ledger) -> dict[object, object]:
    """Who has what, and who uses which address how."""
    used: dict[object, dict[ServiceKey, Use]] = {
        address: dict(ledger.users(address)) for one in ledger.allocations.values() for address in one.addresses
    }
    return {**used, **ledger.allocations}


@settings(max_examples=200)
@given(st.lists(changes, max_size=8))
def test_it_follows_as_if_it_was_made_anew(steps: list[list[Service | str]]) -> None:
    known: dict[ServiceKey, Service] = {}
    ledger = scene.ledger_of(CONFIG, ())
    for step in steps:
        before = dict(known)
        for one in step:
            if isinstance(one, Service):
                known[one.key] = one
            else:
                known.pop(ServiceKey(f"default/{one}"), None)
        keys = before.keys() | known.keys()
        changed = [
            one
            for key in keys
            for one in (before.get(key), known.get(key))
            if one and before.get(key) is not known.get(key)
        ]
        scene.follow(ledger, CONFIG, known, changed)
        assert told(ledger) == told(scene.ledger_of(CONFIG, known.values()))
